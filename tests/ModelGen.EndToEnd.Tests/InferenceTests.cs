using System.Reflection;
using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Inference on kernels: prepared weights that are never stale, calls from many threads, and the way back to libtorch.</summary>
public sealed class InferenceTests
{
    private const double Tolerance = 1e-5;

    /// <summary>Each of these writes weights in another way; some leave no trace in the tensor, such as a write through its memory.</summary>
    public static TheoryData<string> Writers => ["operator", "memory", "one element", "state dict", "running statistics", "step", "eager optimizer", "other storage"];

    [Theory]
    [MemberData(nameof(Writers))]
    public void Infer_SeesEveryChangeOfTheWeights(string writer)
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(TorchResidual)](4);
        var model = (TorchResidual)test.Module;
        model.eval();
        RequireSame(test);
        AssertOnKernels(model);
        Write(writer, test);
        model.eval();
        RequireSame(test);
        AssertOnKernels(model);
    }

    [Fact]
    public void PackedWeightsOfLinearLayers_AreMadeAnew_WhenWeightsChange()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(ManyRows)](3);
        test.Module.eval();
        RequireSame(test);
        foreach ((_, TorchSharp.Modules.Parameter weight) in test.Module.named_parameters())
        {
            float[] values = [.. weight.data<float>().Select(static (value, index) => (value * -0.5f) + (index % 3))];
            weight.data<float>().CopyFrom(values);
            RequireSame(test);
        }

        AssertOnKernels(test.Module);
    }

    [Fact]
    public void FrozenWeights_AreNotLookedAt_UntilTheyAreUnfrozenOrReplaced()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(TorchResidual)](4);
        var model = (TorchResidual)test.Module;
        model.eval();
        model.FreezeWeights();
        RequireSame(test);
        Tensor before = test.Compiled.InferBatch(test.Inputs());
        Write("memory", test);
        Assert.Equal(before.data<float>().ToArray(), test.Compiled.InferBatch(test.Inputs()).data<float>().ToArray());
        model.UnfreezeWeights();
        RequireSame(test);
        Write("one element", test);
        RequireSame(test);
        model.FreezeWeights();
        Write("memory", test);
        RequireSame(test);
        Write("other storage", test);
        RequireSame(test);
        AssertOnKernels(model);
    }

    [Fact]
    public void FreezingNothing_IsRefused() => Assert.Throws<ArgumentNullException>(static () => FrozenWeights.FreezeWeights(null!));

    private static void Write(string writer, Case test)
    {
        (string name, TorchSharp.Modules.Parameter weight) = test.Module.named_parameters().First(static pair => pair.parameter.dim() == 4);
        switch (writer)
        {
            case "operator":
                using (no_grad())
                {
                    weight.mul_(1.5);
                }

                break;
            case "memory":
                float[] values = [.. weight.data<float>().Select(static value => value * -0.5f)];
                weight.data<float>().CopyFrom(values);
                break;
            case "one element":
                weight.data<float>()[1, 0, 2, 1] += 2;
                break;
            case "state dict":
                test.Module.load_state_dict(test.Module.state_dict().ToDictionary(static pair => pair.Key, static pair => pair.Value.is_floating_point() ? pair.Value * 0.75 : pair.Value));
                break;
            case "running statistics":
                test.Module.named_buffers().First(static pair => pair.name.EndsWith("running_var", StringComparison.Ordinal)).buffer.mul_(3);
                break;
            case "step":
                test.Module.train();
                using (TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer))
                {
                    step.Run(test.Inputs(), test.Target());
                }

                break;
            case "eager optimizer":
                test.Module.train();
                using (optim.Optimizer optimizer = test.TorchOptimizer())
                {
                    test.Loss(test.Eager(test.Inputs()), test.Target()).backward();
                    optimizer.step();
                }

                break;
            default:
                using (no_grad())
                {
                    weight.set_(randn_like(weight));
                }

                break;
        }

        Assert.NotEmpty(name);
    }

    [Fact]
    public async Task Infer_RunsOnManyThreadsWithManySizes()
    {
        using Case test = Cases.All[nameof(TorchResidual)](4);
        var model = (TorchResidual)test.Module;
        model.eval();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 20; i++)
            {
                using IDisposable scope = NewDisposeScope();
                using IDisposable guard = no_grad();
                Tensor x = randn(1 + ((thread + i) % 5), 2, 8, 8);
                Compare.Close(model.forward(x), model.Infer(x), Tolerance, $"thread {thread}, call {i}");
            }
        })));
        AssertOnKernels(model);
    }

    /// <summary>The first call looks at the weights; it must not move them under a thread that reads them.</summary>
    [Fact]
    public void TheFirstInfer_DoesNotDisturbEagerCodeOnAnotherThread()
    {
        for (int i = 0; i < 60; i++)
        {
            using IDisposable scope = NewDisposeScope();
            using Case test = Cases.All[nameof(TorchResidual)](4);
            test.Module.eval();
            Tensor[] inputs = test.Inputs();
            using IDisposable guard = no_grad();
            Tensor expected = test.Eager(inputs);
            using var started = new ManualResetEventSlim();
            bool done = false;
            double worst = 0;
            var thread = new Thread(() =>
            {
                using IDisposable own = NewDisposeScope();
                using IDisposable off = no_grad();
                while (!Volatile.Read(ref done))
                {
                    worst = Math.Max(worst, (test.Eager(inputs) - expected).abs().max().ToDouble());
                    started.Set();
                }
            });
            thread.Start();
            started.Wait();
            test.Compiled.InferBatch(inputs).Dispose();
            Volatile.Write(ref done, true);
            thread.Join();
            Assert.Equal(0, worst);
        }
    }

    [Fact]
    public void Infer_OfAnotherTypeOfWeights_RunsOnLibtorch()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(TorchResidual)](4);
        var model = (TorchResidual)test.Module;
        model.eval();
        RequireSame(test);
        model.to(ScalarType.Float64);
        ArgumentException thrown = Assert.Throws<ArgumentException>(() => model.Infer(test.Inputs()[0].to(ScalarType.Float64)));
        Assert.Contains("float32", thrown.Message, StringComparison.OrdinalIgnoreCase);
        model.to(ScalarType.Float32);
        RequireSame(test);
        AssertOnKernels(model);
    }

    /// <summary>libtorch keeps a boolean in a byte, kernels in a float.</summary>
    [Fact]
    public void BooleanBuffersAndInputs_ReachKernelsAsNumbers()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(7);
        using var model = new TorchFlags();
        model.eval();
        Tensor x = randn(3, 6);
        Tensor keep = randint(0, 2, [3, 6]).to(ScalarType.Bool);
        using (no_grad())
        {
            Compare.Close(model.forward(x, keep), model.Infer(x, keep), Tolerance, "Infer");
        }

        AssertOnKernels(model);
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!) with { LearningRate = 0 });
        Assert.IsAssignableFrom<KernelStep>(step);
        Tensor target = randn(3, 2);
        step.Run([x, keep], target);
        using (no_grad())
        {
            Compare.Close(nn.functional.mse_loss(model.forward(x, keep), target), step.Loss, Tolerance, "loss");
        }
    }

    /// <summary>The peak that the compiler states is what is allocated.</summary>
    [Theory]
    [InlineData(nameof(TorchResidual), 16)]
    [InlineData(nameof(SimpleCnn), 1)]
    [InlineData(nameof(TextNet), 16)]
    [InlineData(nameof(DropoutNet), 16)]
    public void PlannedMemory_IsWhatIsAllocated(string name, int batch)
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[name](batch);
        var summary = (ModelSummary)test.Module.GetType().GetProperty("Summary")!.GetValue(null)!;
        MemoryPlan plan = summary.Memory.Single(entry => entry.Batch == batch);
        test.Module.eval();
        test.Compiled.InferBatch(test.Inputs()).Dispose();
        var inference = (KernelInference)test.Module.GetType().GetField("__inference", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(test.Module)!;
        long weights = test.Module.parameters().Concat(test.Module.buffers()).Sum(static tensor => tensor.numel() * tensor.element_size());
        Assert.Equal(plan.InferencePeakBytes, inference.Bytes + weights);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        step.Run(test.Inputs(), test.Target());
        long buffers = test.Module.buffers().Sum(static tensor => tensor.numel() * tensor.element_size());
        Assert.Equal(plan.TrainingPeakBytes, Assert.IsAssignableFrom<KernelStep>(step).ArenaBytes + step.StateBytes + buffers);
    }

    private static void RequireSame(Case test)
    {
        using IDisposable guard = no_grad();
        Compare.Close(test.Eager(test.Inputs()), test.Compiled.InferBatch(test.Inputs()), Tolerance, "Infer");
    }

    /// <summary>Or the test would look at libtorch alone.</summary>
    private static void AssertOnKernels(nn.Module model)
    {
        object? inference = model.GetType().GetField("__inference", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(model);
        Assert.True(Assert.IsAssignableFrom<KernelInference>(inference).Supports([]));
    }
}
