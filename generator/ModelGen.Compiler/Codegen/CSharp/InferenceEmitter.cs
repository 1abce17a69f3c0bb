using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes fused inference and the summary of a root model.</summary>
internal static class InferenceEmitter
{
    public static string Write(CompiledModel model, Graph graph)
    {
        ModelSpec spec = model.Spec;
        IndentedWriter writer = ModelEmitter.Begin("System", "System.Runtime.CompilerServices", "TorchSharp", "ModelGen", "ModelGen.Kernels", "static ModelGen.KernelOps", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional");
        string local = ModelEmitter.Local(spec, "Inference");
        ModelEmitter.InClass(writer, spec, "", () =>
        {
            writer.Line("private global::ModelGen.ParameterTable? __weights;");
            if (model.InferenceKernels is not null)
            {
                writer.Line("private global::ModelGen.KernelInference? __inference;");
            }

            writer.Line();
            writer.Line("/// <summary>Layers, shapes, parameters, operations and planned memory.</summary>");
            writer.Line($"public static global::ModelGen.ModelSummary Summary {{ get; }} = global::ModelGen.Generated.{local}.Summary();");
            writer.Line();
            writer.Line("/// <summary>Fused inference: no tape, batch normalisation folded, every intermediate freed after its last use. The caller disposes the result.</summary>");
            WriteInfer(writer, model, local, InferenceNames.Plain);
            writer.Line();
            writer.Line("/// <inheritdoc/>");
            using (writer.Braces("global::TorchSharp.torch.Tensor global::ModelGen.ICompiledModel.InferBatch(global::System.Collections.Generic.IReadOnlyList<global::TorchSharp.torch.Tensor> inputs)"))
            {
                WriteFirstOutput(writer, spec, "Infer");
            }

            writer.Line();
            if (model.InferenceKernels is not null)
            {
                writer.Line("/// <inheritdoc/>");
                writer.Line("global::ModelGen.KernelInference? global::ModelGen.ICompiledModel.Inference => __Inference();");
                writer.Line();
            }

            if (spec.RegistersComponents)
            {
                using (writer.Braces("private global::ModelGen.ParameterTable __Weights()"))
                {
                    using (writer.Braces("if (__weights is null)"))
                    {
                        writer.Line("// The constructor leaves registration to a parent; this model is its own root.");
                        writer.Line("RegisterComponents();");
                        writer.Line($"__weights = new(this, global::ModelGen.Generated.{local}.Weights, global::ModelGen.Generated.{local}.OtherNames, global::ModelGen.Generated.{local}.Modules);");
                    }

                    writer.Line();
                    writer.Line("return __weights.Current();");
                }

                return;
            }

            writer.Line($"private global::ModelGen.ParameterTable __Weights() => (__weights ??= new(this, global::ModelGen.Generated.{local}.Weights, global::ModelGen.Generated.{local}.OtherNames, global::ModelGen.Generated.{local}.Modules)).Current();");
        });
        writer.Line();
        using (writer.Braces("namespace ModelGen.Generated"))
        using (writer.Braces($"file static class {local}"))
        {
            WriteKeys(writer, spec, spec.Graph!, model.Rounded?.Inference is { } rounded ? spec.OtherNames.Concat(GraphFunction.Weights(rounded).Select(value => rounded.Values[value].Name).Where(InsertFakeQuantize.IsOwn)) : spec.OtherNames);
            writer.Line();
            WriteSummary(writer, model);
            writer.Line();
            WriteRun(writer, spec, graph);
        }

        WriteKernels(writer, model, local);
        return writer.ToString();
    }

    /// <summary>Writes the class that runs on kernels, where all operators have some.</summary>
    public static void WriteKernels(IndentedWriter writer, CompiledModel model, string local)
    {
        if (model.InferenceKernels is not { } kernels)
        {
            return;
        }

        writer.Line();
        using (writer.Braces("namespace ModelGen.Generated"))
        {
            KernelInferenceEmitter.Write(writer, kernels, local + "OnKernels");
        }
    }

    /// <summary>Kernels for float32 on the CPU, with the vectors that the machine has; libtorch's operators otherwise.</summary>
    public static void WriteInfer(IndentedWriter writer, CompiledModel model, string local, InferenceNames names)
    {
        ModelSpec spec = model.Spec;
        string signature = $"public {ModelEmitter.Result(spec)} {names.Method}({ModelEmitter.Parameters(spec)})";
        string operators = $"global::ModelGen.Generated.{local}.Run({names.Weights}(), {ModelEmitter.Arguments(spec)})";
        if (model.InferenceKernels is null)
        {
            writer.Line(signature);
            writer.Line($"    => {operators};");
            return;
        }

        using (writer.Braces(signature))
        {
            writer.Line($"global::ModelGen.KernelInference __kernels = {names.Kernels}();");
            using (writer.Braces($"if (!__kernels.Supports([{ModelEmitter.Arguments(spec)}]))"))
            {
                writer.Line($"return {operators};");
            }

            writer.Line();
            writer.Line($"global::TorchSharp.torch.Tensor[] __results = __kernels.Run([{ModelEmitter.Arguments(spec)}]);");
            writer.Line(spec.Outputs == 1 ? "return __results[0];" : $"return ({string.Join(", ", Enumerable.Range(0, spec.Outputs).Select(static index => $"__results[{Invariant.Text(index)}]"))});");
        }

        writer.Line();
        using (writer.Braces($"private global::ModelGen.KernelInference {names.Kernels}()"))
        {
            writer.Line($"global::ModelGen.ParameterTable __table = {names.Weights}();");
            KernelCode.WriteChoice(writer, $"return {names.Field} ??=", $"global::ModelGen.Generated.{local}OnKernels", "__table");
        }
    }

    /// <summary>Writes the body of a method that returns the first output for a batch.</summary>
    public static void WriteFirstOutput(IndentedWriter writer, ModelSpec spec, string method)
    {
        string inputs = string.Join(", ", Enumerable.Range(0, spec.Inputs.Count).Select(static index => $"inputs[{Invariant.Text(index)}]"));
        writer.Line($"var results = {method}({inputs});");
        for (int i = 2; i <= spec.Outputs; i++)
        {
            writer.Line($"results.Item{Invariant.Text(i)}.Dispose();");
        }

        writer.Line(spec.Outputs == 1 ? "return results;" : "return results.Item1;");
    }

    /// <summary>Writes the tables of what the code reads: weights, other state-dict keys, and settings of modules.</summary>
    public static void WriteKeys(IndentedWriter writer, ModelSpec spec, Graph graph, IEnumerable<string> others)
    {
        writer.Line("/// <summary>Parameters, then buffers: state-dict key and shape.</summary>");
        using (writer.Braces("public static readonly WeightSpec[] Weights =", "};"))
        {
            foreach (int value in GraphFunction.Weights(graph))
            {
                writer.Line($"new(\"{graph.Values[value].Name}\", {CSharpContext.Longs(graph.TypeOf(value).Shape)}),");
            }
        }

        writer.Line();
        writer.Line("/// <summary>State-dict keys that nothing here reads.</summary>");
        writer.Line($"public static readonly string[] OtherNames = [{string.Join(", ", others.Select(Invariant.Literal))}];");
        writer.Line();
        writer.Line("/// <summary>Modules by path: class, and the settings that this code was generated for.</summary>");
        if (spec.Modules.Count == 0)
        {
            writer.Line("public static readonly ModuleSpec[] Modules = [];");
            return;
        }

        using (writer.Braces("public static readonly ModuleSpec[] Modules =", "};"))
        {
            foreach (ModuleCheck module in spec.Modules)
            {
                writer.Line($"new({string.Join(", ", new[] { Invariant.Literal(module.Path), Invariant.Literal(module.Type) }.Concat(module.Members))}),");
            }
        }
    }

    private static void WriteSummary(IndentedWriter writer, CompiledModel model)
    {
        ModelSpec spec = model.Spec;
        writer.Line("public static ModelSummary Summary() => new(");
        writer.Line($"    \"{spec.Name}\",");
        writer.Line("    [");
        foreach (LayerRow row in LayerTable.Rows(spec, spec.LayerTypes.ToDictionary(static pair => pair.Key, static pair => pair.Value)))
        {
            string text = $"\"{row.Path}\", \"{row.Type}\", \"{row.Input.ShapeText()}\", \"{row.Output.ShapeText()}\", {Invariant.Text(row.Parameters)}, {Invariant.Text(ModelEmitter.PerSample(row.Flops))}";
            writer.Line($"        new LayerSummary({text}) {{ Inputs = [{string.Join(", ", row.Reads.Select(static other => Invariant.Text(other)))}] }},");
        }

        writer.Line("    ],");
        writer.Line("    [");
        foreach (int batch in new[] { 1, spec.ExportBatch, 16, spec.Train?.BatchSize ?? 64 }.Distinct().OrderBy(static batch => batch))
        {
            if (PlannedMemory.Sizes(spec.Graph!, batch) is { } sizes)
            {
                writer.Line($"        new MemoryPlan({Invariant.Text(batch)}, {Invariant.Text(PlannedMemory.Training(model, sizes))}, {Invariant.Text(PlannedMemory.Inference(model, sizes))}),");
            }
        }

        writer.Line("    ]);");
    }

    /// <summary>Writes inference on libtorch's operators.</summary>
    public static void WriteRun(IndentedWriter writer, ModelSpec spec, Graph graph)
    {
        var function = new GraphFunction(graph, static (index, _) => $"weights[{Invariant.Text(index)}]", "weights");
        CSharpBody body = function.Body();
        int operations = graph.Nodes.Count(static node => node.Op != "constant");
        writer.Line($"// {spec.Name}: {Invariant.Text(operations)} operations, {Invariant.Grouped(graph.ValuesOf(ValueKind.Parameter).Sum(value => graph.TypeOf(value).Count.Constant!.Value))} parameters");
        string parameters = string.Join(", ", graph.ValuesOf(ValueKind.Input).Select(value => "Tensor " + function.NameOf(value)));
        string result = spec.Outputs == 1 ? "Tensor" : "(" + string.Join(", ", Enumerable.Repeat("Tensor", spec.Outputs)) + ")";
        using (writer.Braces($"public static {result} Run(ParameterTable weights, {parameters})"))
        {
            function.WriteInputs(writer);
            writer.Line($"Device device = {function.NameOf(graph.ValuesOf(ValueKind.Input).First())}.device;");
            writer.Line("using IDisposable noGrad = no_grad();");
            writer.Line("using DisposeScope scope = NewDisposeScope();");
            body.Write(writer);
            writer.Line();
            string[] results = [.. graph.Outputs.Select(output => Owned(graph, output, body.NameOf(output)))];
            writer.Line(results.Length == 1 ? $"return {results[0]};" : $"return ({string.Join(", ", results)});");
        }
    }

    /// <summary>A result that the caller may dispose: an input or weight returned as it is becomes a second handle.</summary>
    private static string Owned(Graph graph, int output, string name) =>
        graph.Values[output].Kind == ValueKind.Intermediate && graph.Outputs.Count(other => other == output) == 1
            ? name + ".MoveToOuterDisposeScope()"
            : name + ".alias().MoveToOuterDisposeScope()";
}
