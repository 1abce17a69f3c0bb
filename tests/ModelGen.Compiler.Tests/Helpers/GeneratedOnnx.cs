using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>Emits the ONNX exporters of graphs, compiles them at once in memory, and runs the exported models in ONNX Runtime.</summary>
internal static class GeneratedOnnx
{
    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => path.Length > 0)
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Whether a graph can be exported and leaves something to export.</summary>
    public static bool CanExport(Graph graph) =>
        graph.Nodes.Count > 0 && OnnxEmitter.Problem(graph) is null;

    /// <summary>One function per graph: from parameters and buffers to a model.</summary>
    public static IReadOnlyList<Func<Tensor[], OnnxModel>> Compile(IReadOnlyList<Graph> graphs)
    {
        var writer = new IndentedWriter();
        foreach (string line in new[] { "System", "TorchSharp", "ModelGen", "ModelGen.Onnx", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional" })
        {
            writer.Line($"using {line};");
        }

        using (writer.Braces("public static class Generated"))
        {
            for (int i = 0; i < graphs.Count; i++)
            {
                Write(writer, graphs[i], i);
            }
        }

        var compilation = CSharpCompilation.Create(
            "GeneratedOnnx" + Guid.NewGuid().ToString("N"),
            [CSharpSyntaxTree.ParseText(writer.ToString())],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics.Where(static d => d.Severity == DiagnosticSeverity.Error)) + "\n" + writer);
        Type type = Assembly.Load(stream.ToArray()).GetType("Generated")!;
        return [.. graphs.Select((_, index) => type.GetMethod("Case" + index)!.CreateDelegate<Func<Tensor[], OnnxModel>>())];
    }

    /// <summary>Runs a model; the first output.</summary>
    public static Tensor Run(OnnxModel model, IReadOnlyList<Tensor> inputs) => RunAll(model, inputs)[0];

    /// <summary>Runs a model; all outputs.</summary>
    public static IReadOnlyList<Tensor> RunAll(OnnxModel model, IReadOnlyList<Tensor> inputs)
    {
        using var runner = new OnnxRunner(model);
        var named = runner.Inputs.Select((entry, index) => (entry.Name, Value: ToOnnx(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value, StringComparer.Ordinal);
        IReadOnlyDictionary<string, OnnxTensor> outputs = runner.Run(named);
        return [.. runner.Outputs.Select(entry => ToTorch(outputs[entry.Name]))];
    }

    private static OnnxTensor ToOnnx(Tensor tensor)
    {
        Tensor values = tensor.contiguous();
        return tensor.dtype switch
        {
            ScalarType.Float32 => OnnxTensor.From<float>(values.data<float>().ToArray(), tensor.shape),
            ScalarType.Float64 => OnnxTensor.From<double>(values.data<double>().ToArray(), tensor.shape),
            ScalarType.Int64 => OnnxTensor.From<long>(values.data<long>().ToArray(), tensor.shape),
            ScalarType.Int32 => OnnxTensor.From<int>(values.data<int>().ToArray(), tensor.shape),
            ScalarType.Bool => OnnxTensor.From<bool>(values.data<bool>().ToArray(), tensor.shape),
            _ => throw new NotSupportedException($"{tensor.dtype}"),
        };
    }

    private static Tensor ToTorch(OnnxTensor value)
    {
        long[] shape = [.. value.Shape];
        return value.Type switch
        {
            OnnxType.Float => tensor(value.AsSpan<float>().ToArray(), shape),
            OnnxType.Double => tensor(value.AsSpan<double>().ToArray(), shape),
            OnnxType.Int64 => tensor(value.AsSpan<long>().ToArray(), shape),
            OnnxType.Int32 => tensor(value.AsSpan<int>().ToArray(), shape),
            OnnxType.Bool => tensor(value.AsSpan<bool>().ToArray(), shape),
            _ => throw new NotSupportedException($"{value.Type}"),
        };
    }

    private static ModelSpec Spec(Graph graph) =>
        new() { Namespace = "", Containers = default, Name = "Case", IsRoot = true, DeclaresConstructor = false, Inputs = default, Outputs = graph.Outputs.Count, Layers = default, SubModels = default };

    private static void Write(IndentedWriter writer, Graph graph, int index)
    {
        var function = new GraphFunction(graph, static (weight, _) => $"weights[{weight}]", "weights");
        var text = new IndentedWriter();
        CSharpBody prologue = function.Body();
        var body = new OnnxBody(Spec(graph), graph, text, prologue);
        using (writer.Braces($"public static OnnxModel Case{index}(Tensor[] weights)"))
        {
            writer.Line("using IDisposable noGrad = no_grad();");
            writer.Line("using DisposeScope scope = NewDisposeScope();");
            writer.Line("Device device = CPU;");
            writer.Line("var onnx = new OnnxGraphBuilder(\"case\");");
            foreach (int input in graph.ValuesOf(ValueKind.Input))
            {
                writer.Line($"onnx.Input({body.NameOf(input)}, {OnnxBody.OnnxType(graph.TypeOf(input).DType)}, {OnnxBody.Shape(graph.TypeOf(input))});");
            }

            prologue.Write(writer, body.IsPrologue, dispose: false);
            body.Write();
            writer.Line(text.ToString());
            foreach (int output in graph.Outputs)
            {
                TensorType type = graph.TypeOf(output);
                writer.Line($"onnx.Output({body.NameOf(output)}, {OnnxBody.OnnxType(type.DType)}, {OnnxBody.Shape(type)});");
            }

            writer.Line("return onnx.Build();");
        }
    }
}
