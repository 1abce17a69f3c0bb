using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the training step, the trainer's factory and the comparison of all paths.</summary>
internal static class TrainingEmitter
{
    public static string Write(CompiledModel model)
    {
        ModelSpec spec = model.Spec;
        IndentedWriter writer = ModelEmitter.Begin("System", "System.Collections.Generic", "System.Runtime.CompilerServices", "TorchSharp", "ModelGen", "ModelGen.Kernels", "static ModelGen.KernelOps", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional");
        string local = ModelEmitter.Local(spec, "Step");
        ModelEmitter.InClass(writer, spec, "", () => WriteMembers(writer, model, local));
        WriteSteps(writer, model, local);
        return writer.ToString();
    }

    /// <summary>Writes the classes of the training step: on libtorch's operators, and on kernels where all operators have some.</summary>
    public static void WriteSteps(IndentedWriter writer, CompiledModel model, string local)
    {
        if (model.Step is not Graph step)
        {
            return;
        }

        ModelSpec spec = model.Spec;
        writer.Line();
        using (writer.Braces("namespace ModelGen.Generated"))
        using (writer.Braces($"file sealed class {local}(ParameterTable weights, OptimizerSettings optimizer) : TrainingStep(weights.Parameters({Invariant.Text(step.ValuesOf(ValueKind.Parameter).Count())}), optimizer)"))
        {
            writer.Line("protected override ParameterTable Weights => weights;");
            writer.Line();
            WriteRun(writer, spec, step);
        }

        if (model.StepKernels is { } kernels)
        {
            writer.Line();
            using (writer.Braces("namespace ModelGen.Generated"))
            {
                KernelStepEmitter.Write(writer, kernels.Graph, kernels.Program, local + "OnKernels", spec.Modules.Count > 0);
            }
        }
    }

    private static void WriteMembers(IndentedWriter writer, CompiledModel model, string local)
    {
        ModelSpec spec = model.Spec;
        writer.Line("/// <inheritdoc/>");
        writer.Line("global::ModelGen.ModelSummary global::ModelGen.ICompiledModel.Summary => Summary;");
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        if (spec.Train is null)
        {
            writer.Line("global::ModelGen.TrainAttribute? global::ModelGen.ICompiledModel.TrainSettings => null;");
        }
        else
        {
            string settings = string.Join(", ", spec.Train.Settings.Select(static pair => $"{pair.Key} = {pair.Value}"));
            writer.Line("global::ModelGen.TrainAttribute? global::ModelGen.ICompiledModel.TrainSettings { get; } =");
            writer.Line($"    new(global::ModelGen.Loss.{spec.Train.Loss}, global::ModelGen.Optimizer.{spec.Train.Optimizer}) {{ {settings} }};");
            writer.Line();
            writer.Line("/// <summary>A trainer around the generated training step. The caller disposes it.</summary>");
            writer.Line("/// <param name=\"options\">Settings that differ from the attribute; null for none.</param>");
            writer.Line($"public global::ModelGen.Trainer<{ModelEmitter.Identifier(spec.Name)}> CreateTrainer(global::ModelGen.TrainerOptions? options = null) => new(this, options);");
        }

        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Line("global::ModelGen.TrainingStep global::ModelGen.ICompiledModel.CreateTrainingStep(global::ModelGen.OptimizerSettings optimizer)");
        if (spec.Train is null)
        {
            writer.Line($"    => throw new global::System.InvalidOperationException(\"{spec.Name} has no [Train] attribute; add one, such as [Train(Loss.CrossEntropy, Optimizer.AdamW)].\");");
        }
        else if (spec.IsQuantizationAware)
        {
            writer.Line("    => Quantization.IsCalibrated ? __RoundedStep(optimizer) : __FloatStep(optimizer);");
            writer.Line();
            writer.Line("private global::ModelGen.TrainingStep __FloatStep(global::ModelGen.OptimizerSettings optimizer)");
            WriteChoice(writer, model, local, "__Weights()");
        }
        else
        {
            WriteChoice(writer, model, local, "__Weights()");
        }

        string list = ModelEmitter.Arguments(spec);
        IEnumerable<string> items = Enumerable.Range(0, spec.Inputs.Count).Select(static index => $"inputs[{Invariant.Text(index)}]");
        writer.Line();
        writer.Line("/// <summary>Compares eager, fused, ONNX and (with calibration samples) INT8 on the same inputs.</summary>");
        foreach (InputSpec input in spec.Inputs)
        {
            writer.Line($"/// <param name=\"{input.Name}\">Samples {input.Type!.ShapeText()}.</param>");
        }

        writer.Line("/// <param name=\"options\">Labels, calibration samples and tolerance; null for the defaults.</param>");
        using (writer.Braces($"public global::ModelGen.VerifyReport Verify({ModelEmitter.Parameters(spec)}, global::ModelGen.VerifyOptions? options = null)"))
        {
            writer.Line("global::ModelGen.ICompiledModel compiled = this;");
            using (writer.Braces($"var paths = new global::ModelGen.VerifyPaths(inputs => {ModelEmitter.Eager(spec, items, 0)}, compiled.InferBatch, Summary.ParameterBytes)", "};"))
            {
                if (spec.Outputs > 1)
                {
                    string[] eager = [.. Enumerable.Range(0, spec.Outputs).Select(index => ModelEmitter.Eager(spec, items, index))];
                    writer.Line($"EagerOutputs = inputs => [{string.Join(", ", eager)}],");
                    writer.Line("FusedOutputs = inputs =>");
                    writer.Line("{");
                    writer.Line($"    var results = Infer({string.Join(", ", items)});");
                    writer.Line($"    return [{string.Join(", ", Enumerable.Range(1, spec.Outputs).Select(static item => "results.Item" + Invariant.Text(item)))}];");
                    writer.Line("},");
                }

                writer.Line("Layers = (this, () => ToOnnx((options?.Export ?? new()) with { Optimize = false })),");
                writer.Line("ExportOnnx = path => ExportOnnx(path, options?.Export),");
                writer.Line("ExportInt8 = (path, calibration) => ExportQuantizedOnnx(path, new global::ModelGen.CalibrationData(calibration), new global::ModelGen.QuantizationOptions { Export = options?.Export }),");
            }

            writer.Line("bool wasTraining = training;");
            writer.Line("eval();");
            using (writer.Braces("try"))
            {
                writer.Line($"return global::ModelGen.Verifier.Compare(\"{spec.Name}\", [{list}], paths, options);");
            }

            using (writer.Braces("finally"))
            {
                writer.Line("train(wasTraining);");
            }
        }
    }

    /// <summary>Kernels for float32 on the CPU, with the vectors that the machine has; libtorch's operators otherwise.</summary>
    public static void WriteChoice(IndentedWriter writer, CompiledModel model, string local, string table)
    {
        if (model.StepKernels is null)
        {
            writer.Line($"    => new global::ModelGen.Generated.{local}({table}, optimizer);");
            return;
        }

        string kernels = $"global::ModelGen.Generated.{local}OnKernels";
        using (writer.Braces(""))
        {
            writer.Line($"var weights = {table};");
            using (writer.Braces($"if (!global::ModelGen.KernelStep.Supports(weights.Parameters({Invariant.Text(model.Step!.ValuesOf(ValueKind.Parameter).Count())})))"))
            {
                writer.Line($"return new global::ModelGen.Generated.{local}(weights, optimizer);");
            }

            writer.Line();
            KernelCode.WriteChoice(writer, "return", kernels, "weights, optimizer");
        }
    }

    private static void WriteRun(IndentedWriter writer, ModelSpec spec, Graph step)
    {
        int parameters = step.ValuesOf(ValueKind.Parameter).Count();
        var function = new GraphFunction(step, (index, _) => index < parameters ? $"Parameters[{Invariant.Text(index)}]" : $"weights[{Invariant.Text(index)}]", "inputs", "weights", "Parameters");
        CSharpBody body = function.Body();
        int[] inputs = [.. step.ValuesOf(ValueKind.Input)];
        string target = function.NameOf(step.ValuesOf(ValueKind.Target).Single());
        using (writer.Braces($"protected override void Evaluate(IReadOnlyList<Tensor> inputs, Tensor {target})"))
        {
            if (spec.Modules.Count > 0)
            {
                writer.Line("weights.Current();");
            }

            writer.Line($"TensorOps.CheckCount(inputs.Count, {Invariant.Text(inputs.Length)});");
            for (int i = 0; i < inputs.Length; i++)
            {
                writer.Line($"Tensor {function.NameOf(inputs[i])} = inputs[{Invariant.Text(i)}];");
            }

            function.WriteInputs(writer);
            writer.Line($"Device device = {function.NameOf(inputs[0])}.device;");
            writer.Line("using IDisposable noGrad = no_grad();");
            writer.Line("using DisposeScope scope = NewDisposeScope();");
            body.Write(writer);
            writer.Line();
            writer.Line($"TensorOps.Store({body.NameOf(step.Outputs[0])}, Loss);");
        }
    }
}
