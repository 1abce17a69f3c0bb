using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes what all functions on kernels have in common: the plan of the memory and the statements.</summary>
internal static class KernelCode
{
    /// <summary>The vector types that code is compiled for, by their width.</summary>
    private static readonly (string Case, string Vector)[] Widths = [("512", "V512"), ("256", "V256"), ("_", "V128")];

    /// <summary>Writes an expression that makes an object for the vectors that the machine has.</summary>
    /// <param name="writer">Receives the text.</param>
    /// <param name="before">Text before the expression.</param>
    /// <param name="type">Name of the type.</param>
    /// <param name="arguments">Arguments of its constructor.</param>
    public static void WriteChoice(IndentedWriter writer, string before, string type, string arguments)
    {
        using (writer.Braces($"{before} global::ModelGen.Kernels.Hardware.VectorBits switch", "};"))
        {
            foreach ((string width, string vector) in Widths)
            {
                writer.Line($"{width} => new {type}<global::ModelGen.Kernels.{vector}>({arguments}),");
            }
        }
    }

    /// <summary>The buffers of the arena, in the order of their slots.</summary>
    public static int[] Arena(KernelProgram program) => [.. Enumerable.Range(0, program.Buffers.Count).Where(index => program.Buffers[index].Kind == MemoryKind.Arena)];

    /// <summary>Writes the calls that lay an arena out.</summary>
    /// <param name="writer">Receives the text.</param>
    /// <param name="program">The kernels.</param>
    /// <param name="slots">Buffers in the order of their slots.</param>
    /// <param name="stays">Whether a buffer is read after the last statement.</param>
    public static void WritePlan(IndentedWriter writer, KernelProgram program, int[] slots, Func<int, bool> stays)
    {
        (int First, int Last)[] lives = program.Lives();
        foreach (int index in slots.Where(stays))
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

        foreach (int index in slots)
        {
            KernelBuffer buffer = program.Buffers[index];
            string size = (buffer.DType == DType.Int64 ? buffer.Count * 2 : buffer.Count).ToCSharp();
            size = buffer.LikeEagerOnly ? $"DrawsLikeEager ? {size} : 0" : size;
            string comment = $"   // {Invariant.Text(Array.IndexOf(slots, index))}: {buffer.Name}";
            writer.Line(shares.TryGetValue(index, out int source)
                ? $"memory.Same({Invariant.Text(Array.IndexOf(slots, source))}, {Invariant.Text(lives[index].Last)});{comment}"
                : $"memory.Slot({size}, {Invariant.Text(Math.Min(lives[index].First, program.Statements.Count))}, {Invariant.Text(lives[index].Last)});{comment}");
        }
    }

    /// <summary>Writes the variable of a buffer.</summary>
    public static void WriteBuffer(IndentedWriter writer, KernelBuffer buffer, string address) =>
        writer.Line(buffer.DType == DType.Int64 ? $"Longs {buffer.Name} = {address}.AsLongs();" : $"Floats {buffer.Name} = {address};");

    /// <summary>Writes the statements, with the user's expressions above them.</summary>
    public static void WriteStatements(IndentedWriter writer, KernelProgram program)
    {
        string group = "";
        foreach (KernelStatement statement in program.Statements)
        {
            if (statement.Source != group)
            {
                group = statement.Source;
                writer.Line();
                writer.Line("// " + group);
            }

            foreach (string line in statement.Lines)
            {
                writer.Line(line);
            }
        }
    }

    /// <summary>Writes the loops of a program.</summary>
    public static void WriteTypes(IndentedWriter writer, KernelProgram program)
    {
        foreach (string type in program.Types)
        {
            writer.Line();
            writer.Line(type.TrimEnd('\n'));
        }
    }
}
