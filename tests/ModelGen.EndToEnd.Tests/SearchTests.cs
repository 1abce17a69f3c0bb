using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Monitoring;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>LBFGS: steps that evaluate the loss several times. Its iterations are compared with PyTorch's in <see cref="PyTorchNumbersTests"/>.</summary>
public sealed class SearchTests
{
    private static readonly OptimizerSettings Plain = new(Optimizer.LBFGS, 0.1) { MaxIterations = 5 };

    private static readonly OptimizerSettings Wolfe = new(Optimizer.LBFGS, 1) { MaxIterations = 5, LineSearch = LineSearch.StrongWolfe };

    public static TheoryData<string, bool> Models => new()
    {
        { nameof(Mlp), true },
        { nameof(Mlp), false },
        { nameof(SequenceNet), true },
        { nameof(NormalizedCnn), true },
        { nameof(NormalizedCnn), false },
        { nameof(TorchLlama), true },
    };

    /// <summary>TorchSharp has no line search. Running statistics move at each evaluation in both.</summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void Steps_EqualTorchSharps(string name, bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case eager = Cases.All[name](8);
        using Case generated = Cases.All[name](8);
        generated.Module.load_state_dict(eager.Module.state_dict());
        eager.Module.train();
        generated.Module.train();
        using TrainingStep step = generated.Compiled.CreateTrainingStep(Plain with { HistorySize = 3 });
        using optim.Optimizer reference = optim.LBFGS(eager.Module.parameters(), 0.1, 5, 6, 1e-7, 1e-9, 3);
        for (int i = 0; i < 3; i++)
        {
            Tensor expected = reference.step(() =>
            {
                reference.zero_grad();
                Tensor loss = eager.Loss(eager.Eager(eager.Samples), eager.Wanted);
                loss.backward();
                return loss;
            });
            step.Run(eager.Samples, eager.Wanted);
            Compare.Close(expected.detach(), step.Loss, 1e-4, $"{name}, loss of step {i}");
        }

        var wanted = eager.Module.state_dict();
        Assert.All(generated.Module.state_dict(), pair => Compare.Close(wanted[pair.Key], pair.Value, 2e-3, pair.Key));
        Assert.Equal((15, 15), (step.Optimizer.Iterations, step.Optimizer.Evaluations));
        Assert.Equal(3, step.RunCount);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void WithALineSearch_NoStepIsUp(string name, bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case test = Cases.All[name](8);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(Wolfe);
        double last = double.PositiveInfinity;
        double first = double.NaN;
        for (int i = 0; i < 8; i++)
        {
            step.Run(test.Samples, test.Wanted);
            double loss = step.Loss.ToDouble();
            Assert.True(loss <= last, $"step {i}: {loss} after {last}");
            first = i == 0 ? loss : first;
            last = loss;
        }

        Assert.True(last < 0.95 * first, $"from {first} to {last}");
    }

    /// <summary>A polynomial through points of a sine: its coefficients depend on each other so much that Adam crawls.</summary>
    [Fact]
    public void IllConditionedLeastSquares_NeedFarFewerEvaluationsThanAdam()
    {
        using IDisposable scope = NewDisposeScope();
        Tensor t = linspace(-1, 1, 64, ScalarType.Float32);
        Tensor x = stack([.. Enumerable.Range(0, 12).Select(j => t.pow(j))], 1);
        Tensor target = (sin(6 * t) + (0.3 * t)).unsqueeze(1);
        (double Loss, long Evaluations) Fit(OptimizerSettings settings, int steps)
        {
            random.manual_seed(3);
            using var model = new LeastSquares();
            using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(settings);
            for (int i = 0; i < steps; i++)
            {
                step.Run([x], target);
            }

            step.Measure([x], target);
            return (step.Loss.ToDouble(), step.Optimizer.Evaluations);
        }

        (double search, long evaluations) = Fit(new(Optimizer.LBFGS, 1) { LineSearch = LineSearch.StrongWolfe }, 3);
        double adam = ((double[])[0.01, 0.1, 1]).Min(rate => Fit(new(Optimizer.Adam, rate), 1000).Loss);
        Assert.InRange(evaluations, 1, 80);
        Assert.True(adam > 10 * search, $"Adam {adam} after 1000 evaluations, search {search} after {evaluations}");
    }

