using System.Text.RegularExpressions;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Lowering;

/// <summary>Which memory a buffer is in.</summary>
internal enum MemoryKind
{
    /// <summary>The arena, which is planned: buffers whose lives do not overlap share it.</summary>
    Arena,

    /// <summary>A parameter in the flat buffer.</summary>
    Parameter,

    /// <summary>A parameter's gradient in the flat buffer.</summary>
    Gradient,

    /// <summary>A tensor of the model that the optimizer leaves alone, such as running statistics.</summary>
    State,

    /// <summary>The number that the step returns.</summary>
    Loss,
}

/// <summary>A piece of memory that kernels read and write.</summary>
/// <param name="Name">Its variable in the generated code.</param>
/// <param name="Count">Number of elements.</param>
/// <param name="DType">Element type; booleans are floats, 0 or 1.</param>
/// <param name="Kind">Which memory it is in.</param>
/// <param name="Index">Number among the parameters or states; for others 0.</param>
internal sealed record KernelBuffer(string Name, Dim Count, DType DType, MemoryKind Kind, int Index)
{
    /// <summary>Whether the buffer exists only when dropout is compared with eager code: a kernel draws the numbers itself otherwise.</summary>
    public bool LikeEagerOnly { get; init; }
}

/// <summary>Calls of kernels.</summary>
/// <param name="Lines">C# statements.</param>
/// <param name="Reads">Buffers that are read.</param>
/// <param name="Writes">Buffers that are written.</param>
/// <param name="Source">The user's expression.</param>
internal sealed record KernelStatement(IReadOnlyList<string> Lines, IReadOnlyCollection<int> Reads, IReadOnlyCollection<int> Writes, string Source)
{
    /// <summary>Whether the statement does more than writing its buffers, such as drawing random numbers.</summary>
    public bool HasSideEffect { get; init; }

    /// <summary>The user's expression that the statement belongs to. <see cref="Source"/>, which is written above it, names what is prepared for it instead where that is something else.</summary>
    public string Expression { get; init; } = "";

    /// <summary>State-dict path of the layer that the statement belongs to; empty outside layers.</summary>
    public string Layer { get; init; } = "";

    /// <summary>What runs, for reports: the kernel's method, or the elementwise operators of a loop.</summary>
    public string Kernel { get; init; } = "";

    /// <summary>Whether the statement belongs to the gradients.</summary>
    public bool IsGradient { get; init; }

    /// <summary>Floating-point operations, as the operators state them.</summary>
    public Dim Flops { get; init; } = Dim.Zero;

    /// <summary>Bytes of the different elements that are read and written.</summary>
    public Dim Bytes { get; init; } = Dim.Zero;

    /// <summary>Whether this is the optimizer's update, whose work depends on settings that are known when the step is made.</summary>
    public bool IsUpdate { get; init; }

    /// <summary>A buffer that is written and the one that is read at the same places and not needed afterwards, so that both may be the same memory.</summary>
    public (int Written, int Read)? InPlace { get; init; }

    /// <summary>The convolution that this is, where it may be joined with others.</summary>
    public ConvolutionCall? Convolution { get; init; }

    /// <summary>The name of a kernel for reports: the class and method of the first call.</summary>
    /// <param name="lines">Statements.</param>
    public static string NameOf(params string[] lines)
    {
        Match call = Regex.Match(string.Join("\n", lines), @"\b([A-Z]\w*)(?:<V>)?\.([A-Z]\w*)\(|\b([A-Z]\w*)(?:<V>)?\(");
        return !call.Success ? "" : call.Groups[3].Success ? call.Groups[3].Value : call.Groups[1].Value + "." + call.Groups[2].Value;
    }
}

