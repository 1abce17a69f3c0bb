using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Steps do the same whatever else happens in the process, and a step that is refused has done nothing.</summary>
public sealed class StepReliabilityTests
{
    public static TheoryData<string> Names => [.. Cases.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Steps_AreTheSame_BitForBit(string name)
    {
        using IDisposable scope = NewDisposeScope();
        using Case data = Cases.All[name](5);
        var start = Copy(data.Module.state_dict());
        Assert.Equal(After(name, data, start, static run => run()), After(name, data, start, static run => run()));
    }

    [Theory]
    [InlineData(nameof(ResidualNet))]
    [InlineData(nameof(TorchGpt))]
    [InlineData(nameof(DropoutNet))]
    [InlineData(nameof(TorchRecurrent))]
    public void AnotherThread_GivesTheSame(string name)
    {
        using IDisposable scope = NewDisposeScope();
        using Case data = Cases.All[name](5);
        var start = Copy(data.Module.state_dict());
        byte[][] here = After(name, data, start, static run => run());
        byte[][] there = After(name, data, start, static run =>
        {
            // Each step on a thread of its own: scratch memory and the team of workers belong to threads.
            var thread = new Thread(() => run());
            thread.Start();
            thread.Join();
        });
        Assert.Equal(here, there);
    }

    [Fact]
    public void TwoTrainersInTurns_AreAsAlone()
    {
        using IDisposable scope = NewDisposeScope();
        using Case first = Cases.All[nameof(ResidualNet)](6);
        using Case second = Cases.All[nameof(TorchGpt)](3);
        (var firstStart, var secondStart) = (Copy(first.Module.state_dict()), Copy(second.Module.state_dict()));
        byte[][] firstAlone = After(nameof(ResidualNet), first, firstStart, static run => run());
        byte[][] secondAlone = After(nameof(TorchGpt), second, secondStart, static run => run());
        using Case a = Cases.All[nameof(ResidualNet)](6);
        using Case b = Cases.All[nameof(TorchGpt)](3);
        a.Module.load_state_dict(firstStart);
        b.Module.load_state_dict(secondStart);
        a.Module.train();
        b.Module.train();
        random.manual_seed(11);
        using TrainingStep one = a.Compiled.CreateTrainingStep(a.Optimizer);
        using TrainingStep two = b.Compiled.CreateTrainingStep(b.Optimizer);
        for (int i = 0; i < 3; i++)
        {
            one.Run(first.Samples, first.Wanted);
            two.Run(second.Samples, second.Wanted);
        }

        Assert.Equal(firstAlone, Bytes(a.Module));
        Assert.Equal(secondAlone, Bytes(b.Module));
    }

    [Fact]
    public void TwoTrainersAtOnce_AreAsAlone()
    {
        using IDisposable scope = NewDisposeScope();
        using Case data = Cases.All[nameof(ResidualNet)](6);
        var start = Copy(data.Module.state_dict());
        byte[][] alone = After(nameof(ResidualNet), data, start, static run => run(), steps: 40);
        using Case a = Cases.All[nameof(ResidualNet)](6);
        using Case b = Cases.All[nameof(ResidualNet)](6);
        Case[] both = [a, b];
        Thread[] threads = [.. both.Select(test => new Thread(() =>
        {
            test.Module.load_state_dict(start);
            test.Module.train();
            using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
            for (int i = 0; i < 40; i++)
            {
                step.Run(data.Samples, data.Wanted);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.All(both, test => Assert.Equal(alone, Bytes(test.Module)));
    }

    /// <summary>A smaller batch in between is laid out anew, and nothing of it stays.</summary>
    [Theory]
    [InlineData(nameof(ResidualNet))]
    [InlineData(nameof(TextNet))]
    [InlineData(nameof(TorchLlama))]
    [InlineData(nameof(PoolingNet))]
    public void RaggedBatches_AreAsInAStepOfTheirOwn(string name)
    {
        using IDisposable scope = NewDisposeScope();
        using Case large = Cases.All[name](9);
        using Case small = Cases.All[name](2);
        var start = Copy(large.Module.state_dict());

        float Loss(TrainingStep step, Case batch)
        {
            step.Run(batch.Samples, batch.Wanted);
            return step.Loss.ToSingle();
        }

        large.Module.train();
        using TrainingStep mixed = large.Compiled.CreateTrainingStep(large.Optimizer with { LearningRate = 0, WeightDecay = 0 });
        float[] losses = [Loss(mixed, large), Loss(mixed, small), Loss(mixed, large)];
        using Case fresh = Cases.All[name](2);
        fresh.Module.load_state_dict(start);
        fresh.Module.train();
        using TrainingStep alone = fresh.Compiled.CreateTrainingStep(fresh.Optimizer with { LearningRate = 0, WeightDecay = 0 });
        Assert.Equal(losses[0], losses[2]);
        Assert.Equal(Loss(alone, small), losses[1]);
        Compare.Close(small.Loss(fresh.Eager(small.Samples), small.Wanted).detach(), tensor(losses[1]), 1e-5, "loss of the small batch");
    }

    /// <summary>Weights, running statistics, counters and optimizer state are as if the step had not been tried.</summary>
    [Fact]
    public void ARefusedStep_HasDoneNothing()
    {
        using IDisposable scope = NewDisposeScope();
        using Case data = Cases.All[nameof(TorchResidual)](5);
        var start = Copy(data.Module.state_dict());
        byte[][] expected = After(nameof(TorchResidual), data, start, static run => run());
        using Case test = Cases.All[nameof(TorchResidual)](5);
        test.Module.load_state_dict(start);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        Tensor wrong = data.Wanted.clone();
        wrong[4] = 3;
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => step.Run(data.Samples, wrong));
            Assert.ThrowsAny<ArgumentException>(() => step.Run([data.Samples[0][TensorIndex.Colon, TensorIndex.Slice(0, 1)]], data.Wanted));
            Assert.ThrowsAny<ArgumentException>(() => step.Run([], data.Wanted));
            step.Run(data.Samples, data.Wanted);
        }

        Assert.Equal(expected, Bytes(test.Module));
    }

    /// <summary>Contents of the state dict after some steps from a state.</summary>
    private static byte[][] After(string name, Case data, IReadOnlyDictionary<string, Tensor> start, Action<Action> how, int steps = 3)
    {
        using Case test = Cases.All[name](5);
        test.Module.load_state_dict(start.ToDictionary(static pair => pair.Key, static pair => pair.Value));
        test.Module.train();
        random.manual_seed(11);
        using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer);
        for (int i = 0; i < steps; i++)
        {
            how(() => step.Run(data.Samples, data.Wanted));
        }

        return Bytes(test.Module);
    }

    private static Dictionary<string, Tensor> Copy(Dictionary<string, Tensor> state) => state.ToDictionary(static pair => pair.Key, static pair => pair.Value.clone());

    private static byte[][] Bytes(nn.Module module) => [.. module.state_dict().OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => pair.Value.bytes.ToArray())];
}
