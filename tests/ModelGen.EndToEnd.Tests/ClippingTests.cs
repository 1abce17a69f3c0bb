using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Clipped gradients, against TorchSharp's functions of the same purpose.</summary>
public sealed class ClippingTests
{
    public static TheoryData<bool, double, double> Settings => new()
    {
        { true, 0.05, 0 }, { true, 1e6, 0 }, { true, 0, 0.002 }, { false, 0.05, 0 }, { false, 1e6, 0 }, { false, 0, 0.002 },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Steps_EqualEagerOnes(bool onKernels, double norm, double value)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case eager = Cases.All[nameof(SimpleCnn)](6);
        using Case generated = Cases.All[nameof(SimpleCnn)](6);
        generated.Module.load_state_dict(eager.Module.state_dict());
        using TrainingStep step = generated.Compiled.CreateTrainingStep(generated.Optimizer with { ClipNorm = norm, ClipValue = value });
        step.DrawsLikeEager = true;
        using optim.Optimizer optimizer = eager.TorchOptimizer();
        for (int i = 0; i < 4; i++)
        {
            random.manual_seed(i);
            optimizer.zero_grad();
            eager.Loss(eager.Eager(eager.Samples), eager.Wanted).backward();
            double expected = norm > 0 ? nn.utils.clip_grad_norm_(eager.Module.parameters(), norm) : double.NaN;
            if (value > 0)
            {
                nn.utils.clip_grad_value_(eager.Module.parameters(), value);
            }

            optimizer.step();
            random.manual_seed(i);
            step.Run(eager.Samples, eager.Wanted);
            Assert.Equal(onKernels ? expected : double.NaN, step.Optimizer.GradientNorm, 1e-4 * (double.IsNaN(expected) ? 1 : expected));
        }

        var wanted = eager.Module.state_dict();
        Assert.All(generated.Module.state_dict(), pair => Compare.Close(wanted[pair.Key], pair.Value, 1e-4, pair.Key));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    public void LimitsThatContradict_AreRefused(double norm, double value)
    {
        using Case test = Cases.All[nameof(SimpleCnn)](2);
        Assert.Contains("not both", Assert.Throws<ArgumentException>(() => test.Compiled.CreateTrainingStep(test.Optimizer with { ClipNorm = norm, ClipValue = value })).Message);
    }
}
