using System.Text.Json.Nodes;
using ModelGen.Schedulers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.optim.lr_scheduler;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Schedulers against TorchSharp's where it has them, and against PyTorch's formulas where it has not.</summary>
public sealed class SchedulerTests
{
    private const double Rate = 0.1;

    private static readonly Dictionary<string, (Func<LearningRateScheduler> Own, Func<optim.Optimizer, LRScheduler> Torch)> Cases = new()
    {
        ["StepLR"] = (() => new StepLR(4, 0.3), o => StepLR(o, 4, 0.3)),
        ["MultiStepLR"] = (() => new MultiStepLR([3, 7, 8], 0.5), o => MultiStepLR(o, [3, 7, 8], 0.5)),
        ["ExponentialLR"] = (() => new ExponentialLR(0.9), o => ExponentialLR(o, 0.9)),
        ["ConstantLR"] = (() => new ConstantLR(0.25, 6), o => ConstantLR(o, 0.25, 6)),
        ["LinearLR"] = (() => new LinearLR(0.1, 0.8, 9), o => LinearLR(o, 0.1, 0.8, 9)),
        ["PolynomialLR"] = (() => new PolynomialLR(12, 2), o => PolynomialLR(o, 12, 2)),
        ["LambdaLR"] = (() => new LambdaLR(static step => 1 / (1.0 + step)), o => LambdaLR(o, static step => 1 / (1.0 + step))),
        ["MultiplicativeLR"] = (() => new MultiplicativeLR(static step => step % 3 == 0 ? 0.5 : 1.1), o => MultiplicativeLR(o, static step => step % 3 == 0 ? 0.5 : 1.1)),
        ["CosineAnnealingLR"] = (() => new CosineAnnealingLR(10, 0.01), o => CosineAnnealingLR(o, 10, 0.01)),
        ["CyclicLR"] = (() => new CyclicLR(0.01, 4, 6), o => CyclicLR(o, 0.01, Rate, 4, 6, cycle_momentum: false)),
        ["CyclicLR, halved"] = (() => new CyclicLR(0.01, 3, mode: CyclicMode.Triangular2), o => CyclicLR(o, 0.01, Rate, 3, mode: impl.CyclicLR.Mode.Triangular2, cycle_momentum: false)),
        ["OneCycleLR"] = (() => new OneCycleLR(25), o => OneCycleLR(o, Rate, 25, cycle_momentum: false)),
        ["OneCycleLR, three phases"] = (() => new OneCycleLR(25, 0.4, 10, 100, linear: true, threePhases: true), o => OneCycleLR(o, Rate, 25, pct_start: 0.4, anneal_strategy: impl.OneCycleLR.AnnealStrategy.Linear, cycle_momentum: false, div_factor: 10, final_div_factor: 100, three_phase: true)),
        ["ChainedScheduler"] = (() => new ChainedScheduler([new ConstantLR(0.5, 4), new ExponentialLR(0.9)]), o => ChainedLR([ConstantLR(o, 0.5, 4), ExponentialLR(o, 0.9)])),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rates_EqualTorchSharps(string name)
    {
        using var optimizer = optim.SGD([new Parameter(zeros(1))], Rate);
        LRScheduler reference = Cases[name].Torch(optimizer);
        LearningRateScheduler own = Cases[name].Own();
        for (int step = 0; step < 25; step++)
        {
            Assert.Equal(optimizer.ParamGroups.First().LearningRate, own.At(step, Rate), 1e-9);
            reference.step();
        }

        // In any order, as a resumed fit asks.
        Assert.Equal(Cases[name].Own().At(17, Rate), own.At(17, Rate));
    }

    /// <summary>PyTorch's documentation: the momentum goes from its highest value to its lowest and back, inversely to the learning rate, along the same way.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OneCycle_CyclesTheMomentumInversely(bool threePhases)
    {
        var own = new OneCycleLR(20, rise: 0.3, threePhases: threePhases) { Momentum = (0.85, 0.95) };
        for (int step = 0; step < 20; step++)
        {
            // Up to step 0.3 * 20 - 1 = 5; with three phases down to step 2 * 6 - 2 = 10, where the momentum stays.
            double end = threePhases ? 10 : 19;
            double expected = step <= 5 ? Cosine(0.95, 0.85, step / 5.0)
                : step <= end ? Cosine(0.85, 0.95, (step - 5) / (end - 5))
                : 0.95;
            Assert.Equal(expected, own.MomentumAt(step)!.Value, 1e-12);
        }

        Assert.Null(new OneCycleLR(20).MomentumAt(3));

        static double Cosine(double from, double to, double share) => to + ((from - to) * (1 + Math.Cos(Math.PI * share)) / 2);
    }

    /// <summary>PyTorch's documentation: max_momentum - (max_momentum - base_momentum) * height, where the learning rate is base_lr + (max_lr - base_lr) * height.</summary>
    [Theory]
    [InlineData(CyclicMode.Triangular)]
    [InlineData(CyclicMode.Triangular2)]
    [InlineData(CyclicMode.ExponentialRange)]
    public void Cyclic_CyclesTheMomentumInversely(CyclicMode mode)
    {
        var own = new CyclicLR(0.01, 3, 5, mode, gamma: 0.97) { Momentum = (0.8, 0.9) };
        var sequence = new SequentialLR([new ConstantLR(0.5, 2), own], [2]);
        for (int step = 0; step < 25; step++)
        {
            int cycle = step / 8;
            int within = step % 8;
            double height = (within <= 3 ? within / 3.0 : (8 - within) / 5.0) * (mode switch { CyclicMode.Triangular2 => Math.Pow(0.5, cycle), CyclicMode.ExponentialRange => Math.Pow(0.97, step), _ => 1 });
            Assert.Equal(0.9 - (0.1 * height), own.MomentumAt(step)!.Value, 1e-12);
            Assert.Equal(0.01 + (0.09 * height), own.At(step, Rate), 1e-12);
            Assert.Equal(own.MomentumAt(step), sequence.MomentumAt(step + 2));
        }

        Assert.Null(sequence.MomentumAt(1));
        Assert.Equal(own.MomentumAt(4), new ChainedScheduler([own, new StepLR(2)]).MomentumAt(4));
    }

    [Fact]
    public void Sequence_StartsEachWithItsOwnStepZero()
    {
        var own = new SequentialLR([new LinearLR(0.1, 1, 4), new CosineAnnealingLR(8), new ConstantLR(0.01, 100)], [4, 12]);
        for (int step = 0; step < 20; step++)
        {
            double expected = step < 4 ? Rate * (0.1 + (0.9 * step / 4))
                : step < 12 ? Rate * (1 + Math.Cos(Math.PI * (step - 4) / 8)) / 2
                : Rate * 0.01;
            Assert.Equal(expected, own.At(step, Rate), 1e-12);
        }

        Assert.Throws<ArgumentException>(() => new SequentialLR([new StepLR(1)], [3]));
        Assert.Throws<ArgumentException>(() => new SequentialLR([new StepLR(1), new StepLR(1), new StepLR(1)], [3, 3]));
    }

    /// <summary>The formula of PyTorch's documentation: eta_min + (eta_max - eta_min) (1 + cos(pi T_cur / T_i)) / 2, T_i growing by T_mult.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void WarmRestarts_FollowTheFormula(int growth)
    {
        var own = new CosineAnnealingWarmRestarts(5, growth, 0.01);
        int length = 5;
        int inside = 0;
        for (int step = 0; step < 60; step++)
        {
            Assert.Equal(0.01 + ((Rate - 0.01) * (1 + Math.Cos(Math.PI * inside / length)) / 2), own.At(step, Rate), 1e-12);
            if (++inside == length)
            {
                (inside, length) = (0, length * growth);
            }
        }
    }

    /// <summary>PyTorch scales by gamma to the power of the step; TorchSharp 0.107 by gamma to the power of the cycle, whatever its scale_mode says.</summary>
    [Fact]
    public void ExponentialCycles_FollowTheFormula()
    {
        var own = new CyclicLR(0.01, 3, mode: CyclicMode.ExponentialRange, gamma: 0.9);
        double[] height = [0, 1 / 3.0, 2 / 3.0, 1, 2 / 3.0, 1 / 3.0];
        for (int step = 0; step < 30; step++)
        {
            Assert.Equal(0.01 + ((Rate - 0.01) * height[step % 6] * Math.Pow(0.9, step)), own.At(step, Rate), 1e-12);
        }
    }

    [Theory]
    [InlineData(MonitorMode.Min, true, 0)]
    [InlineData(MonitorMode.Min, false, 2)]
    [InlineData(MonitorMode.Max, true, 1)]
    [InlineData(MonitorMode.Max, false, 0)]
    public void Plateau_EqualsTorchSharps_AlsoAfterBeingSaved(MonitorMode mode, bool relative, int cooldown)
    {
        using var optimizer = optim.SGD([new Parameter(zeros(1))], Rate);
        LRScheduler reference = ReduceLROnPlateau(optimizer, mode == MonitorMode.Min ? "min" : "max", 0.5, 2, 0.05, relative ? "rel" : "abs", cooldown, [0.004], 1e-8);
        ReduceLROnPlateau own = New();
        var values = new Random(9);
        for (int step = 0; step < 60; step++)
        {
            Assert.Equal(optimizer.ParamGroups.First().LearningRate, own.At(step, Rate), 1e-12);
            double value = 1 + (values.NextDouble() * 0.3);
            reference.step(value);
            own.Observe(value);
            if (step % 7 == 3)
            {
                JsonNode? state = JsonNode.Parse(own.SaveState().ToJsonString());
                own = New();
                own.LoadState(state);
            }
        }

        Assert.True(own.At(60, Rate) < Rate / 4);

        ReduceLROnPlateau New() => new(mode, 0.5, 2, 0.05, relative, cooldown, 0.004);
    }

    [Fact]
    public void Members_OfTheAttribute_AreSchedulers()
    {
        foreach (Schedule schedule in Enum.GetValues<Schedule>())
        {
            LearningRateScheduler scheduler = LearningRateScheduler.For(schedule, 30);
            Assert.All(Enumerable.Range(0, 30), step => Assert.Equal(scheduler.At(step, Rate), LearningRates.At(schedule, Rate, step, 30)));
        }
    }
}
