using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the typed ONNX Runtime session of a root model.</summary>
internal static class SessionEmitter
{
    public static void Write(IndentedWriter writer, ModelSpec spec, Graph graph, string local)
    {
        writer.Line("/// <summary>Opens an exported or quantized file of this model. A file of another model is refused with the difference.</summary>");
        writer.Line("/// <param name=\"path\">The ONNX file.</param>");
        writer.Line("/// <param name=\"options\">Threads, providers, warm-up; null for the defaults.</param>");
        writer.Line("public static Session OpenSession(string path, global::ModelGen.Onnx.InferenceOptions? options = null) => new(path, options);");
        writer.Line();
        var names = new NameAllocator();
        Dictionary<int, string> inputNames = graph.ValuesOf(ValueKind.Input).ToDictionary(static value => value, value => names.Unique(graph.Values[value].Name));
        string[] outputNames = [.. graph.Outputs.Select((_, index) => names.Unique(OnnxBody.OutputName(graph, index)))];
        string[] inputs = [.. graph.ValuesOf(ValueKind.Input).Select(value => $"global::System.ReadOnlySpan<{ElementType(graph.TypeOf(value).DType)}> {inputNames[value]}")];
        string[] outputs = [.. graph.Outputs.Select((value, index) => $"global::System.Span<{ElementType(graph.TypeOf(value).DType)}> {outputNames[index]}")];
        writer.Line($"/// <summary>An ONNX Runtime session of <see cref=\"{spec.Name}\"/> with preallocated, bound buffers. Not for use by two threads at once.</summary>");
        using (writer.Braces("public sealed class Session : global::ModelGen.Onnx.OnnxSession"))
        {
            writer.Line("internal Session(string path, global::ModelGen.Onnx.InferenceOptions? options)");
            writer.Line($"    : base(path, global::ModelGen.Generated.{local}.Contract, options)");
            writer.Line("{");
            writer.Line("}");
            writer.Line();
            writer.Line("/// <summary>Runs the model on one batch, of the exported size unless the file leaves it open; no managed memory is allocated.</summary>");
            using (writer.Braces($"public void Run({string.Join(", ", inputs.Concat(outputs))})"))
            {
                int index = 0;
                foreach (int value in graph.ValuesOf(ValueKind.Input))
                {
                    writer.Line($"CopyInput({Invariant.Text(index++)}, {inputNames[value]});");
                }

                writer.Line("RunBound();");
                for (int i = 0; i < graph.Outputs.Count; i++)
                {
                    writer.Line($"CopyOutput({Invariant.Text(i)}, {outputNames[i]});");
                }
            }

            int count = inputs.Length + outputs.Length;
            string[] types = [.. Enumerable.Range(1, count).Select(static index => "T" + Invariant.Text(index))];
            string[] parameters =
            [
                .. graph.ValuesOf(ValueKind.Input).Select((value, position) => $"global::System.ReadOnlySpan<{types[position]}> {inputNames[value]}"),
                .. outputNames.Select((name, position) => $"global::System.Span<{types[inputs.Length + position]}> {name}"),
            ];
            writer.Line();
            writer.Line("/// <summary>Runs a file whose element types differ from the model's: one that takes raw pixels (<c>byte</c>) or gives out the best class (<c>long</c>).</summary>");
            using (writer.Braces($"public void RunAs<{string.Join(", ", types)}>({string.Join(", ", parameters)})\n    {string.Join(" ", types.Select(static type => $"where {type} : unmanaged"))}"))
            {
                int position = 0;
                foreach (int value in graph.ValuesOf(ValueKind.Input))
                {
                    writer.Line($"CopyInput({Invariant.Text(position++)}, {inputNames[value]});");
                }

                writer.Line("RunBound();");
                for (int i = 0; i < graph.Outputs.Count; i++)
                {
                    writer.Line($"CopyOutput({Invariant.Text(i)}, {outputNames[i]});");
                }
            }
        }
    }

    /// <summary>C# expression of the names, types and shapes a file must have; symbolic sizes are -1.</summary>
    public static string Contract(ModelSpec spec, Graph graph)
    {
        string Entry(string name, TensorType type) =>
            $"new OnnxContractEntry(\"{name}\", {OnnxBody.OnnxType(type.DType)}, [{string.Join(", ", type.Shape.Select(static dim => Invariant.Text(dim.Constant ?? -1)))}])";
        string inputs = string.Join(", ", graph.ValuesOf(ValueKind.Input).Select(value => Entry(graph.Values[value].Name, graph.TypeOf(value))));
        string outputs = string.Join(", ", graph.Outputs.Select((value, index) => Entry(OnnxBody.OutputName(graph, index), graph.TypeOf(value))));
        return $"new(\"{spec.Name}\", [{inputs}], [{outputs}])";
    }

    private static string ElementType(DType type) => type switch
    {
        DType.Float32 => "float",
        DType.Float64 => "double",
        DType.Int64 => "long",
        _ => "bool",
    };
}
