using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>What steps on kernels do by themselves: random numbers, and faults of what they are given.</summary>
public sealed class KernelStepTests
{
    /// <summary>Attention draws within its kernel, the other layers through masks.</summary>
    [Theory]
    [InlineData(nameof(TorchGpt))]
    [InlineData(nameof(DropoutNet))]
    public void Dropout_FollowsTheSeed_AndChangesFromStepToStep(string name)
    {
        using IDisposable scope = NewDisposeScope();
        float[][] losses = [.. new[] { 3, 3, 4 }.Select(seed => Losses(name, seed))];
        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0], losses[2]);
        Assert.Equal(losses[0].Length, losses[0].Distinct().Count());
    }

    private static float[] Losses(string name, int seed)
    {
        random.manual_seed(1);
        using Case test = Cases.All[name](4);
        test.Module.train();

        // The weights stay as they are, so that only the masks differ between steps.
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { LearningRate = 0 });
        random.manual_seed(seed);
        var losses = new float[5];
        for (int i = 0; i < losses.Length; i++)
        {
            step.Run(test.Inputs(), test.Target());
            losses[i] = step.Loss.ToSingle();
        }

        return losses;
    }

    [Fact]
    public void DrawingLikeEager_CanBeSwitchedBetweenSteps()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(TorchGpt)](4);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { LearningRate = 0 });
        step.Run(test.Inputs(), test.Target());
        step.DrawsLikeEager = true;
        random.manual_seed(5);
        step.Run(test.Inputs(), test.Target());
        random.manual_seed(5);
        using (no_grad())
        {
            Compare.Close(test.Loss(test.Eager(test.Inputs()), test.Target()), step.Loss, 1e-5, "loss");
        }

        step.DrawsLikeEager = false;
        step.Run(test.Inputs(), test.Target());
        Assert.True(float.IsFinite(step.Loss.ToSingle()));
    }

    [Fact]
    public void ATargetThatIsNoClass_IsNamed_AndLeavesTheWeights()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(SimpleCnn)](3);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        float[] before = step.Parameters.Data.data<float>().ToArray();
        Tensor target = tensor(new long[] { 0, 10, 2 });
        Assert.Contains("Target 10 at position 1 of the batch is not a class: the model has 10 classes, 0 to 9", Assert.Throws<ArgumentOutOfRangeException>(() => step.Run(test.Inputs(), target)).Message);
        Assert.Equal(before, step.Parameters.Data.data<float>().ToArray());
        step.Run(test.Inputs(), test.Target());
    }

    [Fact]
    public void AnIndexOutsideTheTable_IsNamed()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(TorchGpt)](2);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        Tensor tokens = zeros(2, 7, dtype: ScalarType.Int64);
        tokens[1, 3] = 20;
        Assert.Contains("index 20 at position 10 is outside the table, which has 20 rows", Assert.Throws<ArgumentOutOfRangeException>(() => step.Run([tokens], test.Target())).Message);
    }

    /// <summary>Models of which every operator has a kernel take nothing from the heap.</summary>
    [Theory]
    [InlineData(nameof(SimpleCnn))]
    [InlineData(nameof(NormalizedCnn))]
    [InlineData(nameof(ResidualNet))]
    [InlineData(nameof(TextNet))]
    [InlineData(nameof(TorchGpt))]
    [InlineData(nameof(DropoutNet))]
    public void SteadySteps_AllocateNothing(string name)
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[name](6);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        Tensor[] inputs = test.Inputs();
        for (int i = 0; i < 5; i++)
        {
            step.Run(inputs, test.Target());
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            step.Run(inputs, test.Target());
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>So does a search once its memory is full.</summary>
    [Theory]
    [InlineData(nameof(Mlp), LineSearch.None)]
    [InlineData(nameof(NormalizedCnn), LineSearch.StrongWolfe)]
    [InlineData(nameof(DropoutNet), LineSearch.StrongWolfe)]
    public void SteadySearches_AllocateNothing(string name, LineSearch search)
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[name](6);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(new(Optimizer.LBFGS, 0.01) { HistorySize = 3, MaxIterations = 4, LineSearch = search });
        void Run(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                step.Run(test.Samples, test.Wanted);
            }
        }

        Run(8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(10);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
