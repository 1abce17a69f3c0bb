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

    /// <summary>Writes the calls that lay an arena out.</summary>
    public static void WritePlan(IndentedWriter writer, ArenaLayout layout)
    {
        for (int i = 0; i < layout.Slots.Count; i++)
        {
            ArenaSlot slot = layout.Slots[i];
            KernelBuffer buffer = layout.Program.Buffers[slot.Buffer];
            string size = buffer.LikeEagerOnly ? $"DrawsLikeEager ? {slot.Floats.ToCSharp()} : 0" : slot.Floats.ToCSharp();
            string comment = $"   // {Invariant.Text(i)}: {buffer.Name}";
            writer.Line(slot.Same >= 0
                ? $"memory.Same({Invariant.Text(slot.Same)}, {Invariant.Text(slot.Last)});{comment}"
                : $"memory.Slot({size}, {Invariant.Text(slot.First)}, {Invariant.Text(slot.Last)});{comment}");
        }
    }

    /// <summary>Writes the variable of a buffer.</summary>
    public static void WriteBuffer(IndentedWriter writer, KernelBuffer buffer, string address) =>
        writer.Line(buffer.DType == DType.Int64 ? $"Longs {buffer.Name} = {address}.AsLongs();" : $"Floats {buffer.Name} = {address};");

    /// <summary>Writes the statements, with the user's expressions above them.</summary>
    /// <param name="writer">Receives the text.</param>
    /// <param name="program">The statements.</param>
    /// <param name="marked">Whether each tells a profiler that it begins.</param>
    public static void WriteStatements(IndentedWriter writer, KernelProgram program, bool marked = false)
    {
        string group = "";
        for (int i = 0; i < program.Statements.Count; i++)
        {
            KernelStatement statement = program.Statements[i];
            if (statement.Source != group)
            {
                group = statement.Source;
                writer.Line();
                writer.Line("// " + group);
            }

            if (marked)
            {
                writer.Line($"Mark({Invariant.Text(i)});");
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
