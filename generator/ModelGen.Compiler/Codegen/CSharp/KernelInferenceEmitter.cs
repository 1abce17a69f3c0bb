using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes inference that runs on kernels.</summary>
internal static class KernelInferenceEmitter
{
    /// <summary>Writes the class and the loops it uses.</summary>
    /// <param name="writer">Receives the text.</param>
    /// <param name="lowered">The graph and its kernels.</param>
    /// <param name="name">Name of the class.</param>
    public static void Write(IndentedWriter writer, LoweredGraph lowered, string name)
    {
        Graph graph = lowered.Graph;
        string[] symbols = [.. GraphFunction.Symbols(graph)];
        var program = new InferenceProgram(lowered.Program, symbols);
        (KernelProgram prepare, KernelProgram run) = (program.Prepare, program.Run);
        int parameters = graph.ValuesOf(ValueKind.Parameter).Count();
        string WeightOf(KernelBuffer buffer) => Invariant.Text(buffer.Kind == MemoryKind.Parameter ? buffer.Index : parameters + buffer.Index);
        using (writer.Braces($"file sealed class {name}<V>(ParameterTable weights) : KernelInference(weights, {Invariant.Text(GraphFunction.Weights(graph).Count())})\n    where V : unmanaged, IVector<V>"))
        {
            int[] watched = [.. prepare.Statements.SelectMany(static statement => statement.Reads).Select(index => prepare.Buffers[index]).Where(static buffer => buffer.Kind != MemoryKind.Arena).Select(buffer => int.Parse(WeightOf(buffer), System.Globalization.CultureInfo.InvariantCulture)).Distinct().OrderBy(static index => index)];
            writer.Line($"protected override ReadOnlySpan<int> Prepared => [{string.Join(", ", watched.Select(static index => Invariant.Text(index)))}];");
            writer.Line();
            using (writer.Braces("protected override void PlanPrepared(ArenaPlan memory)"))
            {
                KernelCode.WritePlan(writer, program.PreparedLayout);
            }

            writer.Line();
            using (writer.Braces("protected override void Prepare()"))
            {
                HashSet<int> used = [.. prepare.Statements.SelectMany(static statement => statement.Reads.Concat(statement.Writes))];
                WriteBuffers(writer, prepare, used.Contains);
                KernelCode.WriteStatements(writer, prepare);
            }

            writer.Line();
            using (writer.Braces("protected override void Plan(ArenaPlan memory, ReadOnlySpan<long> sizes)"))
            {
                for (int i = 0; i < symbols.Length; i++)
                {
                    writer.Line($"long {symbols[i]} = sizes[{Invariant.Text(i)}];");
                }

                KernelCode.WritePlan(writer, program.Layout);
            }

            writer.Line();
            WriteRun(writer, graph, symbols);
        }

        KernelCode.WriteTypes(writer, lowered.Program);

        void WriteBuffers(IndentedWriter target, KernelProgram part, Func<int, bool> isUsed)
        {
            for (int i = 0; i < part.Buffers.Count; i++)
            {
                KernelBuffer buffer = part.Buffers[i];
                if (isUsed(i))
                {
                    KernelCode.WriteBuffer(target, buffer, buffer.Kind != MemoryKind.Arena ? $"At({WeightOf(buffer)})"
                        : program.Prepared.Contains(i) ? $"PreparedAt({Invariant.Text(Array.IndexOf(program.PreparedBuffers, i))})"
                        : $"memory.Slot({Invariant.Text(Array.IndexOf(program.Buffers, i))})");
                }
            }
        }

        void WriteRun(IndentedWriter target, Graph source, string[] names)
        {
            var function = new GraphFunction(source, static (_, _) => "", "inputs", "weights", "memory");
            int[] inputs = [.. source.ValuesOf(ValueKind.Input)];
            using (target.Braces("public override Tensor[] Run(ReadOnlySpan<Tensor> inputs)"))
            {
                // Tensors have names of their own: those of the buffers follow.
                using (target.Braces("static (Tensor[] Tensors, long[] Sizes) Checked(ReadOnlySpan<Tensor> inputs)"))
                {
                    for (int i = 0; i < inputs.Length; i++)
                    {
                        target.Line($"Tensor {function.NameOf(inputs[i])} = inputs[{Invariant.Text(i)}];");
                    }

                    function.WriteInputs(target);
                    target.Line($"return ([{string.Join(", ", inputs.Select(function.NameOf))}], [{string.Join(", ", names)}]);");
                }

                target.Line();
                target.Line("(Tensor[] given, long[] sizes) = Checked(inputs);");
                for (int i = 0; i < names.Length; i++)
                {
                    target.Line($"nint {names[i]} = (nint)sizes[{Invariant.Text(i)}];");
                }

                if (program.PreparedBuffers.Length > 0)
                {
                    target.Line("PrepareOnce();");
                }

                target.Line("using InferenceMemory memory = Rent(sizes);");
                HashSet<int> used = [.. run.Statements.SelectMany(static statement => statement.Reads.Concat(statement.Writes)), .. program.Outputs, .. run.Flags.Select(static flag => flag.Buffer), .. inputs.Select(value => run.Values[value])];
                WriteBuffers(target, run, used.Contains);
                for (int i = 0; i < inputs.Length; i++)
                {
                    target.Line($"Load(given[{Invariant.Text(i)}], {run.Buffers[run.Values[inputs[i]]].Name});");
                }

                foreach ((int buffer, int state) in run.Flags)
                {
                    target.Line($"Load(Weight({Invariant.Text(parameters + state)}), {run.Buffers[buffer].Name});");
                }

                KernelCode.WriteStatements(target, run);
                target.Line();
                string Text(Place place)
                {
                    KernelBuffer buffer = run.Buffers[place.Buffer];
                    string address = place.Offset.Constant == 0 ? buffer.Name : $"{buffer.Name} + ({place.Offset.ToCSharp()})";
                    return $"Result({address}, {buffer.DType.Torch()}, {CSharpContext.Longs(place.Shape)})";
                }

                target.Line($"return [{string.Join(", ", run.Outputs.Select(Text))}];");
            }
        }
    }
}
