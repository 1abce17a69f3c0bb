using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes what quantization-aware training adds to a model: calibration, the step and the inference that round to integers, and the export with the scales of training.</summary>
internal static class QuantizationEmitter
{
    /// <summary>Writes the public members and the inference that rounds.</summary>
    /// <param name="rounded">The model with rounding.</param>
    public static string WriteInference(CompiledModel rounded)
    {
        ModelSpec spec = rounded.Spec;
        IndentedWriter writer = Begin();
        string inference = ModelEmitter.Local(spec, "RoundedInference");
        ModelEmitter.InClass(writer, spec, "", () => WriteMembers(writer, rounded, inference));
        writer.Line();
        using (writer.Braces("namespace ModelGen.Generated"))
        using (writer.Braces($"file static class {inference}"))
        {
            InferenceEmitter.WriteKeys(writer, spec, rounded.Inference!, spec.OtherNames);
            writer.Line();
            InferenceEmitter.WriteRun(writer, spec, rounded.Inference!);
        }

        InferenceEmitter.WriteKernels(writer, rounded, inference);
        return writer.ToString();
    }

    /// <summary>Writes the training step that rounds: in a file of its own, because loops have names of their file.</summary>
    /// <param name="rounded">The model with rounding.</param>
    public static string WriteStep(CompiledModel rounded)
    {
        IndentedWriter writer = Begin();
        string step = ModelEmitter.Local(rounded.Spec, "RoundedStep");
        ModelEmitter.InClass(writer, rounded.Spec, "", () =>
        {
            writer.Line("private global::ModelGen.TrainingStep __RoundedStep(global::ModelGen.OptimizerSettings optimizer)");
            TrainingEmitter.WriteChoice(writer, rounded, step, "__RoundedWeights()");
        });
        TrainingEmitter.WriteSteps(writer, rounded, step);
        return writer.ToString();
    }

    private static IndentedWriter Begin() =>
        ModelEmitter.Begin("System", "System.Collections.Generic", "System.Runtime.CompilerServices", "TorchSharp", "ModelGen", "ModelGen.Kernels", "static ModelGen.KernelOps", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional");

    private static void WriteMembers(IndentedWriter writer, CompiledModel rounded, string inference)
    {
        ModelSpec spec = rounded.Spec;
        writer.Line("private global::ModelGen.ParameterTable? __roundedWeights;");
        if (rounded.InferenceKernels is not null)
        {
            writer.Line("private global::ModelGen.KernelInference? __roundedInference;");
        }

        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Line("global::ModelGen.FakeQuantization? global::ModelGen.ICompiledModel.Quantization => Quantization;");
        writer.Line();
        writer.Line("/// <summary>Finds the scales of quantization-aware training from typical inputs: from now on training steps round as the integer model will, until <c>Quantization.Reset()</c>.</summary>");
        writer.Line("/// <param name=\"samples\">Typical inputs, a hundred or more; a tensor per model input, batch first.</param>");
        writer.Line("/// <param name=\"options\">Quantization and export settings; null for the defaults.</param>");
        writer.Line("public void Calibrate(global::ModelGen.CalibrationData samples, global::ModelGen.QuantizationOptions? options = null)");
        writer.Line($"    => Quantization.Calibrate(ToOnnx(options?.Export), samples, options, global::ModelGen.Calibration.{spec.Calibration});");
        writer.Line();
        writer.Line("/// <summary>Inference in float32 that rounds as the integer model does. The caller disposes the result.</summary>");
        InferenceEmitter.WriteInfer(writer, rounded, inference, InferenceNames.Rounded);
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        using (writer.Braces("global::TorchSharp.torch.Tensor global::ModelGen.ICompiledModel.InferQuantizedBatch(global::System.Collections.Generic.IReadOnlyList<global::TorchSharp.torch.Tensor> inputs)"))
        {
            InferenceEmitter.WriteFirstOutput(writer, spec, InferenceNames.Rounded.Method);
        }

        writer.Line();
        writer.Line("/// <summary>Writes the model as an INT8 ONNX file (QDQ form, per-channel weights) with the scales of quantization-aware training.</summary>");
        writer.Line("/// <param name=\"path\">The file to write.</param>");
        writer.Line("/// <param name=\"options\">Quantization and export settings; null for the defaults, and for those of <c>Calibrate</c>.</param>");
        writer.Line("public void ExportQuantizedOnnx(string path, global::ModelGen.QuantizationOptions? options = null)");
        writer.Line("    => Quantization.Export(ToOnnx(options?.Export), options).Save(path);");
        writer.Line();
        using (writer.Braces("private global::ModelGen.ParameterTable __RoundedWeights()"))
        {
            writer.Line("__Weights();");
            writer.Line("Quantization.RequireScales();");
            writer.Line($"return __roundedWeights ??= new(this, global::ModelGen.Generated.{inference}.Weights, global::ModelGen.Generated.{inference}.OtherNames, global::ModelGen.Generated.{inference}.Modules);");
        }
    }
}
