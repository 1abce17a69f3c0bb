using ModelGen.Compiler.Ir;
using ModelGen.Kernels;

namespace ModelGen.Compiler.Lowering;

/// <summary>A buffer of an arena.</summary>
/// <param name="Buffer">Its number in the program.</param>
/// <param name="Floats">Its size, where integers of 64 bits count as two.</param>
/// <param name="First">First statement that uses it.</param>
/// <param name="Last">Last statement that uses it.</param>
/// <param name="Same">The slot whose place it takes; -1 for a place of its own.</param>
internal sealed record ArenaSlot(int Buffer, Dim Floats, int First, int Last, int Same);

/// <summary>Which buffers of a program share the memory of an arena, and when each is used.</summary>
internal sealed class ArenaLayout
{
    /// <summary>Plans an arena.</summary>
    /// <param name="program">The kernels.</param>
    /// <param name="buffers">Buffers in the order of their slots.</param>
    /// <param name="stays">Whether a buffer is read after the last statement.</param>
    public ArenaLayout(KernelProgram program, int[] buffers, Func<int, bool> stays)
    {
        (int First, int Last)[] lives = program.Lives();
        foreach (int index in buffers.Where(stays))
        {
            lives[index].Last = program.Statements.Count;
        }

        var shares = new Dictionary<int, int>();
        for (int i = 0; i < program.Statements.Count; i++)
        {
            if (program.Statements[i].InPlace is (int written, int read) && lives[read].Last == i && lives[written].First == i)
            {
                shares.Add(written, read);
            }
        }

        Slots = [.. buffers.Select(index => new ArenaSlot(
            index,
            program.Buffers[index].DType == DType.Int64 ? program.Buffers[index].Count * 2 : program.Buffers[index].Count,
            Math.Min(lives[index].First, program.Statements.Count),
            lives[index].Last,
            shares.TryGetValue(index, out int source) ? Array.IndexOf(buffers, source) : -1))];
        Program = program;
    }

    /// <summary>The kernels.</summary>
    public KernelProgram Program { get; }

    /// <summary>The buffers.</summary>
    public IReadOnlyList<ArenaSlot> Slots { get; }

    /// <summary>Size of the arena, exactly as the generated code lays it out at run time.</summary>
    /// <param name="symbols">Values of the named sizes.</param>
    public long Bytes(IReadOnlyDictionary<string, long> symbols)
    {
        var slotOf = new List<int>();
        var sizes = new List<long>();
        var first = new List<int>();
        var last = new List<int>();
        foreach (ArenaSlot slot in Slots)
        {
            if (slot.Same >= 0)
            {
                slotOf.Add(slotOf[slot.Same]);
                last[slotOf[slot.Same]] = Math.Max(last[slotOf[slot.Same]], slot.Last);
                continue;
            }

            slotOf.Add(sizes.Count);
            sizes.Add(Program.Buffers[slot.Buffer].LikeEagerOnly ? 0 : slot.Floats.Evaluate(symbols));
            first.Add(slot.First);
            last.Add(slot.Last);
        }

        return ArenaPlanner.Place(sizes, first, last, new long[sizes.Count]) * sizeof(float);
    }
}
