using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Coverage;

/// <summary>Examines one case: the sources as they are, then every path of the compiled model against them.</summary>
internal sealed class Examination(string folder)
{
    private readonly string name = Path.GetFileName(folder.TrimEnd(Path.DirectorySeparatorChar));
    private readonly List<Finding> findings = [];
    private readonly Dictionary<string, double> errors = [];
    private CaseFile file = null!;
    private MethodDeclarationSyntax forward = null!;

    public Verdict Run(bool eagerOnly)
    {
        file = CaseFile.Read(Path.Combine(folder, "case.json"));
        var builder = new Builder(folder, file);
        CSharpCompilation plain = builder.Plain();
        (Assembly? original, IReadOnlyList<Finding> faults) = Builder.Load(plain);
        if (original is null)
        {
            return Verdict.Of(name, Outcome.NoBuild, [.. faults.Take(5)]);
        }

        if (builder.Class is not ClassDeclarationSyntax node || Rewriter.Forward(node, file) is not MethodDeclarationSyntax method)
        {
            return Verdict.Of(name, Outcome.BadCase, new Finding("case", "", $"There is no class {file.Class} with an own forward that has the parameters {string.Join(", ", file.Inputs.Keys)}."));
        }

        forward = method;
        string type = Rewriter.MetadataName(plain, file.Class);
        bool train;
        try
        {
            train = Eager(original, type);
        }
        catch (Exception exception)
        {
            return Verdict.Of(name, Outcome.BadCase, new Finding("eager", "", Short(exception)));
        }

        if (eagerOnly)
        {
            return Verdict.Of(name, Outcome.Equal, new Finding("eager", "", "eager ok"));
        }

        (Compilation output, IReadOnlyList<Diagnostic> diagnostics) = builder.Model(forward, train);
        findings.AddRange(diagnostics.Where(static diagnostic => diagnostic.Id.StartsWith("MG", StringComparison.Ordinal)).Select(Builder.Describe));
        Diagnostic[] refusals = [.. diagnostics.Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error || diagnostic.Id is "MG0001" or "MG0008")];
        if (refusals.Length > 0)
        {
            bool located = refusals.All(static refusal => refusal.Location.GetLineSpan().Path is { Length: > 0 }) && !refusals.Any(static refusal => refusal.Id is "MG9001");
            return new Verdict(name, located ? Outcome.Refused : Outcome.Wrong, findings, errors);
        }

        (Assembly? model, IReadOnlyList<Finding> generated) = Builder.Load(output);
        if (model is null)
        {
            return new Verdict(name, Outcome.Wrong, [.. findings, .. generated.Take(5).Select(static fault => fault with { Id = "generated " + fault.Id })], errors);
        }

        bool good = true;
        Instance probe = Instance.Create(model, type, file);
        if (probe.Module is not ICompiledModel && findings.Any(static finding => finding.Id.StartsWith("MG", StringComparison.Ordinal) && finding.Id != "MG0010"))
        {
            // A refusal of an ordinary module is a warning: its eager code still works.
            return new Verdict(name, findings.Where(static finding => finding.Id.StartsWith("MG", StringComparison.Ordinal)).All(static finding => finding.Where.Length > 0 && finding.Id != "MG9001") ? Outcome.Refused : Outcome.Wrong, findings, errors);
        }

        if (probe.Module is not ICompiledModel)
        {
            return new Verdict(name, Outcome.Wrong, [.. findings, new Finding("generator", "", "Nothing was generated for the class and no diagnostic says so.")], errors);
        }

        good &= Guarded("forward", () => CompareForward(model, type));
        if (train)
        {
            good &= Guarded("gradients", () => CompareGradients(model, type));
            good &= Guarded("steps", () => CompareSteps(model, type));
        }

        if (!diagnostics.Any(static diagnostic => diagnostic.Id == "MG0010"))
        {
            good &= Guarded("onnx", () => CompareOnnx(model, type));
        }

