using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Generated code refuses instances whose calculation differs from the one that was compiled, even where all parameters have the same shapes.</summary>
public sealed class InstanceTests
{
    [Fact]
    public void InstanceAsCompiled_Works()
    {
        using var model = new TorchSettings(2, 0.5f, new TorchSettings.Options(3, [1, 2]), "relu");
        model.eval();
        using Tensor x = randn(2, 8);
        using Tensor eager = model.forward(x);
        using Tensor fused = model.Infer(x);
        Assert.True(eager.allclose(fused));
    }

    [Theory]
    [InlineData("heads", "heads is 4 instead of 2")]
    [InlineData("rate", "its 'drop' has p = 0.25 instead of 0.5")]
    [InlineData("option", "options.Power is 2 instead of 3")]
    [InlineData("list", "options.Weights is [1, 3] instead of [1, 2]")]
    [InlineData("layer", "its 'act' is a Tanh instead of a ReLU")]
    public void OtherArguments_AreRefusedWithTheDifference(string what, string expected)
    {
        using var model = new TorchSettings(
            what == "heads" ? 4 : 2,
            what == "rate" ? 0.25f : 0.5f,
            new TorchSettings.Options(what == "option" ? 2 : 3, what == "list" ? [1, 3] : [1, 2]),
            what == "layer" ? "tanh" : "relu");
        using Tensor x = randn(2, 8);
        Assert.Contains(expected, Assert.Throws<InvalidOperationException>(() => model.Infer(x)).Message);
        Assert.Contains(expected, Assert.Throws<InvalidOperationException>(() => model.ToOnnx()).Message);
        Assert.Contains(expected, Assert.Throws<InvalidOperationException>(() => ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0))).Message);
    }

    [Fact]
    public void SettingChangedLater_IsNoticedAtTheNextCall()
    {
        using var model = new TorchSettings(2, 0.5f, new TorchSettings.Options(3, [1, 2]), "relu");
        using Tensor x = randn(2, 8);
        using Tensor target = randn(2, 8);
        model.Infer(x).Dispose();
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0.01));
        step.Run([x], target);
        model.Temperature = 2;
        Assert.Contains("Temperature is 2 instead of 1", Assert.Throws<InvalidOperationException>(() => model.Infer(x)).Message);
        Assert.Contains("Temperature is 2 instead of 1", Assert.Throws<InvalidOperationException>(() => step.Run([x], target)).Message);
        model.Temperature = 1;
        model.Infer(x).Dispose();
        step.Run([x], target);
    }
}