/// <summary>A graph as calls of kernels over buffers.</summary>
/// <param name="Buffers">All memory.</param>
/// <param name="Statements">Calls in order.</param>
/// <param name="Types">C# declarations of the kernels that were written for this graph.</param>
/// <param name="Values">The buffer of each input, target, parameter and state of the graph.</param>
/// <param name="Flags">Buffers of the arena that take a state of booleans, and its number among the states: libtorch keeps bytes, kernels floats.</param>
internal sealed record KernelProgram(
    IReadOnlyList<KernelBuffer> Buffers, IReadOnlyList<KernelStatement> Statements, IReadOnlyList<string> Types, IReadOnlyDictionary<int, int> Values, IReadOnlyList<(int Buffer, int State)> Flags)
{
    /// <summary>Places of the outputs, by rows; empty for training steps, which have none.</summary>
    public IReadOnlyList<Place> Outputs { get; init; } = [];

    /// <summary>The buffers of the arena, in the order of their slots.</summary>
    public int[] ArenaBuffers => [.. Enumerable.Range(0, Buffers.Count).Where(index => Buffers[index].Kind == MemoryKind.Arena)];


    /// <summary>
    /// Takes the statements out that depend on parameters and states alone, so that they can run once. A named size in the text of a statement keeps it here, as it is known
    /// only at a call.
    /// </summary>
    /// <param name="symbols">Named sizes.</param>
    /// <returns>The statements to run before, the rest, and the buffers that the former leave.</returns>
    public (KernelProgram Prepare, KernelProgram Run, HashSet<int> Prepared) Split(IReadOnlyCollection<string> symbols)
    {
        Regex? sizes = symbols.Count == 0 ? null : new Regex($@"\b({string.Join("|", symbols.Select(Regex.Escape))})\b");
        HashSet<int> early = [.. Enumerable.Range(0, Statements.Count).Where(IsCandidate)];
        bool changed = true;
        while (changed)
        {
            HashSet<int> late = [.. Enumerable.Range(0, Statements.Count).Where(index => !early.Contains(index)).SelectMany(index => Statements[index].Writes), .. Values.Values.Where(buffer => Buffers[buffer].Kind == MemoryKind.Arena)];
            changed = early.RemoveWhere(index => Statements[index].Reads.Concat(Statements[index].Writes).Any(late.Contains)) > 0;
        }

        HashSet<int> prepared = [.. early.SelectMany(index => Statements[index].Writes)];
        KernelProgram Part(bool before) => this with
        {
            Statements = [.. Statements.Where((_, index) => early.Contains(index) == before).Select(statement => statement.InPlace is (_, int read) && !before && prepared.Contains(read) ? statement with { InPlace = null } : statement)],
        };
        return (Part(before: true), Part(before: false), prepared);

        bool IsCandidate(int index)
        {
            KernelStatement statement = Statements[index];
            return !statement.HasSideEffect && statement.Writes.Count > 0 && statement.Writes.All(buffer => Buffers[buffer].Kind == MemoryKind.Arena)
                && (sizes is null || !statement.Lines.Any(line => sizes.IsMatch(line)));
        }
    }

    /// <summary>The first and last statement that uses each buffer; (-1, -1) for inputs that nothing reads.</summary>
    public (int First, int Last)[] Lives()
    {
        var lives = new (int First, int Last)[Buffers.Count];
        for (int i = 0; i < lives.Length; i++)
        {
            lives[i] = (int.MaxValue, -1);
        }

        for (int i = 0; i < Statements.Count; i++)
        {
            foreach (int buffer in Statements[i].Reads.Concat(Statements[i].Writes))
            {
                lives[buffer] = (Math.Min(lives[buffer].First, i), i);
            }
        }

        foreach (int input in Values.Values)
        {
            // Inputs are there before the first statement.
            lives[input] = (0, Math.Max(lives[input].Last, 0));
        }

        return lives;
    }
}

/// <summary>An operator has no kernel for its operands, so the graph runs on libtorch's operators.</summary>
internal sealed class NoKernelException(string message) : Exception(message);
