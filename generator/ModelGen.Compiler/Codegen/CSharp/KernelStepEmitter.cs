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

            writer.Line("protected override ParameterTable Weights => weights;");
            writer.Line();
            WriteRun(writer, graph, program, symbols, parameters, checksInstance);
            writer.Line();
            WritePlan(writer, program, symbols);
            writer.Line();
            WriteCompute(writer, program, symbols, parameters);
            writer.Line();
            WriteDescription(writer, program, symbols);
        }

        KernelCode.WriteTypes(writer, program);
    }

    private static string Field(string symbol) => "size" + symbol;

    private static void WriteRun(IndentedWriter writer, Graph graph, KernelProgram program, string[] symbols, int parameters, bool checksInstance)
    {
        var function = new GraphFunction(graph, static (_, _) => "", "inputs", "weights", "Parameters");
        int[] inputs = [.. graph.ValuesOf(ValueKind.Input)];
        int target = graph.ValuesOf(ValueKind.Target).Single();
        using (writer.Braces($"protected override void Evaluate(IReadOnlyList<Tensor> inputs, Tensor {function.NameOf(target)})"))
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
            int[] arena = program.ArenaBuffers;
            foreach (int value in inputs.Append(target))
            {
                writer.Line($"Load({function.NameOf(value)}, Slot({Invariant.Text(Array.IndexOf(arena, program.Values[value]))}));");
            }

            foreach ((int buffer, int state) in program.Flags)
            {
                writer.Line($"Load(weights[{Invariant.Text(parameters + state)}], Slot({Invariant.Text(Array.IndexOf(arena, buffer))}));");
            }

            writer.Line("Compute();");
        }
    }

    private static void WriteSymbols(IndentedWriter writer, string[] symbols, string type)
    {
        foreach (string symbol in symbols)
        {
            writer.Line($"{type} {symbol} = {(type == "nint" ? "(nint)" : "")}{Field(symbol)};");
        }
    }

    private static void WritePlan(IndentedWriter writer, KernelProgram program, string[] symbols)
    {
        using (writer.Braces("protected override void Plan(ArenaPlan memory)"))
        {
            WriteSymbols(writer, symbols, "long");
            KernelCode.WritePlan(writer, new ArenaLayout(program, program.ArenaBuffers, static _ => false));
        }
    }

    private static void WriteCompute(IndentedWriter writer, KernelProgram program, string[] symbols, int parameters)
    {
        int[] arena = program.ArenaBuffers;
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
                KernelCode.WriteBuffer(writer, buffer, address);
            }

            KernelCode.WriteStatements(writer, program, marked: true);
            writer.Line();
            writer.Line($"Mark({Invariant.Text(program.Statements.Count)});");
        }
    }

    /// <summary>What each statement is and costs, for the profiler.</summary>
    private static void WriteDescription(IndentedWriter writer, KernelProgram program, string[] symbols)
    {
        using (writer.Braces("protected override StepOperation[] Describe()"))
        {
            WriteSymbols(writer, symbols, "long");
            writer.Line("return");
            writer.Line("[");
            foreach (KernelStatement statement in program.Statements)
            {
                string phase = statement.IsUpdate ? "Update" : statement.IsGradient ? "Backward" : "Forward";
                string cost = statement.IsUpdate ? "Optimizer.StepFlops, Optimizer.StepBytes" : $"{statement.Flops.ToCSharp()}, {statement.Bytes.ToCSharp()}";
                writer.Line($"    new({Invariant.Literal(statement.Expression.Length > 0 ? statement.Expression : statement.Source)}, {Invariant.Literal(statement.Layer)}, {Invariant.Literal(statement.Kernel)}, StepPhase.{phase}, {cost}),");
            }

            writer.Line("];");
        }
    }
}
