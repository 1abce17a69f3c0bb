namespace ModelGen.Compiler.Lowering;

/// <summary>Inference cut into what depends on weights alone, which runs once, and the rest.</summary>
internal sealed class InferenceProgram
{
    /// <summary>Cuts a program.</summary>
    /// <param name="program">Kernels of inference.</param>
    /// <param name="symbols">Named sizes of the inputs.</param>
    public InferenceProgram(KernelProgram program, IReadOnlyCollection<string> symbols)
    {
        (Prepare, Run, Prepared) = program.Split(symbols);
        Outputs = [.. Run.Outputs.Select(static place => place.Buffer)];
        HashSet<int> read = [.. Run.Statements.SelectMany(static statement => statement.Reads), .. Outputs];
        PreparedBuffers = [.. program.ArenaBuffers.Where(Prepared.Contains)];
        Buffers = [.. program.ArenaBuffers.Where(index => !Prepared.Contains(index))];
        PreparedLayout = new ArenaLayout(Prepare, PreparedBuffers, read.Contains);
        Layout = new ArenaLayout(Run, Buffers, Outputs.Contains);
    }

    /// <summary>Statements that run when weights changed.</summary>
    public KernelProgram Prepare { get; }

    /// <summary>Statements of a call.</summary>
    public KernelProgram Run { get; }

    /// <summary>Buffers that the former write.</summary>
    public HashSet<int> Prepared { get; }

    /// <summary>Buffers that are returned.</summary>
    public HashSet<int> Outputs { get; }

    /// <summary>Prepared buffers in the order of their slots.</summary>
    public int[] PreparedBuffers { get; }

    /// <summary>Buffers of a call in the order of their slots.</summary>
    public int[] Buffers { get; }

    /// <summary>Memory of the prepared buffers.</summary>
    public ArenaLayout PreparedLayout { get; }

    /// <summary>Memory of a call.</summary>
    public ArenaLayout Layout { get; }
}
