using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Steps that compute parts of forward again are the same steps with less memory.</summary>
public sealed class RecomputeTests
{
    public static TheoryData<bool, bool> Forms => new() { { true, false }, { true, true }, { false, true } };

    /// <summary>On kernels and on libtorch's operators, with masks drawn in either way.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Cnn_TrainsTheSame(bool onKernels, bool drawsLikeEager)
    {
        using IDisposable scope = NewDisposeScope();
        RequireSame(new KeptCnn(), new RecomputedCnn(), randn(16, 2, 16, 16), randint(0, 3, [16], dtype: ScalarType.Int64), onKernels, drawsLikeEager);
        RequireSame(new KeptCnn(), new BudgetCnn(), randn(16, 2, 16, 16), randint(0, 3, [16], dtype: ScalarType.Int64), onKernels, drawsLikeEager);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Text_TrainsTheSame(bool onKernels, bool drawsLikeEager)
    {
        using IDisposable scope = NewDisposeScope();
        RequireSame(new KeptText(), new RecomputedText(), randint(0, 20, [8, 12], dtype: ScalarType.Int64), randint(0, 20, [8, 12], dtype: ScalarType.Int64), onKernels, drawsLikeEager);
    }

    [Fact]
    public void ABudget_IsKept_WithLessWorkThanTheLeastMemoryNeeds()
    {
        static long Planned(ModelSummary summary) => summary.Memory.Single(static plan => plan.Batch == 16).TrainingPeakBytes;
        Assert.True(Planned(KeptCnn.Summary) > 3.2 * (1 << 20), KeptCnn.Summary.ToString());
        Assert.InRange(Planned(BudgetCnn.Summary), Planned(RecomputedCnn.Summary) + 1, (long)(3.2 * (1 << 20)));
        Assert.True(Planned(RecomputedCnn.Summary) < 0.7 * Planned(KeptCnn.Summary));
    }

    private static void RequireSame<TKept, TOther>(TKept kept, TOther other, Tensor input, Tensor target, bool onKernels, bool drawsLikeEager)
        where TKept : nn.Module, ICompiledModel
        where TOther : nn.Module, ICompiledModel
    {
        using TKept model = kept;
        using TOther twin = other;
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        twin.load_state_dict(model.state_dict());
        using TrainingStep step = model.CreateTrainingStep(OptimizerSettings.From(model.TrainSettings!));
        using TrainingStep again = twin.CreateTrainingStep(OptimizerSettings.From(twin.TrainSettings!));
        Assert.Equal(onKernels, step is KernelStep);
        foreach (TrainingStep each in new[] { step, again })
        {
            each.DrawsLikeEager = drawsLikeEager;
            random.manual_seed(7);
            for (int i = 0; i < 3; i++)
            {
                each.Run([input], target);
            }
        }

        // Bit for bit: what is computed again runs the same kernels on the same numbers. Libtorch normalises in another order when the statistics are given.
        double limit = onKernels ? 0 : 1e-5;
        Compare.Close(step.Loss, again.Loss, limit, "loss");
        Compare.Close(step.Parameters.Data, again.Parameters.Data, limit, "weights");
        foreach ((string name, Tensor buffer) in model.named_buffers())
        {
            Compare.Close(buffer, twin.get_buffer(name)!, limit, name);
        }

        if (step is KernelStep kernels)
        {
            Assert.True(((KernelStep)again).ArenaBytes < kernels.ArenaBytes, $"{((KernelStep)again).ArenaBytes:N0} bytes instead of {kernels.ArenaBytes:N0}");
        }
    }
}