    [Theory]
    [InlineData(nameof(Mlp), true, LineSearch.None)]
    [InlineData(nameof(Mlp), true, LineSearch.StrongWolfe)]
    [InlineData(nameof(Mlp), false, LineSearch.StrongWolfe)]
    [InlineData(nameof(TextNet), true, LineSearch.StrongWolfe)]
    public void Parts_EqualTheWhole_WhateverTheirSizes(string name, bool onKernels, LineSearch search)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case whole = Cases.All[name](12);
        using Case parts = Cases.All[name](12);
        parts.Module.load_state_dict(whole.Module.state_dict());
        OptimizerSettings settings = (search == LineSearch.None ? Plain : Wolfe) with { MaxIterations = 3 };
        using TrainingStep one = whole.Compiled.CreateTrainingStep(settings);
        using TrainingStep other = parts.Compiled.CreateTrainingStep(settings);
        foreach (int[] sizes in (int[][])[[5, 4, 3], [12], [1, 11]])
        {
            one.Run(whole.Samples, whole.Wanted);
            int start = 0;
            double losses = 0;
            for (int i = 0; i < sizes.Length; i++)
            {
                // As a loader does, which fills the same memory again.
                Tensor[] inputs = [.. whole.Samples.Select(input => input.narrow(0, start, sizes[i]).clone())];
                Tensor target = whole.Wanted.narrow(0, start, sizes[i]).clone();
                other.Accumulate(inputs, target, sizes[i], i == sizes.Length - 1);
                losses += other.Loss.ToDouble() * sizes[i];
                inputs[0].zero_();
                target.zero_();
                start += sizes[i];
            }

            Assert.Equal(one.Loss.ToDouble(), losses / 12, sizes.Length == 3 ? 1e-5 : 1e-3);
            Assert.Equal(one.Optimizer.Evaluations, other.Optimizer.Evaluations);
        }

