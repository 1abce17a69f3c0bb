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
        (KernelProgram prepare, KernelProgram run, HashSet<int> prepared) = lowered.Program.Split(symbols);
        int parameters = graph.ValuesOf(ValueKind.Parameter).Count();
        int[] early = [.. KernelCode.Arena(prepare).Where(prepared.Contains)];
        int[] slots = [.. KernelCode.Arena(run).Where(index => !prepared.Contains(index))];
        HashSet<int> outputs = [.. run.Outputs.Select(static place => place.Buffer)];
        HashSet<int> read = [.. run.Statements.SelectMany(static statement => statement.Reads), .. outputs];
        string WeightOf(KernelBuffer buffer) => Invariant.Text(buffer.Kind == MemoryKind.Parameter ? buffer.Index : parameters + buffer.Index);
        using (writer.Braces($"file sealed class {name}<V>(ParameterTable weights) : KernelInference(weights, {Invariant.Text(GraphFunction.Weights(graph).Count())})\n    where V : unmanaged, IVector<V>"))
        {
            int[] watched = [.. prepare.Statements.SelectMany(static statement => statement.Reads).Select(index => prepare.Buffers[index]).Where(static buffer => buffer.Kind != MemoryKind.Arena).Select(buffer => int.Parse(WeightOf(buffer), System.Globalization.CultureInfo.InvariantCulture)).Distinct().OrderBy(static index => index)];
            writer.Line($"protected override ReadOnlySpan<int> Prepared => [{string.Join(", ", watched.Select(static index => Invariant.Text(index)))}];");
            writer.Line();
            using (writer.Braces("protected override void PlanPrepared(ArenaPlan memory)"))
            {
                KernelCode.WritePlan(writer, prepare, early, read.Contains);
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

                KernelCode.WritePlan(writer, run, slots, outputs.Contains);
            }

            writer.Line();
            WriteRun(writer, graph, run, symbols);
        }

        KernelCode.WriteTypes(writer, lowered.Program);

        void WriteBuffers(IndentedWriter target, KernelProgram program, Func<int, bool> isUsed)
        {
            for (int i = 0; i < program.Buffers.Count; i++)
            {
                KernelBuffer buffer = program.Buffers[i];
                if (isUsed(i))
                {
                    KernelCode.WriteBuffer(target, buffer, buffer.Kind != MemoryKind.Arena ? $"At({WeightOf(buffer)})"
                        : prepared.Contains(i) ? $"PreparedAt({Invariant.Text(Array.IndexOf(early, i))})"
                        : $"memory.Slot({Invariant.Text(Array.IndexOf(slots, i))})");
                }
            }
        }

        void WriteRun(IndentedWriter target, Graph source, KernelProgram program, string[] names)
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

                if (early.Length > 0)
                {
                    target.Line("PrepareOnce();");
                }

                target.Line("using InferenceMemory memory = Rent(sizes);");
                HashSet<int> used = [.. program.Statements.SelectMany(static statement => statement.Reads.Concat(statement.Writes)), .. outputs, .. program.Flags.Select(static flag => flag.Buffer), .. inputs.Select(value => program.Values[value])];
                WriteBuffers(target, program, used.Contains);
                for (int i = 0; i < inputs.Length; i++)
                {
                    target.Line($"Load(given[{Invariant.Text(i)}], {program.Buffers[program.Values[inputs[i]]].Name});");
                }

                foreach ((int buffer, int state) in program.Flags)
                {
                    target.Line($"Load(Weight({Invariant.Text(parameters + state)}), {program.Buffers[buffer].Name});");
                }

                KernelCode.WriteStatements(target, program);
                target.Line();
                string Text(Place place)
                {
                    KernelBuffer buffer = program.Buffers[place.Buffer];
                    string address = place.Offset.Constant == 0 ? buffer.Name : $"{buffer.Name} + ({place.Offset.ToCSharp()})";
                    return $"Result({address}, {buffer.DType.Torch()}, {CSharpContext.Longs(place.Shape)})";
                }

                target.Line($"return [{string.Join(", ", program.Outputs.Select(Text))}];");
            }
        }
    }
}
