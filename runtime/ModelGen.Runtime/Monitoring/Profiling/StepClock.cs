using System.Diagnostics;

namespace ModelGen;

/// <summary>Notes when each statement of a step begins. All memory is allocated before.</summary>
/// <param name="operations">Statements of a step.</param>
/// <param name="steps">Steps to note.</param>
internal sealed class StepClock(int operations, int steps)
{
    private readonly long[] ticks = new long[(operations + 1) * steps];
    private int row;

    /// <summary>Steps whose end was noted.</summary>
    public int Finished { get; private set; }

    public void Mark(int operation)
    {
        ticks[row + operation] = Stopwatch.GetTimestamp();
        if (operation == operations)
        {
            row += operations + 1;
            Finished++;
        }
    }

    /// <summary>When a statement of a step began, in ticks of <see cref="Stopwatch"/>; that after the last one is the end of the step.</summary>
    public long Start(int step, int operation) => ticks[(step * (operations + 1)) + operation];
}
