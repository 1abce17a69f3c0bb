using System.Text.Json;
using ModelGen.Schedulers;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Schedulers and optimizers against numbers that PyTorch itself printed (<c>PyTorch/make.py</c>).</summary>
public sealed class PyTorchNumbersTests
{
    private const double Rate = 0.1;

    private static readonly Numbers All =
        JsonSerializer.Deserialize<Numbers>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "PyTorch", "numbers.json")), new JsonSerializerOptions { PropertyNameCaseInsensitive = true })!;

    private static readonly Dictionary<string, Func<LearningRateScheduler>> Schedulers = new()
    {
        ["StepLR"] = () => new StepLR(7, 0.3),
        ["MultiStepLR"] = () => new MultiStepLR([3, 11, 12], 0.5),
        ["ExponentialLR"] = () => new ExponentialLR(0.93),
        ["ConstantLR"] = () => new ConstantLR(0.25, 6),
        ["LinearLR"] = () => new LinearLR(0.1, 0.8, 9),
        ["PolynomialLR"] = () => new PolynomialLR(25, 2),
        ["LambdaLR"] = () => new LambdaLR(static step => 1 / (1.0 + step)),
        ["MultiplicativeLR"] = () => new MultiplicativeLR(static step => step % 3 == 0 ? 0.5 : 1.1),
        ["CosineAnnealingLR"] = () => new CosineAnnealingLR(10, 0.01),
        ["CosineAnnealingWarmRestarts"] = () => new CosineAnnealingWarmRestarts(5, 2, 0.01),
        ["CyclicLR"] = () => new CyclicLR(0.01, 4, 6) { Momentum = (0.8, 0.9) },
        ["CyclicLR, triangular2"] = () => new CyclicLR(0.01, 3, mode: CyclicMode.Triangular2) { Momentum = (0.8, 0.9) },
        ["CyclicLR, exp_range"] = () => new CyclicLR(0.01, 3, 5, CyclicMode.ExponentialRange, 0.97) { Momentum = (0.8, 0.9) },
        ["OneCycleLR"] = () => new OneCycleLR(40) { Momentum = (0.85, 0.95) },
        ["OneCycleLR, three phases"] = () => new OneCycleLR(40, 0.4, 10, 100, linear: true, threePhases: true) { Momentum = (0.85, 0.95) },
        ["SequentialLR"] = () => new SequentialLR([new ConstantLR(0.1, 2), new ExponentialLR(0.9)], [4]),
        ["SequentialLR, warm-up"] = () => new SequentialLR([new LinearLR(0.1, 1, 5), new StepLR(10, 0.5)], [5]),
        ["ChainedScheduler"] = () => new ChainedScheduler([new ConstantLR(0.5, 4), new ExponentialLR(0.9)]),
        ["SWALR"] = () => new SWALR(0.02, 8),
        ["SWALR, linear"] = () => new SWALR(0.2, 5, linear: true),
    };

    private static readonly Dictionary<string, Func<ReduceLROnPlateau>> Plateaus = new()
    {
        ["min"] = () => new ReduceLROnPlateau(factor: 0.5, patience: 1),
        ["max"] = () => new ReduceLROnPlateau(MonitorMode.Max, 0.5, 2, 0.01, relative: false),
        ["cooldown"] = () => new ReduceLROnPlateau(factor: 0.3, patience: 0, threshold: 0.05, cooldown: 2, smallest: 0.004),
    };

    private static readonly Dictionary<string, OptimizerSettings> Rules = new()
    {
        ["SGD"] = new(Optimizer.SGD, 0.05) { WeightDecay = 0.01, Momentum = 0.9, Nesterov = true },
        ["SGD, dampened"] = new(Optimizer.SGD, 0.05) { WeightDecay = 0.01, Momentum = 0.9, Dampening = 0.4 },
        ["SGD, maximized"] = new(Optimizer.SGD, 0.01) { WeightDecay = 0.01, Momentum = 0.9, Maximize = true },
        ["Adam"] = new(Optimizer.Adam, 0.01) { WeightDecay = 0.1 },
        ["Adam, AMSGrad"] = new(Optimizer.Adam, 0.01) { WeightDecay = 0.1, AmsGrad = true, Beta2 = 0.9 },
        ["AdamW"] = new(Optimizer.AdamW, 0.01) { WeightDecay = 0.1 },
        ["AdamW, AMSGrad"] = new(Optimizer.AdamW, 0.01) { WeightDecay = 0.1, AmsGrad = true, Beta2 = 0.9 },
        ["Adagrad"] = new(Optimizer.Adagrad, 0.05) { WeightDecay = 0.01, RateDecay = 0.01 },
        ["Adadelta"] = new(Optimizer.Adadelta, 1) { WeightDecay = 0.01 },
        ["Adamax"] = new(Optimizer.Adamax, 0.01) { WeightDecay = 0.01 },
        ["NAdam"] = new(Optimizer.NAdam, 0.01) { WeightDecay = 0.01 },
        ["RAdam"] = new(Optimizer.RAdam, 0.01) { WeightDecay = 0.01 },
        ["RMSProp"] = new(Optimizer.RMSProp, 0.01) { WeightDecay = 0.01 },
        ["RMSProp, centred, momentum"] = new(Optimizer.RMSProp, 0.001) { WeightDecay = 0.01, Centered = true, Momentum = 0.8 },
        ["ASGD"] = new(Optimizer.ASGD, 0.05) { WeightDecay = 0.01, AverageDecay = 0.01, AverageStart = 20 },
        ["Rprop"] = new(Optimizer.Rprop, 0.01),
    };

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Function, OptimizerSettings Settings)> Searches = new()
    {
        ["quadratic"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 1)),
        ["quadratic, strong Wolfe"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 1) { LineSearch = LineSearch.StrongWolfe }),
        ["quadratic, short memory"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 0.7) { MaxIterations = 5, HistorySize = 3 }),
        ["quadratic, one iteration"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 0.5) { MaxIterations = 1 }),
        ["quadratic, tolerances"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 1) { MaxIterations = 200, ToleranceGradient = 1e-2, LineSearch = LineSearch.StrongWolfe }),
        ["quadratic, small changes"] = (TestFunctions.Quadratic, new(Optimizer.LBFGS, 1) { MaxIterations = 200, ToleranceChange = 1e-2 }),
        ["rosenbrock, strong Wolfe"] = (TestFunctions.Rosenbrock, new(Optimizer.LBFGS, 1) { MaxIterations = 10, LineSearch = LineSearch.StrongWolfe }),
        ["rosenbrock, long first step"] = (TestFunctions.Rosenbrock, new(Optimizer.LBFGS, 20) { MaxIterations = 8, LineSearch = LineSearch.StrongWolfe }),
        ["rosenbrock, few evaluations"] = (TestFunctions.Rosenbrock, new(Optimizer.LBFGS, 1) { MaxEvaluations = 5, LineSearch = LineSearch.StrongWolfe }),
        ["rosenbrock, short steps"] = (TestFunctions.Rosenbrock, new(Optimizer.LBFGS, 0.02) { MaxIterations = 10 }),
        ["network"] = (TestFunctions.Network, new(Optimizer.LBFGS, 0.3) { MaxIterations = 10 }),
        ["network, strong Wolfe"] = (TestFunctions.Network, new(Optimizer.LBFGS, 1) { MaxIterations = 10, LineSearch = LineSearch.StrongWolfe }),
        ["network, short memory, strong Wolfe"] = (TestFunctions.Network, new(Optimizer.LBFGS, 1) { MaxIterations = 8, HistorySize = 4, LineSearch = LineSearch.StrongWolfe }),
    };

    public static TheoryData<string> ScheduleNames => [.. All.Schedules.Keys];

    public static TheoryData<string> PlateauNames => [.. All.Plateaus.Keys];

    public static TheoryData<string> RuleNames => [.. All.Optimizers.Keys];

    public static TheoryData<string> SearchNames => [.. All.Searches.Keys];

    [Theory]
    [MemberData(nameof(ScheduleNames))]
    public void RatesAndMomenta_AreThoseOfPyTorch(string name)
    {
        LearningRateScheduler own = Schedulers[name]();
        Course course = All.Schedules[name];
        for (int step = 0; step < course.Rates.Length; step++)
        {
            Assert.Equal(course.Rates[step], own.At(step, Rate), 1e-9);
            Assert.Equal(course.Momenta[step], own.MomentumAt(step) ?? 0.9, 1e-9);
        }
    }

    [Theory]
    [MemberData(nameof(PlateauNames))]
    public void RatesBehindObservations_AreThoseOfPyTorch(string name)
    {
        ReduceLROnPlateau own = Plateaus[name]();
        own.At(0, Rate);
        for (int i = 0; i < All.Values.Length; i++)
        {
            own.Observe(name == "max" ? -All.Values[i] : All.Values[i]);
            Assert.Equal(All.Plateaus[name][i], own.At(i, Rate), 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(RuleNames))]
    public void Parameters_EndWherePyTorchsDo(string name)
    {
        foreach (bool onKernels in (bool[])[true, false])
        {
            using IDisposable scope = NewDisposeScope();
            using IDisposable? library = onKernels ? null : LibraryPath.Use();
            using FlatBuffer parameters = FlatBuffer.Adopt([("p", tensor([.. Enumerable.Range(0, 12).Select(static i => (float)Math.Cos(i))], [4, 3]))]);
            using FlatBuffer gradients = parameters.Like();
            using var flat = new FlatOptimizer(Rules[name], parameters, gradients);
            for (int step = 0; step < 40; step++)
            {
                using IDisposable guard = no_grad();
                using IDisposable inner = NewDisposeScope();
                Tensor wave = tensor([.. Enumerable.Range(0, 12).Select(i => (float)Math.Sin((1.7 * step) + (0.9 * i)))], [4, 3]);
                gradients[0].copy_((0.5 * parameters[0]) + (0.3 * wave));
                flat.Step();
            }

            Tensor expected = tensor([.. All.Optimizers[name].Select(static value => (float)value)], [4, 3]);
            Compare.Close(expected, parameters[0], 3e-5, $"{name}, on kernels {onKernels}");
        }
    }

    [Theory]
    [MemberData(nameof(SearchNames))]
    public void Searches_TakeTheStepsOfPyTorchs(string name)
    {
        using IDisposable scope = NewDisposeScope();
        (Func<Tensor, Tensor> function, OptimizerSettings settings) = Searches[name];
        Search expected = All.Searches[name];
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", Start(ScalarType.Float64))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        for (int step = 0; step < expected.Losses.Length; step++)
        {
            double loss = flat.Step(() => TestFunctions.Evaluate(function, parameters, gradients));

            // Roundings grow with the number of evaluations: sixty are behind the last ones.
            Assert.Equal(expected.Losses[step], loss, (step < 4 ? 1e-9 : 1e-6) * (1 + Math.Abs(expected.Losses[step])));
            Assert.Equal((expected.Iterations[step], expected.Evaluations[step]), (flat.Iterations, flat.Evaluations));
        }

        Compare.Close(tensor(expected.Parameters), parameters[0], 1e-5, name);
    }

    /// <summary>In float32 roundings add up along the way; the values are PyTorch's while they matter little, and the end is as low.</summary>
    [Theory]
    [MemberData(nameof(SearchNames))]
    public void Searches_OnKernels_FollowPyTorchs(string name)
    {
        using IDisposable scope = NewDisposeScope();
        (Func<Tensor, Tensor> function, OptimizerSettings settings) = Searches[name];
        Search expected = All.Searches[name];
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", Start(ScalarType.Float32))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        double[] losses = [.. expected.Losses.Select(_ => flat.Step(() => TestFunctions.Evaluate(function, parameters, gradients)))];
        Assert.Equal(expected.Losses[0], losses[0], 1e-5 * Math.Abs(expected.Losses[0]));
        Assert.Equal(expected.Losses[1], losses[1], 2e-2 * Math.Abs(expected.Losses[1]));
        Assert.InRange(losses[^1], expected.Losses.Min() - (0.01 * Math.Abs(expected.Losses.Min())), expected.Losses[^2] + (0.05 * Math.Abs(expected.Losses[^2])));
    }

    private static Tensor Start(ScalarType type) => tensor([.. Enumerable.Range(0, 12).Select(static i => Math.Cos(i))]).to_type(type);

    private sealed record Search(double[] Losses, long[] Iterations, long[] Evaluations, double[] Parameters);

    private sealed record Course(double[] Rates, double[] Momenta);

    private sealed record Numbers(Dictionary<string, Course> Schedules, Dictionary<string, double[]> Plateaus, double[] Values, Dictionary<string, double[]> Optimizers, Dictionary<string, Search> Searches);
}
