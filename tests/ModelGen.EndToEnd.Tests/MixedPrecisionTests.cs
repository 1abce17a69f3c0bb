using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Steps whose products round their operands to bfloat16.</summary>
public sealed class MixedPrecisionTests
{
    /// <summary>Every rounding, and nothing but it: the step written out in float64.</summary>
    [Fact]
    public void Kernels_RoundOperandsOfProducts_AndNothingElse()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = new MixedMlp();
        Tensor x = randn(12, 40);
        Tensor target = randn(12, 33);
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!) with { LearningRate = 0 });
        Assert.IsAssignableFrom<KernelStep>(step);
        step.Run([x], target);
        using IDisposable guard = no_grad();
        (Tensor w1, Tensor b1, Tensor w2, Tensor b2) = (model.First.weight!, Wide(model.First.bias!), model.Second.weight!, Wide(model.Second.bias!));
        Tensor hidden = Round(x).matmul(Round(w1).t()) + b1;
        Tensor active = hidden.relu();
        Tensor y = Round(active).matmul(Round(w2).t()) + b2;
        Tensor error = y - Wide(target);
        Compare.Close(error.square().mean(), step.Loss, 1e-6, "loss");
        Tensor slope = error * (2.0 / error.numel());
        Tensor back = Round(slope).matmul(Round(w2)) * (hidden > 0).to_type(ScalarType.Float64);
        var expected = new Dictionary<string, Tensor>
        {
            ["second.weight"] = Round(slope).t().matmul(Round(active)),
            ["second.bias"] = slope.sum([0L]),
            ["first.weight"] = Round(back).t().matmul(Round(x)),
            ["first.bias"] = back.sum([0L]),
        };

        // What lies within a float's rounding of the middle between two numbers of bfloat16 may go either way; it is one of hundreds in a sum.
        Assert.All(Enumerable.Range(0, 4), i => Compare.Close(expected[step.Gradients.Slices[i].Name], step.Gradients[i], 2e-4, step.Gradients.Slices[i].Name));

        // Without the roundings the same comparison fails by far.
        Tensor exact = (Wide(x).matmul(Wide(w1).t()) + b1).relu().matmul(Wide(w2).t()) + b2 - Wide(target);
        Tensor unrounded = (exact * (2.0 / exact.numel())).t().matmul(active);
        Assert.True((unrounded - Wide(step.Gradients[2])).abs().max().ToDouble() > 1e-3 * unrounded.abs().max().ToDouble());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cnn_StaysCloseToFloat32(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        (Tensor x, Tensor target) = (randn(16, 2, 16, 16), randint(0, 3, [16], dtype: ScalarType.Int64));
        RequireClose(new KeptCnn(), new MixedCnn(), x, target, onKernels);
        RequireClose(new KeptCnn(), new MixedRecomputedCnn(), x, target, onKernels);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Text_StaysCloseToFloat32(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        RequireClose(new KeptText(), new MixedText(), randint(0, 20, [8, 12], dtype: ScalarType.Int64), randint(0, 20, [8, 12], dtype: ScalarType.Int64), onKernels);
    }

    private static void RequireClose<TExact, TMixed>(TExact exact, TMixed mixed, Tensor input, Tensor target, bool onKernels)
        where TExact : nn.Module, ICompiledModel
        where TMixed : nn.Module, ICompiledModel
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using TExact model = exact;
        using TMixed twin = mixed;
        twin.load_state_dict(model.state_dict());
        using TrainingStep step = model.CreateTrainingStep(OptimizerSettings.From(model.TrainSettings!) with { LearningRate = 0 });
        using TrainingStep other = twin.CreateTrainingStep(OptimizerSettings.From(twin.TrainSettings!) with { LearningRate = 0 });
        Assert.Equal(onKernels, other is KernelStep);
        foreach (TrainingStep each in new[] { step, other })
        {
            each.DrawsLikeEager = true;
            random.manual_seed(7);
            each.Run([input], target);
        }

        using IDisposable guard = no_grad();
        Compare.Close(step.Loss, other.Loss, 2e-2, "loss");
        double apart = (step.Gradients.Data - other.Gradients.Data).norm().ToDouble() / step.Gradients.Data.norm().ToDouble();
        Assert.InRange(apart, 1e-4, 0.08);
    }

    private static Tensor Wide(Tensor tensor) => tensor.to_type(ScalarType.Float64);

    private static Tensor Round(Tensor tensor) => tensor.to_type(ScalarType.Float32).to_type(ScalarType.BFloat16).to_type(ScalarType.Float64);
}
