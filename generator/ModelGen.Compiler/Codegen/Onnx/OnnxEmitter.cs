using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the ONNX exporter, the INT8 exporter and the typed session of a root model.</summary>
internal static class OnnxEmitter
{
    public static string Write(ModelSpec spec, Graph graph, QuantizationSites? sites)
    {
        IndentedWriter writer = ModelEmitter.Begin("System", "TorchSharp", "ModelGen", "ModelGen.Onnx", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional");
        string local = ModelEmitter.Local(spec, "Exporter");
        ModelEmitter.InClass(writer, spec, "", () =>
        {
            WriteExports(writer, spec, local);
            writer.Line();
            SessionEmitter.Write(writer, spec, graph, local);
            if (sites is not null)
            {
                writer.Line();
                writer.Line("private global::ModelGen.FakeQuantization? __quantization;");
                writer.Line();
                writer.Line("/// <summary>Scales and zero points of quantization-aware training.</summary>");
                writer.Line($"public global::ModelGen.FakeQuantization Quantization => __quantization ??= new(this, global::ModelGen.Generated.{local}.QuantizationSites, global::ModelGen.Generated.{local}.QuantizedProducts{(spec.Train!.LearnsScales ? $", {Numbers(sites.Channels)}, {Numbers(sites.WeightsPerChannel)}" : "")});");
            }
        });
        writer.Line();
        using (writer.Braces("namespace ModelGen.Generated"))
        using (writer.Braces($"file static class {local}"))
        {
            writer.Line($"public static readonly OnnxContract Contract = {SessionEmitter.Contract(spec, graph)};");
            writer.Line();
            writer.Line($"public static readonly OnnxExportDefaults Defaults = new([{string.Join(", ", spec.ExportBatches.Select(static size => Invariant.Text(size)))}], {Pixels(spec)});");
            writer.Line();
            WriteBuild(writer, spec, graph, sites);
        }

        return writer.ToString();
    }

    private static string Numbers(IReadOnlyList<int> numbers) => $"[{string.Join(", ", numbers.Select(static number => Invariant.Text(number)))}]";

    private static void WriteExports(IndentedWriter writer, ModelSpec spec, string local)
    {
        string batch = Invariant.Text(spec.ExportBatch);
        string build = $"chosen => global::ModelGen.Generated.{local}.Build(__Weights(), chosen, {batch}), global::ModelGen.Generated.{local}.Defaults, options";
        writer.Line("/// <summary>The model as an ONNX graph with its current weights.</summary>");
        writer.Line($"/// <param name=\"options\">Batch size (default {batch}), other sizes, operator set, precision, what comes in and out; null for the defaults.</param>");
        writer.Line("public global::ModelGen.Onnx.OnnxModel ToOnnx(global::ModelGen.OnnxExportOptions? options = null)");
        writer.Line($"    => global::ModelGen.OnnxExport.Create({build});");
        writer.Line();
        writer.Line("/// <summary>Writes the model as an ONNX file with its current weights, and one for each further batch size; a file appears whole or not at all.</summary>");
        writer.Line("/// <param name=\"path\">The file to write.</param>");
        writer.Line($"/// <param name=\"options\">Batch size (default {batch}), other sizes, operator set, precision, what comes in and out; null for the defaults.</param>");
        writer.Line("public void ExportOnnx(string path, global::ModelGen.OnnxExportOptions? options = null)");
        writer.Line($"    => global::ModelGen.OnnxExport.Save(path, {build});");
        writer.Line();
        writer.Line(spec.QuantizationMode switch
        {
            "Dynamic" => "/// <summary>Writes the model as an ONNX file with INT8 weights whose activations are quantized anew for every input.</summary>",
            "WeightOnly" => "/// <summary>Writes the model as an ONNX file whose matrix weights are integers in blocks.</summary>",
            _ => "/// <summary>Writes the model as an INT8 ONNX file (QDQ form, per-channel weights); activation ranges come from the calibration samples.</summary>",
        });
        writer.Line("/// <param name=\"path\">The file to write.</param>");
        writer.Line(NeedsSamples(spec)
            ? "/// <param name=\"calibration\">Typical inputs, a hundred or more; a tensor per model input, batch first.</param>"
            : "/// <param name=\"calibration\">Typical inputs, for the modes and settings that need them; null for none.</param>");
        writer.Line("/// <param name=\"options\">Quantization and export settings; null for the defaults.</param>");
        writer.Line($"public void ExportQuantizedOnnx(string path, {CalibrationParameter(spec)}, global::ModelGen.QuantizationOptions? options = null)");
        string defaults = spec is { QuantizationMode: "Static", Calibration: "MinMax" } ? "" : $", global::ModelGen.QuantizationMode.{spec.QuantizationMode}, global::ModelGen.Calibration.{spec.Calibration}";
        writer.Line($"    => global::ModelGen.QuantizedExport.Quantize(ToOnnx(options?.Export), calibration, options{defaults}).Save(path);");
    }

    /// <summary>The parameter of the samples: the modes that need none take null.</summary>
    public static string CalibrationParameter(ModelSpec spec) => NeedsSamples(spec) ? "global::ModelGen.CalibrationData calibration" : "global::ModelGen.CalibrationData? calibration = null";

    private static bool NeedsSamples(ModelSpec spec) => spec.QuantizationMode == "Static";

    private static void WriteBuild(IndentedWriter writer, ModelSpec spec, Graph graph, QuantizationSites? sites)
    {
        var function = new GraphFunction(graph, static (index, _) => $"weights[{Invariant.Text(index)}]", "weights", "options", "batch");
        var text = new IndentedWriter();
        CSharpBody prologue = function.Body();
        var body = new OnnxBody(spec, graph, text, prologue);
        if (Problem(graph) is string problem)
        {
            // The build has warned at the expression; the rest of the model works.
            writer.Line("public static OnnxModel Build(ParameterTable weights, OnnxExportOptions options, int batch)");
            writer.Line($"    => throw new NotSupportedException({Invariant.Literal($"{spec.Name} cannot be exported to ONNX: {problem}")});");
            return;
        }

        using (writer.Braces("public static OnnxModel Build(ParameterTable weights, OnnxExportOptions options, int batch)"))
        {
            string[] symbols = [.. GraphFunction.Symbols(graph)];
            for (int i = 0; i < symbols.Length; i++)
            {
                writer.Line($"long {symbols[i]} = options.Size(\"{symbols[i]}\", {(i == 0 ? "batch" : "null")});");
            }

            writer.Line("using IDisposable noGrad = no_grad();");
            writer.Line("using DisposeScope scope = NewDisposeScope();");
            writer.Line("Device device = CPU;");
            writer.Line($"OnnxGraphBuilder onnx = OnnxExport.Begin(\"{spec.Name}\", Contract, options);");
            foreach (int input in graph.ValuesOf(ValueKind.Input))
            {
                writer.Line($"onnx.Input({body.NameOf(input)}, {OnnxBody.OnnxType(graph.TypeOf(input).DType)}, {OnnxBody.Shape(graph.TypeOf(input))}, {Invariant.Literal($"Input {graph.Values[input].Name}, {graph.TypeOf(input)}")});");
            }

            if (graph.Nodes.Any(node => body.IsPrologue(node) && node.Op != "constant"))
            {
                writer.Line();
                writer.Line("// Weights that are computed from parameters.");
                prologue.Write(writer, body.IsPrologue, dispose: false);
            }

            body.Write();

            // Before the text is copied: an output may need an initialiser of its own.
            var outputs = new IndentedWriter();
            WriteOutputs(outputs, spec, graph, body);
            writer.Line();
            writer.Line(text.ToString().TrimEnd('\n'));
            writer.Line();
            writer.Line(outputs.ToString().TrimEnd('\n'));
            writer.Line("return onnx.Build();");
        }

        if (sites is not null)
        {
            writer.Line();
            writer.Line("// ONNX names of the values that training rounds, and of the results of operators whose weights it rounds.");
            writer.Line($"public static readonly string[] QuantizationSites = [{string.Join(", ", sites.Values.Select(body.NameOf))}];");
            writer.Line();
            writer.Line($"public static readonly string[] QuantizedProducts = [{string.Join(", ", sites.Products.Select(product => body.NameOf(product.Result)))}];");
        }
    }

    /// <summary>Why a graph cannot be exported; null when it can.</summary>
    public static string? Problem(Graph graph)
    {
        OnnxWeights weights = new(graph);
        return graph.Nodes.Where(node => !weights.Computes(node)).Select(node => OpRegistry.Get(node.Op).ExportProblem(OpContext.Of(graph, node))).FirstOrDefault(static problem => problem is not null);
    }

    private static string Pixels(ModelSpec spec)
    {
        if (spec.Inputs.FirstOrDefault(static input => input.Normalize.Count > 0) is not { } input)
        {
            return "null";
        }

        string List(IEnumerable<double> values) => "[" + string.Join(", ", values.Select(Invariant.Text)) + "]";
        int channels = input.Normalize.Count / 2;
        return $"new OnnxPixels {{ Input = {Invariant.Literal(input.Name)}, Mean = {List(input.Normalize.Take(channels))}, StandardDeviation = {List(input.Normalize.Skip(channels))} }}";
    }

    private static void WriteOutputs(IndentedWriter writer, ModelSpec spec, Graph graph, OnnxBody body)
    {
        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            TensorType type = graph.TypeOf(graph.Outputs[i]);
            string name = Invariant.Literal(OnnxBody.OutputName(graph, i));
            if (body.NameOf(graph.Outputs[i]) != name)
            {
                // The output is an input, a weight, or another output too.
                writer.Line($"onnx.Origin(\"\", (\"\", {Invariant.Literal(spec.Name)}));");
                writer.Line($"onnx.Node(\"Identity\", \"/Identity_{Invariant.Text(i)}\", [{body.NameOf(graph.Outputs[i])}], [({name}, {OnnxBody.OnnxType(type.DType)}, {OnnxBody.Shape(type)})]);");
            }

            string result = spec.Outputs == 1 ? "Result" : $"Result {Invariant.Text(i)}";
            writer.Line($"onnx.Output({name}, {OnnxBody.OnnxType(type.DType)}, {OnnxBody.Shape(type)}, {Invariant.Literal($"{result} of {spec.Name}, {type}")});");
        }
    }
}
