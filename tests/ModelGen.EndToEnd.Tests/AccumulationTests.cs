using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Steps in parts against steps over all samples at once.</summary>
public sealed class AccumulationTests
{
    [Theory]
    [InlineData(nameof(Mlp), true)]
    [InlineData(nameof(Mlp), false)]
    [InlineData(nameof(SimpleCnn), true)]
    [InlineData(nameof(SimpleCnn), false)]
    [InlineData(nameof(TextNet), true)]
    [InlineData(nameof(TorchLlama), true)]
    public void Parts_EqualTheWhole_WhateverTheirSizes(string name, bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case whole = Cases.All[name](12);
        using Case parts = Cases.All[name](12);
        parts.Module.load_state_dict(whole.Module.state_dict());
        
        // Not Adam: it makes steps of full size of gradients that are rounding alone, such as those of an attention's key bias.
        var settings = new OptimizerSettings(Optimizer.SGD, 0.05) { Momentum = 0.9, WeightDecay = 0.01, ClipNorm = 0.3 };
        using TrainingStep one = whole.Compiled.CreateTrainingStep(settings);
        using TrainingStep other = parts.Compiled.CreateTrainingStep(settings);
        whole.Module.train();
        parts.Module.train();
        foreach (int[] sizes in (int[][])[[5, 4, 3], [12], [1, 11], [6, 6]])
        {
            one.Run(whole.Samples, whole.Wanted);
            int start = 0;
            for (int i = 0; i < sizes.Length; i++)
            {
                other.Accumulate([.. whole.Samples.Select(input => input.narrow(0, start, sizes[i]))], whole.Wanted.narrow(0, start, sizes[i]), sizes[i], i == sizes.Length - 1);
                start += sizes[i];
            }

            Compare.Close(one.Gradients.Data, other.Gradients.Data, 2e-5, "gradients");
        }

        Assert.Equal(4, other.Optimizer.StepCount);
        var wanted = whole.Module.state_dict();
        Assert.All(parts.Module.state_dict(), pair => Compare.Close(wanted[pair.Key], pair.Value, 1e-4, pair.Key));
    }

    [Fact]
    public void EachPart_DropsOtherElements()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(DropoutNet)](8);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { LearningRate = 0, WeightDecay = 0 });
        float Loss(bool last)
        {
            step.Accumulate(test.Samples, test.Wanted, 8, last);
            return step.Loss.item<float>();
        }

        float[] losses = [Loss(false), Loss(false), Loss(true), Loss(true)];
        Assert.Equal(4, losses.Distinct().Count());
        Assert.Equal(2, step.Optimizer.StepCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NaN_IsRefusedBeforeTheParametersChange(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case test = Cases.All[nameof(Mlp)](4);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        step.ChecksLoss = true;
        byte[] before = step.Parameters.Data.bytes.ToArray();
        Tensor bad = test.Samples[0].clone();
        bad[2, 1] = float.NaN;
        step.Run([bad], test.Wanted);
        Assert.True(step.WasRefused);
        Assert.Equal(before, step.Parameters.Data.bytes.ToArray());
        Assert.Equal(0, step.Optimizer.StepCount);

        // In a group, the others count as if it had not been there.
        step.Accumulate(test.Samples, test.Wanted, 4, last: false);
        Assert.False(step.WasRefused);
        Tensor alone = step.Gradients.Data.clone();
        step.Accumulate([bad], test.Wanted, 4, last: true);
        Assert.True(step.WasRefused);
        Assert.Equal(1, step.Optimizer.StepCount);
        Compare.Close(alone, step.Gradients.Data, 1e-6, "gradients");
        Assert.True(step.Parameters.Data.isfinite().all().item<bool>());
    }

    [Fact]
    public void Measure_ChangesNoParameter()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(NormalizedCnn)](4);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        byte[] before = step.Parameters.Data.bytes.ToArray();
        step.Measure(test.Samples, test.Wanted);
        Assert.Equal(before, step.Parameters.Data.bytes.ToArray());
        Assert.Equal(0, step.Optimizer.StepCount);
        Assert.True(step.Gradients.Data.abs().sum().item<float>() > 0);
        step.Run(test.Samples, test.Wanted);
        Assert.NotEqual(before, step.Parameters.Data.bytes.ToArray());
    }
}