        Assert.Equal(3, other.Optimizer.StepCount);
        var wanted = whole.Module.state_dict();
        Assert.All(parts.Module.state_dict(), pair => Compare.Close(wanted[pair.Key], pair.Value, 2e-3, pair.Key));
    }

    /// <summary>A step minimizes one function: dropout drops the same elements at each evaluation, and others in the next step.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void ASearch_DropsTheSameElements(bool likeEager, bool onLibrary)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onLibrary ? LibraryPath.Use() : null;
        using Case test = Cases.All[nameof(DropoutNet)](8);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(Wolfe with { MaxIterations = 3 });
        step.DrawsLikeEager = likeEager;
        step.Measure(test.Samples, test.Wanted);
        var firsts = new List<double>();
        for (int i = 0; i < 6; i++)
        {
            using Tensor state = random.get_rng_state();
            long run = step.RunCount;
            step.Run(test.Samples, test.Wanted);
            double before = step.Loss.ToDouble();
            Assert.Equal(run + 1, step.RunCount);
            using Tensor next = random.get_rng_state();

            // The same elements once more: this is what was minimized, and the gradients are those of its end.
            Tensor gradients = step.Gradients.Data.clone();
            random.set_rng_state(state);
            step.RunCount = run;
            step.Measure(test.Samples, test.Wanted);
            Assert.True(step.Loss.ToDouble() < before, $"step {i}: {step.Loss.ToDouble()} after {before}");
            Assert.Equal(gradients.data<float>().ToArray(), step.Gradients.Data.data<float>().ToArray());

            // One step draws as much as one evaluation.
            Assert.Equal(next.bytes.ToArray(), random.get_rng_state().bytes.ToArray());
            step.Measure(test.Samples, test.Wanted);
            firsts.Add(step.Loss.ToDouble());
        }

        Assert.Equal(6, firsts.Distinct().Count());
    }

    /// <summary>Penalties are part of what is minimized: the same as a function that has them.</summary>
    [Theory]
    [InlineData(0, 0.3, LineSearch.StrongWolfe)]
    [InlineData(0.01, 0.1, LineSearch.StrongWolfe)]
    [InlineData(0, 0.3, LineSearch.None)]
    public void Penalties_AreMinimizedToo(double absolute, double square, LineSearch search)
    {
        OptimizerSettings settings = (search == LineSearch.None ? Plain with { LearningRate = 0.2 } : Wolfe) with { MaxIterations = 12 };
        (double[] expected, double penalised) = Minimum(p => TestFunctions.Network(p) + (absolute * p.abs().sum()) + (square / 2 * p.square().sum()), settings);
        (double[] actual, double loss) = Minimum(TestFunctions.Network, settings with { L1 = absolute, L2 = square });
        Assert.All(expected.Zip(actual), static pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.True(loss < penalised);
    }

    [Fact]
    public void Maximizing_IsMinimizingTheNegative()
    {
        (double[] expected, double least) = Minimum(TestFunctions.Quadratic, Wolfe);
        (double[] actual, double most) = Minimum(static p => -TestFunctions.Quadratic(p), Wolfe with { Maximize = true });
        Assert.All(expected.Zip(actual), static pair => Assert.Equal(pair.First, pair.Second, 1e-9));
        Assert.Equal(least, -most, 1e-9);
    }

    /// <summary>A wall that the first steps run into: beyond it the function is NaN.</summary>
    [Theory]
    [InlineData(LineSearch.StrongWolfe)]
    [InlineData(LineSearch.None)]
    public void WhatIsNotFinite_IsNeverTaken(LineSearch search)
    {
        using IDisposable scope = NewDisposeScope();
        static Tensor Wall(Tensor p) => ((p - 1).square() + (0 * p.log1p())).sum();
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            using FlatBuffer parameters = FlatBuffer.Adopt([("p", tensor([.. Enumerable.Range(0, 12).Select(static i => 3.0 + i)]).to_type(type))]);
            using FlatBuffer gradients = parameters.Like();
            using var flat = new FlatOptimizer(new(Optimizer.LBFGS, 1000) { LineSearch = search }, parameters, gradients);
            byte[] before = parameters.Data.bytes.ToArray();
            double Evaluate() => TestFunctions.Evaluate(Wall, parameters, gradients);
            double first = flat.Step(Evaluate);
            Assert.True(double.IsFinite(first));
            if (search == LineSearch.None)
            {
                Assert.True(flat.WasRefused);
                Assert.Equal(0, flat.StepCount);
                Assert.Equal(before, parameters.Data.bytes.ToArray());

                // Nothing is left of the attempt: with short steps it goes on as from the start.
                flat.LearningRate = 0.5;
                flat.Step(Evaluate);
            }

            Assert.False(flat.WasRefused);
            flat.Step(Evaluate);
            flat.Step(Evaluate);
            Compare.Close(ones(12), parameters[0], 1e-3, $"{type}");
        }
    }

    [Fact]
    public void ATrialThatOverflows_LeavesRunningStatisticsFinite()
    {
        using IDisposable scope = NewDisposeScope();
        using Case test = Cases.All[nameof(NormalizedCnn)](8);
        test.Module.train();
        using TrainingStep step = test.Compiled.CreateTrainingStep(Wolfe with { LearningRate = 1e30 });
        step.Run(test.Samples, test.Wanted);
        Assert.False(step.WasRefused);
        double first = step.Loss.ToDouble();
        step.Run(test.Samples, test.Wanted);
        Assert.InRange(step.Loss.ToDouble(), 0, first);
        Assert.All(test.Module.buffers(), static buffer => Assert.True(buffer.isfinite().all().item<bool>()));

        // Such a point spoils them, if it is not taken back.
        step.Parameters.Data.mul_(1e30);
        step.Measure(test.Samples, test.Wanted);
        Assert.Contains(test.Module.buffers(), static buffer => !buffer.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NaN_IsRefusedBeforeTheParametersChange(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case test = Cases.All[nameof(Mlp)](4);
        using Case twin = Cases.All[nameof(Mlp)](4);
        twin.Module.load_state_dict(test.Module.state_dict());
        using TrainingStep step = test.Compiled.CreateTrainingStep(Wolfe);
        using TrainingStep other = twin.Compiled.CreateTrainingStep(Wolfe);
        byte[] before = step.Parameters.Data.bytes.ToArray();
        Tensor bad = test.Samples[0].clone();
        bad[2, 1] = float.NaN;
        step.Run([bad], test.Wanted);
        Assert.True(step.WasRefused);
        Assert.Equal(before, step.Parameters.Data.bytes.ToArray());
        Assert.Equal(0, step.Optimizer.StepCount);

        // In a group, the others count as if it had not been there, first or last.
        step.ChecksLoss = true;
        foreach (bool isLast in (bool[])[true, false])
        {
            foreach (bool isBad in isLast ? (bool[])[false, true] : [true, false])
            {
                step.Accumulate(isBad ? [bad] : test.Samples, test.Wanted, 4, last: isBad == isLast);
                Assert.Equal(isBad, step.WasRefused);
            }

            other.Run(test.Samples, test.Wanted);
            Compare.Close(other.Parameters.Data, step.Parameters.Data, 1e-5, $"bad one last: {isLast}");
        }

        Assert.Equal(2, step.Optimizer.StepCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Frozen_StayBitForBit(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case test = Cases.All[nameof(Mlp)](8);
        using TrainingStep step = test.Compiled.CreateTrainingStep(Wolfe with { Groups = [new ParameterGroup("second.*") { Frozen = true }] });
        string[] names = [.. step.Parameters.Slices.Select(static slice => slice.Name)];
        byte[] Values(string name) => step.Parameters[Array.IndexOf(names, name)].contiguous().bytes.ToArray();
        byte[] second = Values("second.weight");
        step.Run(test.Samples, test.Wanted);
        Assert.Equal(second, Values("second.weight"));

        // Later, with a memory of all the others: it is forgotten.
        step.Optimizer.Freeze("out.*");
        step.Optimizer.Unfreeze("second.*");
        byte[] head = Values("out.weight");
        double last = double.PositiveInfinity;
        for (int i = 0; i < 3; i++)
        {
            step.Run(test.Samples, test.Wanted);
            Assert.True(step.Loss.ToDouble() < last);
            last = step.Loss.ToDouble();
        }

        Assert.Equal(head, Values("out.weight"));
        Assert.NotEqual(second, Values("second.weight"));
    }

    [Fact]
    public void WhatDoesNotFit_IsRefused()
    {
        using FlatBuffer parameters = new([("p", [4L])], ScalarType.Float32, CPU);
        using FlatBuffer gradients = parameters.Like();
        string Refusal(OptimizerSettings settings) => Assert.Throws<ArgumentException>(() => new FlatOptimizer(settings, parameters, gradients)).Message;
        Assert.Contains("set L2", Refusal(Wolfe with { WeightDecay = 0.1 }));
        Assert.Contains("ClipNorm and ClipValue to 0", Refusal(Wolfe with { ClipNorm = 1 }));
        Assert.Contains("ClipNorm and ClipValue to 0", Refusal(Wolfe with { ClipValue = 1 }));
        Assert.Contains("the group 'p'", Refusal(Wolfe with { Groups = [new ParameterGroup("p") { RateFactor = 0.5 }] }));
        Assert.Contains("the group 'p'", Refusal(Wolfe with { Groups = [new ParameterGroup("p") { WeightDecay = 0.5 }] }));
        foreach (OptimizerSettings wrong in (OptimizerSettings[])[Wolfe with { LearningRate = 0 }, Wolfe with { MaxIterations = 0 }, Wolfe with { MaxEvaluations = 0 }, Wolfe with { HistorySize = 0 }, Wolfe with { ToleranceGradient = -1 }, Wolfe with { ToleranceChange = double.NaN }])
        {
            Assert.Contains("of at least 1, and tolerances", Refusal(wrong));
        }

        using var flat = new FlatOptimizer(Wolfe with { Groups = [new ParameterGroup("p") { WeightDecay = 0 }] }, parameters, gradients);
        Assert.Contains("call Step with a function", Assert.Throws<InvalidOperationException>(flat.Step).Message);
        Assert.Contains("has no momentum", Assert.Throws<ArgumentException>(() => flat.Momentum = 0.9).Message);
        using var aware = new RoundedMlp();
        using Trainer<RoundedMlp> trainer = aware.CreateTrainer(new TrainerOptions { ConfigureOptimizer = static _ => Wolfe });
        Assert.Contains("Quantization-aware training rounds", Assert.Throws<ArgumentException>(() => trainer.Step).Message);
    }

    /// <summary>The other rules evaluate once.</summary>
    [Fact]
    public void OtherRules_TakeAFunctionToo()
    {
        using IDisposable scope = NewDisposeScope();
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", ones(12))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(new(Optimizer.SGD, 0.01), parameters, gradients);
        int calls = 0;
        double loss = flat.Step(() =>
        {
            calls++;
            return TestFunctions.Evaluate(TestFunctions.Quadratic, parameters, gradients);
        });
        Assert.Equal((1, 1L, 0L), (calls, flat.StepCount, flat.Evaluations));
        Assert.True(TestFunctions.Evaluate(TestFunctions.Quadratic, parameters, gradients) < loss);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PlannedMemory_IsWhatIsAllocated(bool searches)
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(1);
        using nn.Module<Tensor, Tensor> model = searches ? new SearchNet() : new NormalizedSearchNet();
        var compiled = (ICompiledModel)model;
        model.train();
        OptimizerSettings settings = OptimizerSettings.From(compiled.TrainSettings!);
        Assert.Equal((1.0, searches ? 5 : 4), (settings.LearningRate, settings.HistorySize));
        using TrainingStep step = compiled.CreateTrainingStep(settings with { LearningRate = searches ? 1 : 0.01 });
        (Tensor x, Tensor target) = (randn(16, 3), randn(16, 1));
        step.Run([x], target);
        step.Run([x], target);
        long buffers = model.buffers().Sum(static tensor => tensor.numel() * tensor.element_size());
        Assert.Equal(compiled.Summary.Memory.Single(static plan => plan.Batch == 16).TrainingPeakBytes, Assert.IsAssignableFrom<KernelStep>(step).ArenaBytes + step.StateBytes + buffers);
    }

    [Fact]
    public void ByAttribute_FitsInAFewSteps()
    {
        using var model = new SearchNet();
        using Trainer<SearchNet> trainer = model.CreateTrainer(new TrainerOptions { Epochs = 12, BatchSize = 128, AccumulateSteps = 2, Averaging = new ExponentialAveraging(0.5), Progress = TrainingProgress.None });
        FitResult result = trainer.Fit(Waves(256));
        Assert.Equal(12, trainer.Step.Optimizer.StepCount);
        Assert.InRange(trainer.Step.Optimizer.Iterations, 30, 72);
        Assert.True(result.Epochs[^1].TrainLoss < 0.1 * result.Epochs[0].TrainLoss, $"from {result.Epochs[0].TrainLoss} to {result.Epochs[^1].TrainLoss}");
        StepProfile profile = trainer.Profile(Waves(128), steps: 3);
        Assert.True(profile.Operations.Sum(static operation => operation.Seconds) > 0);
        Assert.Equal(12, trainer.Step.Optimizer.StepCount);
    }

    /// <summary>The pairs that there are, and no more; a shorter memory has no room for them.</summary>
    [Fact]
    public void ACheckpoint_HoldsTheMemory()
    {
        string folder = Directory.CreateTempSubdirectory("modelgen-search-").FullName;
        try
        {
            TrainerOptions Options(int history) => new()
            {
                Epochs = 1,
                MaxSteps = 2,
                LearningRate = 1,
                Checkpoints = new CheckpointOptions(folder),
                ConfigureOptimizer = _ => Wolfe with { MaxIterations = 2, HistorySize = history },
            };
            ResumeFit.Run(Options(50), start: 1);
            using (var file = ModelGen.Weights.WeightFile.Open(Checkpoint.Last(folder)!))
            {
                // Four iterations remember three pairs, at most.
                string[] keys = [.. file.Entries.Select(static entry => entry.Name).Where(static key => key.StartsWith("@optimizer.", StringComparison.Ordinal) && key.EndsWith(".conv.weight", StringComparison.Ordinal))];
                Assert.Contains("@optimizer.direction.conv.weight", keys);
                Assert.Contains("@optimizer.gradient.conv.weight", keys);
                Assert.Contains("@optimizer.step0.conv.weight", keys);
                Assert.InRange(keys.Length, 4, 8);
            }

            Assert.Contains("HistorySize was 50 and is 2", Assert.Throws<CheckpointException>(() => ResumeFit.Run(Options(2), start: 1)).Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void StepsThatAreTooLong_EndTheFitWithAdvice_OrAreLeftOut()
    {
        TrainerOptions options = new() { Epochs = 1, BatchSize = 64, Shuffle = false, LearningRate = 1e30, ConfigureOptimizer = static settings => settings with { LineSearch = LineSearch.None }, Progress = TrainingProgress.None };
        using var model = new SearchNet();
        byte[][] before = [.. model.parameters().Select(static parameter => parameter.bytes.ToArray())];
        using (Trainer<SearchNet> trainer = model.CreateTrainer(options))
        {
            string message = Assert.Throws<ArithmeticException>(() => trainer.Fit(Waves(128))).Message;
            Assert.Contains("after an iteration of LBFGS in epoch 1, at batch 1", message);
            Assert.Contains("LineSearch.StrongWolfe", message);
        }

        using (Trainer<SearchNet> trainer = model.CreateTrainer(options with { NonFinite = NonFiniteGuard.Skip }))
        {
            FitResult result = trainer.Fit(Waves(128));
            Assert.Equal(2, result.Notes.Count(static note => note.Contains("left out")));
        }

        Assert.Equal(before, model.parameters().Select(static parameter => parameter.bytes.ToArray()));
    }

    [Fact]
    public void MixedPrecision_GoesDown()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = new MixedMlp();
        (Tensor x, Tensor target) = (randn(64, 40), randn(64, 33));
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(Wolfe);
        double[] losses = [.. Enumerable.Range(0, 6).Select(_ =>
        {
            step.Run([x], target);
            return step.Loss.ToDouble();
        })];
        Assert.True(losses[^1] < 0.8 * losses[0], string.Join(" ", losses));
    }

    /// <summary>Points of functions of one number fulfil the conditions; where there is none, the search ends.</summary>
    [Fact]
    public void LineSearch_FindsStrongWolfePoints()
    {
        (string Name, Func<double, (double, double)> Function, double First)[] functions =
        [
            ("parabola", static t => (((t - 3) * (t - 3)) - 9, 2 * (t - 3)), 1),
            ("parabola, far", static t => (((t - 3) * (t - 3)) - 9, 2 * (t - 3)), 1000),
            ("parabola, near", static t => (((t - 3) * (t - 3)) - 9, 2 * (t - 3)), 1e-5),
            ("waves", static t => ((0.05 * t * t) - t + (Math.Sin(3 * t) / 6), (0.1 * t) - 1 + (0.5 * Math.Cos(3 * t))), 0.5),
            ("barrier", static t => t < 2 ? (-t - Math.Log(2 - t), -1 + (1 / (2 - t))) : (double.NaN, double.NaN), 50),
            ("wall", static t => t < 5 ? (Math.Exp(-t) + (t > 4 ? 1e300 : 0), -Math.Exp(-t)) : (double.PositiveInfinity, 0), 1e6),
        ];
        foreach ((string name, Func<double, (double, double)> function, double first) in functions)
        {
            (double value, double slope) = function(0);
            var line = new Line(function);
            (LinePoint point, int evaluations) = StrongWolfe.Search(line, new LinePoint(0, value, Math.Min(slope, -1e-3)), first, 1);
            Assert.Equal(line.Count, evaluations);
            Assert.True(evaluations <= 26);
            Assert.True(point.Value < value, $"{name}: {point}");
            Assert.Equal(function(point.Step), (point.Value, point.Slope));
            Assert.True(point.Step == line.Last || point.Step == line.Kept, $"{name}: {point}");
            if (name is not "wall")
            {
                Assert.True(point.Value <= value + (1e-4 * point.Step * slope) && Math.Abs(point.Slope) <= 0.9 * Math.Abs(slope), $"{name}: {point}");
            }
        }

        // Uphill from the first number on, against what the slope says: the start is the best.
        var up = new Line(static t => (t, 1));
        Assert.Equal(0, StrongWolfe.Search(up, new LinePoint(0, 0, -1), 1, 1).Point.Step);
        Assert.Equal(0, up.Kept);
    }

    /// <summary>Where the search ends, and the value there.</summary>
    private static (double[] Parameters, double Value) Minimum(Func<Tensor, Tensor> function, OptimizerSettings settings)
    {
        using IDisposable scope = NewDisposeScope();
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", tensor([.. Enumerable.Range(0, 12).Select(static i => Math.Cos(i))]))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        double value = double.NaN;
        for (int i = 0; i < 4; i++)
        {
            value = flat.Step(() => TestFunctions.Evaluate(function, parameters, gradients));
        }

        return (parameters[0].data<double>().ToArray(), value);
    }

    private static TensorDataset Waves(int count)
    {
        var source = new Random(1);
        float[] inputs = [.. Enumerable.Range(0, count * 3).Select(_ => (float)source.NextDouble())];
        return TensorDataset.FromArrays(inputs, [3], [.. Enumerable.Range(0, count).Select(i => (float)Math.Sin((3 * inputs[3 * i]) + inputs[(3 * i) + 1]) - inputs[(3 * i) + 2])], [1]);
    }

    [Fact]
    public void Logs_NameTheSettingsThatTheFitRunsWith()
    {
        using var model = new SearchNet();
        var log = new SettingsLog();
        TrainerOptions options = new() { Epochs = 1, BatchSize = 64, LearningRate = 0.5, ConfigureOptimizer = static settings => settings with { MaxIterations = 3, LineSearch = LineSearch.StrongWolfe }, Callbacks = [log], Progress = TrainingProgress.None };
        using Trainer<SearchNet> trainer = model.CreateTrainer(options);
        trainer.Fit(Waves(64));
        Assert.Equal(("LBFGS", 0.5, "StrongWolfe", 3), (log.Values!["optimizer"], log.Values["learning_rate"], log.Values["line_search"], log.Values["max_iterations"]));

        using var other = new SearchNet();
        using Trainer<SearchNet> changed = other.CreateTrainer(options with { ConfigureOptimizer = static _ => new OptimizerSettings(Optimizer.Lion, 1e-3) { WeightDecay = 0.1 } });
        changed.Fit(Waves(64));
        Assert.Equal(("Lion", 1e-3, 0.1), (log.Values!["optimizer"], log.Values["learning_rate"], log.Values["weight_decay"]));
        Assert.DoesNotContain("line_search", log.Values.Keys);
    }

    private sealed class SettingsLog : TrainerCallback
    {
        public IReadOnlyDictionary<string, object>? Values { get; private set; }

        public override void OnFitStart(TrainerContext context) => Values = Hyperparameters.Of(context);
    }

    private sealed class Line(Func<double, (double Value, double Slope)> function) : ILine
    {
        public int Count { get; private set; }

        public double Last { get; private set; }

        public double Kept { get; private set; } = double.NaN;

        public LinePoint At(double step)
        {
            Count++;
            Last = step;
            (double value, double slope) = function(step);
            return new LinePoint(step, double.IsFinite(value) ? value : double.PositiveInfinity, slope);
        }

        public void Keep() => Kept = Last;

        public void KeepStart() => Kept = 0;
    }
}
