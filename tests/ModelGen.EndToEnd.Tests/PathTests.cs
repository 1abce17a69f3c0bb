using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Every generated path of small models that together use every layer, against eager TorchSharp.</summary>
public abstract class PathTests
{
    private const int Batch = 5;

    /// <summary>Whether the tests expect kernels.</summary>
    protected abstract bool OnKernels { get; }

    public static TheoryData<string> Names => [.. Cases.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Infer_EqualsEager(string name)
    {
        using Case test = Cases.All[name](Batch);
        test.Module.eval();
        Tensor[] inputs = test.Inputs();
        using (no_grad())
        {
            Compare.Close(test.Eager(inputs), test.Compiled.InferBatch(inputs), 1e-5, name);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_EqualAutograd(string name)
    {
        using Case test = Cases.All[name](Batch);
        test.Module.train();
        Tensor[] inputs = test.Inputs();
        Tensor target = test.Target();
        random.manual_seed(7);
        Tensor expected = test.Loss(test.Eager(inputs), target);
        expected.backward();
        var gradients = test.Module.named_parameters().Where(static pair => pair.parameter.grad is not null).ToDictionary(static pair => pair.name, static pair => pair.parameter.grad!.clone());
        random.manual_seed(7);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { LearningRate = 0 });

        // These two compute with float64 and whole numbers in between, which no kernel does.
        Assert.Equal(OnKernels && name is not (nameof(TorchLibrary) or nameof(TorchNumbers)), step is KernelStep);
        step.DrawsLikeEager = true;
        step.Run(inputs, target);
        Tensor loss = step.Loss;
        Compare.Close(expected.detach(), loss, 1e-5, name + " loss");
        Assert.Equal(gradients.Count, step.Gradients.Slices.Count);
        Assert.All(Enumerable.Range(0, step.Gradients.Slices.Count), i =>
            Compare.Close(gradients[step.Gradients.Slices[i].Name], step.Gradients[i], 1e-4, $"{name} gradient of {step.Gradients.Slices[i].Name}"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void FiveSteps_EqualTorchSharpsOptimizer(string name)
    {
        using Case eager = Cases.All[name](Batch);
        using Case generated = Cases.All[name](Batch);
        generated.Module.load_state_dict(eager.Module.state_dict());
        eager.Module.train();
        using TrainingStep step = generated.Compiled.CreateTrainingStep(generated.Optimizer);
        step.DrawsLikeEager = true;
        using var optimizer = eager.TorchOptimizer();
        for (int i = 0; i < 5; i++)
        {
            random.manual_seed(i);
            optimizer.zero_grad();
            Tensor loss = eager.Loss(eager.Eager(eager.Inputs()), eager.Target());
            loss.backward();
            optimizer.step();
            random.manual_seed(i);
            step.Run(eager.Inputs(), eager.Target());
            Tensor result = step.Loss;
            Compare.Close(loss.detach(), result, 1e-4, $"{name} loss of step {i}");
        }

        var expected = eager.Module.state_dict();
        Assert.All(generated.Module.state_dict(), pair => Compare.Close(Meaningful(pair.Key, expected[pair.Key]), Meaningful(pair.Key, pair.Value), 2e-3, $"{name} {pair.Key} after five steps"));
    }

    /// <summary>
    /// A bias before batch normalisation and the key bias of attention have a gradient of exactly zero; both sides see rounding noise, which Adam scales up to a full step.
    /// </summary>
    private static Tensor Meaningful(string key, Tensor value) => key switch
    {
        _ when key.EndsWith("in_proj_bias", StringComparison.Ordinal) => TorchSharp.torch.cat([value.chunk(3)[0], value.chunk(3)[2]]),
        _ => value,
    };
}

/// <summary>Generated code as it runs on this CPU.</summary>
public sealed class KernelPathTests : PathTests
{
    protected override bool OnKernels => true;
}

/// <summary>Generated code as it runs on other devices: on libtorch's operators.</summary>
public sealed class LibraryPathTests : PathTests, IDisposable
{
    private readonly IDisposable path = LibraryPath.Use();

    protected override bool OnKernels => false;

    public void Dispose() => path.Dispose();
}