        return new Verdict(name, good ? Outcome.Equal : Outcome.Wrong, findings, errors);
    }

    /// <summary>Runs the model as it is; whether it can be trained with a loss on its first output.</summary>
    private bool Eager(Assembly assembly, string type)
    {
        Instance eager = Instance.Create(assembly, type, file);
        Tensor[] inputs = Inputs();
        eager.Module.eval();
        using (no_grad())
        {
            IReadOnlyList<Tensor> outputs = eager.Forward(inputs);
            if (outputs.Count == 0)
            {
                throw new InvalidOperationException("forward returns no tensor.");
            }
        }

        if (!file.Train || !eager.Module.parameters().Any(static parameter => parameter.requires_grad))
        {
            return false;
        }

        try
        {
            eager.Module.train();
            Tensor first = eager.Forward(inputs)[0];
            if (!first.requires_grad || first.dtype != ScalarType.Float32)
            {
                return false;
            }

            using Tensor loss = first.square().mean();
            loss.backward();
            return true;
        }
        catch (ExternalException exception)
        {
            // Code for inference only, e.g. one that overwrites what autograd needs.
            findings.Add(new Finding("training", "", "not compared, eager training fails: " + Short(exception)));
            return false;
        }
    }

    private bool CompareForward(Assembly assembly, string type)
    {
        Instance instance = Instance.Create(assembly, type, file);
        instance.Module.eval();
        using IDisposable guard = no_grad();
        random.manual_seed(3);
        IReadOnlyList<Tensor> expected = instance.Forward(Inputs());
        random.manual_seed(3);
        IReadOnlyList<Tensor> actual = instance.Infer(Inputs());
        return Same("forward", expected, actual, file.Tolerance);
    }

    private bool CompareGradients(Assembly assembly, string type)
    {
        Instance eager = Instance.Create(assembly, type, file);
        Instance generated = Instance.Create(assembly, type, file);
        generated.Module.load_state_dict(eager.Module.state_dict());
        eager.Module.train();
        generated.Module.train();
        random.manual_seed(7);
        Tensor output = eager.Forward(Inputs())[0];
        Tensor target = Target(output);
        Tensor loss = nn.functional.mse_loss(output, target);
        loss.backward();
        var expected = eager.Module.named_parameters().ToDictionary(static pair => pair.name, static pair => pair.parameter.grad ?? zeros_like(pair.parameter));
        using TrainingStep step = ((ICompiledModel)(object)generated.Module).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0));
        step.DrawsLikeEager = true;
        random.manual_seed(7);
        step.Run(Inputs(), target);
        Tensor result = step.Loss;
        bool good = Same("loss", [loss.detach()], [result], file.Tolerance);
        double largest = Math.Max(expected.Values.Where(static gradient => gradient.numel() > 0).Select(static gradient => gradient.abs().max().ToDouble()).DefaultIfEmpty(0).Max(), 1e-6);
        var names = new HashSet<string>();
        for (int i = 0; i < step.Gradients.Slices.Count; i++)
        {
            string key = step.Gradients.Slices[i].Name;
            names.Add(key);
            if (!expected.TryGetValue(key, out Tensor? gradient))
            {
                findings.Add(new Finding("gradients", "", $"The step has a gradient of {key}, which the module has no parameter for."));
                good = false;
                continue;
            }

            good &= Same("gradients", [gradient], [step.Gradients[i]], 1e-3, key, largest * 1e-3);
        }

        // A parameter without a slice must be one that autograd gives nothing to.
        HashSet<nint> covered = [.. eager.Module.named_parameters().Where(pair => names.Contains(pair.name)).Select(static pair => Instance.Address(pair.parameter))];
        HashSet<string> tied = [.. eager.Module.named_parameters().Where(pair => !names.Contains(pair.name) && covered.Contains(Instance.Address(pair.parameter))).Select(static pair => pair.name)];
        foreach ((string key, Tensor gradient) in expected.Where(pair => !names.Contains(pair.Key) && !tied.Contains(pair.Key) && pair.Value.numel() > 0 && pair.Value.abs().max().ToDouble() > 0))
        {
            findings.Add(new Finding("gradients", "", $"The step has no gradient of {key} {string.Join("x", gradient.shape)}."));
            good = false;
        }

        return good;
    }

    private bool CompareSteps(Assembly assembly, string type)
    {
        Instance eager = Instance.Create(assembly, type, file);
        Instance generated = Instance.Create(assembly, type, file);
        generated.Module.load_state_dict(eager.Module.state_dict());
        eager.Module.train();
        generated.Module.train();
        Tensor? target = null;
        using TrainingStep step = ((ICompiledModel)(object)generated.Module).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 1e-3));
        step.DrawsLikeEager = true;
        // parameters() lists a tied weight twice, and TorchSharp's optimizer would then update it twice.
        using var optimizer = optim.SGD(eager.Module.parameters().Where(static parameter => parameter.requires_grad).DistinctBy(static parameter => Instance.Address(parameter)), 1e-3);
        bool good = true;
        for (int i = 0; i < 3; i++)
        {
            random.manual_seed(20 + i);
            optimizer.zero_grad();
            Tensor output = eager.Forward(Inputs())[0];
            target ??= Target(output);
            Tensor loss = nn.functional.mse_loss(output, target);
            loss.backward();
            optimizer.step();
            random.manual_seed(20 + i);
            step.Run(Inputs(), target);
            good &= Same("steps", [loss.detach()], [step.Loss], 1e-3, "loss of a step");
            var expected = eager.Module.state_dict();
            foreach ((string key, Tensor value) in generated.Module.state_dict())
            {
                good &= Same("steps", [expected[key]], [value], 1e-3, key);
            }

            // Batch normalisation over few values magnifies rounding errors from step to step, so each step starts from equal weights.
            generated.Module.load_state_dict(expected);
        }

        return good;
    }

    private bool CompareOnnx(Assembly assembly, string type)
    {
        Dictionary<string, long> sizes = Instance.Sizes(forward, file);
        Instance instance = Instance.Create(assembly, type, file);
        instance.Module.eval();
        using IDisposable guard = no_grad();
        Tensor[] inputs = Instance.Inputs(forward, file, sizes);
        IReadOnlyList<Tensor> expected = instance.Forward([.. inputs.Select(static input => input.clone())]);
        MethodInfo export = instance.Module.GetType().GetMethod("ToOnnx") ?? throw new MissingMethodException("ToOnnx");
        var options = new OnnxExportOptions { Sizes = sizes, BatchSize = sizes.Count > 0 ? (int)sizes.First().Value : null };
        var exported = (OnnxModel)Instance.Invoke(export, instance.Module, [options])!;
        if (exported.Proto.Graph.Node.Any(static node => node.OpType.StartsWith("Random", StringComparison.Ordinal)))
        {
            findings.Add(new Finding("onnx", "", "exported, not compared: it draws random numbers"));
            return true;
        }

        using var runner = new OnnxRunner(exported);
        var feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: ToOnnx(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value);
        IReadOnlyDictionary<string, OnnxTensor> results = runner.Run(feed);
        Tensor[] actual = [.. runner.Outputs.Select(entry => FromOnnx(results[entry.Name]))];
        return Same("onnx", expected, actual, file.Tolerance);
    }

    private bool Guarded(string path, Func<bool> compare)
    {
        try
        {
            using IDisposable scope = NewDisposeScope();
            return compare();
        }
        catch (Exception exception)
        {
            findings.Add(new Finding(path, "", Short(exception)));
            return false;
        }
    }

    /// <summary>Relative to the largest expected value, which counts as at least <paramref name="floor"/>.</summary>
    private bool Same(string path, IReadOnlyList<Tensor> expected, IReadOnlyList<Tensor> actual, double tolerance, string what = "output", double floor = 1e-3)
    {
        if (expected.Count != actual.Count)
        {
            findings.Add(new Finding(path, "", $"{what}: {expected.Count} tensors are expected, {actual.Count} came."));
            return false;
        }

        bool good = true;
        for (int i = 0; i < expected.Count; i++)
        {
            if (!expected[i].shape.SequenceEqual(actual[i].shape))
            {
                findings.Add(new Finding(path, "", $"{what} {i}: shape [{string.Join(", ", expected[i].shape)}] is expected, [{string.Join(", ", actual[i].shape)}] came."));
                good = false;
                continue;
            }

            if (expected[i].numel() == 0)
            {
                continue;
            }

            if (path != "onnx" && expected[i].dtype != actual[i].dtype)
            {
                findings.Add(new Finding(path, "", $"{what} {i}: {expected[i].dtype} is expected, {actual[i].dtype} came."));
                good = false;
                continue;
            }

            Tensor left = expected[i].detach().to_type(ScalarType.Float64).nan_to_num(1e30, 1e30, -1e30);
            Tensor right = actual[i].detach().to_type(ScalarType.Float64).nan_to_num(1e30, 1e30, -1e30);
            double error = (left - right).abs().max().ToDouble() / Math.Max(left.abs().max().ToDouble(), floor);
            errors[path] = Math.Max(errors.GetValueOrDefault(path), error);
            if (!(error <= tolerance))
            {
                findings.Add(new Finding(path, "", $"{what} {i}: relative error {error.ToString("G3", System.Globalization.CultureInfo.InvariantCulture)}."));
                good = false;
            }
        }

        return good;
    }

    private Tensor[] Inputs() => Instance.Inputs(forward, file, Instance.Sizes(forward, file));

    private static Tensor Target(Tensor output)
    {
        random.manual_seed(2);
        return randn_like(output).detach();
    }

    private static string Short(Exception exception) => $"{exception.GetType().Name}: {exception.Message.Split('\n')[0]}" + (exception.StackTrace?.Split('\n').FirstOrDefault() is string frame ? " " + frame.Trim() : "");

    private static OnnxTensor ToOnnx(Tensor value)
    {
        using Tensor dense = value.contiguous();
        return dense.dtype switch
        {
            ScalarType.Int64 => OnnxTensor.From<long>(dense.data<long>().ToArray(), dense.shape),
            ScalarType.Bool => OnnxTensor.From<bool>(dense.data<bool>().ToArray(), dense.shape),
            ScalarType.Int32 => OnnxTensor.From<int>(dense.data<int>().ToArray(), dense.shape),
            ScalarType.Float64 => OnnxTensor.From<double>(dense.data<double>().ToArray(), dense.shape),
            _ => OnnxTensor.From<float>(dense.data<float>().ToArray(), dense.shape),
        };
    }

    private static Tensor FromOnnx(OnnxTensor value) => value.Type switch
    {
        OnnxType.Int64 => tensor(value.AsSpan<long>().ToArray(), [.. value.Shape]),
        OnnxType.Bool => tensor(value.AsSpan<bool>().ToArray(), [.. value.Shape]),
        OnnxType.Int32 => tensor(value.AsSpan<int>().ToArray(), [.. value.Shape]),
        OnnxType.Double => tensor(value.AsSpan<double>().ToArray(), [.. value.Shape]),
        _ => tensor(value.AsSpan<float>().ToArray(), [.. value.Shape]),
    };
}
