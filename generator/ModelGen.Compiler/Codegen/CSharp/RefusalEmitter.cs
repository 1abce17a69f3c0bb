using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>
/// Writes the public members of a root that could not be compiled: code that uses them still binds, so that one fault stays one diagnostic, and says at
/// run time why there is nothing behind them.
/// </summary>
internal static class RefusalEmitter
{
    public static string Write(ModelSpec spec)
    {
        IndentedWriter writer = ModelEmitter.Begin();
        string calibration = OnnxEmitter.CalibrationParameter(spec);
        string fault = $"throw new global::System.NotSupportedException({Invariant.Literal($"{spec.Name} was not compiled: {spec.Refusal} The build reported it at the expression.")})";
        ModelEmitter.InClass(writer, spec, "", () =>
        {
            foreach ((string summary, string member) in new[]
            {
                ("Fused inference", $"public global::TorchSharp.torch.Tensor Infer({ModelEmitter.Parameters(spec)})"),
                ("Layers, shapes, parameters", "public static global::ModelGen.ModelSummary Summary"),
                ("ONNX export", "public global::ModelGen.Onnx.OnnxModel ToOnnx(global::ModelGen.OnnxExportOptions? options = null)"),
                ("ONNX export", "public void ExportOnnx(string path, global::ModelGen.OnnxExportOptions? options = null)"),
                ("INT8 export", $"public void ExportQuantizedOnnx(string path, {calibration}, global::ModelGen.QuantizationOptions? options = null)"),
                ("Comparison of all paths", $"public global::ModelGen.VerifyReport Verify({ModelEmitter.Parameters(spec)}, global::ModelGen.VerifyOptions? options = null)"),
            })
            {
                writer.Line($"/// <summary>{summary}: not available, because the build could not compile this model.</summary>");
                writer.Line($"{member} => {fault};");
                writer.Line();
            }
        });
        return writer.ToString();
    }
}
