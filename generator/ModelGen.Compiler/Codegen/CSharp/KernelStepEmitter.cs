using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the training step that runs on kernels.</summary>
internal static class KernelStepEmitter
{
    /// <summary>Writes the class and the loops it uses.</summary>
    /// <param name="writer">Receives the text.</param>
    /// <param name="graph">The graph that was lowered.</param>
    /// <param name="program">Its kernels.</param>
    /// <param name="name">Name of the class.</param>
    /// <param name="checksInstance">Whether the instance is compared with the compiled one before each step.</param>
    public static void Write(IndentedWriter writer, Graph graph, KernelProgram program, string name, bool checksInstance)
    {
        int parameters = graph.ValuesOf(ValueKind.Parameter).Count();
        using (writer.Braces($"file sealed class {name}<V>(ParameterTable weights, OptimizerSettings optimizer) : KernelStep(weights.Parameters({Invariant.Text(parameters)}), optimizer)\n    where V : unmanaged, IVector<V>"))
        {
            string[] symbols = [.. GraphFunction.Symbols(graph)];
            foreach (string symbol in symbols)
            {
                writer.Line($"private long {Field(symbol)};");
            }

            if (symbols.Length > 0)
            {
                writer.Line();
            }

            WriteRun(writer, graph, program, symbols, checksInstance);
            writer.Line();
            WritePlan(writer, program, symbols);
            writer.Line();
            WriteCompute(writer, program, symbols, parameters);
        }

        foreach (string type in program.Types)
        {
            writer.Line();
            writer.Line(type.TrimEnd('\n'));
        }
    }

    private static string Field(string symbol) => "size" + symbol;

    private static void WriteRun(IndentedWriter writer, Graph graph, KernelProgram program, string[] symbols, bool checksInstance)
    {
        var function = new GraphFunction(graph, static (_, _) => "", "inputs", "weights", "Parameters");
        int[] inputs = [.. graph.ValuesOf(ValueKind.Input)];
        int target = graph.ValuesOf(ValueKind.Target).Single();
        using (writer.Braces($"public override void Run(IReadOnlyList<Tensor> inputs, Tensor {function.NameOf(target)})"))
        {
            if (checksInstance)
            {
                writer.Line("weights.Current();");
            }

            writer.Line($"TensorOps.CheckCount(inputs.Count, {Invariant.Text(inputs.Length)});");
            for (int i = 0; i < inputs.Length; i++)
            {
                writer.Line($"Tensor {function.NameOf(inputs[i])} = inputs[{Invariant.Text(i)}];");
            }

            function.WriteInputs(writer);
            string changed = string.Join(" || ", symbols.Select(static symbol => $"{Field(symbol)} != {symbol}").Prepend("!IsPlanned"));
            using (writer.Braces($"if ({changed})"))
            {
                foreach (string symbol in symbols)
                {
                    writer.Line($"{Field(symbol)} = {symbol};");
                }

                writer.Line("Resize();");
            }

            writer.Line();
            int[] arena = Arena(program);
            foreach (int value in inputs.Append(target))
            {
                writer.Line($"Load({function.NameOf(value)}, {Invariant.Text(Array.IndexOf(arena, program.Values[value]))});");
            }

            writer.Line("Compute();");
        }
    }

    private static int[] Arena(KernelProgram program) => [.. Enumerable.Range(0, program.Buffers.Count).Where(index => program.Buffers[index].Kind == MemoryKind.Arena)];

    private static void WriteSymbols(IndentedWriter writer, string[] symbols, string type)
    {
        foreach (string symbol in symbols)
        {
            writer.Line($"{type} {symbol} = {(type == "nint" ? "(nint)" : "")}{Field(symbol)};");
        }
    }

    private static void WritePlan(IndentedWriter writer, KernelProgram program, string[] symbols)
    {
        (int First, int Last)[] lives = program.Lives();
        var shares = new Dictionary<int, int>();
        for (int i = 0; i < program.Statements.Count; i++)
        {
            if (program.Statements[i].InPlace is (int written, int read) && lives[read].Last == i && lives[written].First == i)
            {
                shares.Add(written, read);
            }
        }

        int[] arena = Arena(program);
        using (writer.Braces("protected override void Plan(ArenaPlan memory)"))
        {
            WriteSymbols(writer, symbols, "long");
            foreach (int index in arena)
            {
                KernelBuffer buffer = program.Buffers[index];
                string size = (buffer.DType == DType.Int64 ? buffer.Count * 2 : buffer.Count).ToCSharp();
                size = buffer.LikeEagerOnly ? $"DrawsLikeEager ? {size} : 0" : size;
                string comment = $"   // {Invariant.Text(Array.IndexOf(arena, index))}: {buffer.Name}";
                writer.Line(shares.TryGetValue(index, out int read)
                    ? $"memory.Same({Invariant.Text(Array.IndexOf(arena, read))}, {Invariant.Text(lives[index].Last)});{comment}"
                    : $"memory.Slot({size}, {Invariant.Text(Math.Min(lives[index].First, program.Statements.Count))}, {Invariant.Text(lives[index].Last)});{comment}");
            }
        }
    }

    private static void WriteCompute(IndentedWriter writer, KernelProgram program, string[] symbols, int parameters)
    {
        int[] arena = Arena(program);
        using (writer.Braces("private void Compute()"))
        {
            WriteSymbols(writer, symbols, "nint");
            for (int i = 0; i < program.Buffers.Count; i++)
            {
                KernelBuffer buffer = program.Buffers[i];
                string number = Invariant.Text(buffer.Index);
                string address = buffer.Kind switch
                {
                    MemoryKind.Arena => $"Slot({Invariant.Text(Array.IndexOf(arena, i))})",
                    MemoryKind.Parameter => $"ParameterAt({number})",
                    MemoryKind.Gradient => $"GradientAt({number})",
                    MemoryKind.State => $"StateAt(weights[{Invariant.Text(parameters + buffer.Index)}])",
                    _ => "LossAt()",
                };
                writer.Line(buffer.DType == DType.Int64 ? $"Longs {buffer.Name} = {address}.AsLongs();" : $"Floats {buffer.Name} = {address};");
            }

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
    }
}
