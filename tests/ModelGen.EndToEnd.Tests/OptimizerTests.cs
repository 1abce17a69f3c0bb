using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Flat optimizers against TorchSharp's over many steps, on kernels and on libtorch's operators.</summary>
public sealed class OptimizerTests
{
    private const int Steps = 60;

    private static readonly long[][] Shapes = [[7, 5], [5], [3, 2, 2], [1], [4, 9]];

    private static readonly Dictionary<string, (OptimizerSettings Settings, Func<Parameter[], optim.Optimizer> Torch)> Rules = new()
    {
        ["SGD"] = (new(Optimizer.SGD, 0.05) { WeightDecay = 0.01, Momentum = 0.9, Nesterov = true }, p => optim.SGD(p, 0.05, 0.9, weight_decay: 0.01, nesterov: true)),
        ["SGD, dampened"] = (new(Optimizer.SGD, 0.05) { WeightDecay = 0.01, Momentum = 0.9, Dampening = 0.4 }, p => optim.SGD(p, 0.05, 0.9, 0.4, 0.01)),
        ["Adam"] = (new(Optimizer.Adam, 0.01) { WeightDecay = 0.1 }, p => optim.Adam(p, 0.01, weight_decay: 0.1)),
        ["Adam, AMSGrad"] = (new(Optimizer.Adam, 0.01) { WeightDecay = 0.1, AmsGrad = true, Beta2 = 0.9 }, p => optim.Adam(p, 0.01, beta2: 0.9, weight_decay: 0.1, amsgrad: true)),
        ["AdamW"] = (new(Optimizer.AdamW, 0.01) { WeightDecay = 0.1 }, p => optim.AdamW(p, 0.01, weight_decay: 0.1)),
        ["AdamW, AMSGrad"] = (new(Optimizer.AdamW, 0.01) { WeightDecay = 0.1, AmsGrad = true, Beta2 = 0.9 }, p => optim.AdamW(p, 0.01, beta2: 0.9, weight_decay: 0.1, amsgrad: true)),
        ["Adagrad"] = (new(Optimizer.Adagrad, 0.05) { WeightDecay = 0.01, RateDecay = 0.01 }, p => optim.Adagrad(p, 0.05, 0.01, 0.01)),
        ["Adadelta"] = (new(Optimizer.Adadelta, 1) { WeightDecay = 0.01 }, p => optim.Adadelta(p, 1, weight_decay: 0.01)),
        ["Adamax"] = (new(Optimizer.Adamax, 0.01) { WeightDecay = 0.01 }, p => optim.Adamax(p, 0.01, weight_decay: 0.01)),
        ["NAdam"] = (new(Optimizer.NAdam, 0.01) { WeightDecay = 0.01 }, p => optim.NAdam(p, 0.01, weight_decay: 0.01)),

        // TorchSharp 0.107 multiplies the adaptive step by the learning rate twice (RAdam.cs: t6 * lr, where t6 has it already), so only 1 compares; RAdam_FollowsItsText has another.
        ["RAdam"] = (new(Optimizer.RAdam, 1) { WeightDecay = 0.01 }, p => optim.RAdam(p, 1, weight_decay: 0.01)),
        ["RMSProp"] = (new(Optimizer.RMSProp, 0.01) { WeightDecay = 0.01 }, p => optim.RMSProp(p, 0.01, weight_decay: 0.01)),
        ["RMSProp, centred, momentum"] = (new(Optimizer.RMSProp, 0.001) { WeightDecay = 0.01, Centered = true, Momentum = 0.8 }, p => optim.RMSProp(p, 0.001, weight_decay: 0.01, momentum: 0.8, centered: true)),
        ["ASGD"] = (new(Optimizer.ASGD, 0.05) { WeightDecay = 0.01, AverageDecay = 0.01, AverageStart = 20 }, p => optim.ASGD(p, 0.05, 0.01, 0.75, 20, 0.01)),
        ["Rprop"] = (new(Optimizer.Rprop, 0.01), p => optim.Rprop(p, 0.01)),
    };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string name in Rules.Keys)
            {
                data.Add(name, true);
                data.Add(name, false);
            }

            return data;
        }
    }

    /// <summary>Every rule: maximizing a loss is minimizing its negative.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Maximizing_IsMinimizingTheNegative(string rule, bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        foreach (OptimizerSettings settings in (OptimizerSettings[])[Rules[rule].Settings, Rules[rule].Settings with { ClipNorm = 0.5 }, new(Optimizer.Muon, 0.01), new(Optimizer.Lion, 0.01) { WeightDecay = 0.1 }])
        {
            float[][] ends = [.. ((bool[])[true, false]).Select(maximize =>
            {
                random.manual_seed(3);
                using FlatBuffer parameters = FlatBuffer.Adopt([.. Shapes.Select(static (shape, i) => ($"p{i}", randn(shape)))]);
                using FlatBuffer gradients = parameters.Like();
                using var flat = new FlatOptimizer(settings with { Maximize = maximize }, parameters, gradients);
                for (int step = 0; step < 8; step++)
                {
                    using IDisposable inner = NewDisposeScope();
                    using IDisposable guard = no_grad();
                    gradients.Data.copy_(randn(gradients.Data.shape) * (maximize ? -1 : 1));
                    flat.Step();
                }

                return parameters.Data.data<float>().ToArray();
            })];
            Assert.Equal(ends[1], ends[0]);
        }

        Assert.Throws<ArgumentException>(() => Check(new OptimizerSettings(Optimizer.SGD, 0.1) { Maximize = true, L2 = 0.1 }));
    }

    /// <summary>Momentum that changes from step to step, against the texts of SGD and Adam in float64.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ChangedMomentum_CountsFromTheNextStep(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        foreach (Optimizer kind in (Optimizer[])[Optimizer.SGD, Optimizer.Adam])
        {
            using FlatBuffer parameters = FlatBuffer.Adopt([("p", ones(3))]);
            using FlatBuffer gradients = parameters.Like();
            using var flat = new FlatOptimizer(new OptimizerSettings(kind, 0.1) { Momentum = 0.5 }, parameters, gradients);
            (double p, double first, double second) = (1, 0, 0);
            for (int step = 1; step <= 12; step++)
            {
                double momentum = 0.95 - (0.02 * step);
                double gradient = Math.Sin(step);
                using (no_grad())
                {
                    gradients.Data.fill_(gradient).DisposeAliasOf(gradients.Data);
                }

                flat.Momentum = momentum;
                flat.Step();
                if (kind == Optimizer.SGD)
                {
                    first = step == 1 ? gradient : (momentum * first) + gradient;
                    p -= 0.1 * first;
                }
                else
                {
                    first = (momentum * first) + ((1 - momentum) * gradient);
                    second = (0.999 * second) + (0.001 * gradient * gradient);
                    p -= 0.1 * (first / (1 - Math.Pow(momentum, step))) / (Math.Sqrt(second / (1 - Math.Pow(0.999, step))) + 1e-8);
                }

                Assert.Equal(momentum, flat.Momentum);
                Assert.Equal(p, parameters.Data[0].ToDouble(), 1e-4);
            }
        }

        Assert.Contains("set Momentum above 0", Assert.Throws<ArgumentException>(() => Check(new OptimizerSettings(Optimizer.SGD, 0.1))).Message);
        Assert.Contains("has no momentum", Assert.Throws<ArgumentException>(() => Check(new OptimizerSettings(Optimizer.Adagrad, 0.1))).Message);
    }

    private static void Check(OptimizerSettings settings)
    {
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", ones(3))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        flat.Momentum = 0.9;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Updates_EqualTorchSharps(string rule, bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        random.manual_seed(3);
        Parameter[] eager = [.. Shapes.Select(static shape => new Parameter(randn(shape)))];
        using FlatBuffer parameters = FlatBuffer.Adopt([.. eager.Select(static (parameter, i) => ($"p{i}", parameter.detach().clone()))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(Rules[rule].Settings, parameters, gradients);
        using optim.Optimizer reference = Rules[rule].Torch(eager);
        for (int step = 0; step < Steps; step++)
        {
            using IDisposable inner = NewDisposeScope();
            for (int i = 0; i < eager.Length; i++)
            {
                // The gradient of a bowl, with noise: signs change and moments move.
                Tensor gradient = (eager[i].detach() * 0.5) + (0.3 * randn(Shapes[i]));
                eager[i].grad = gradient.MoveToOuterDisposeScope();
                using IDisposable guard = no_grad();
                gradients[i].copy_(gradient);
            }

            reference.step();
            flat.Step();
        }

        for (int i = 0; i < eager.Length; i++)
        {
            Compare.Close(eager[i].detach(), parameters[i], 2e-5, $"{rule}, parameter {i}");
        }

        Assert.Equal(parameters.Data.sum().ToDouble(), parameters.Slices.Select((_, i) => parameters[i].sum().ToDouble()).Sum(), 1e-4);
    }

    /// <summary>Lion is not in TorchSharp: its authors' text in float64.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lion_FollowsItsText(bool onKernels)
    {
        Follow(onKernels, new OptimizerSettings(Optimizer.Lion, 0.01) { WeightDecay = 0.1 }, [33], static (p, g, m, _, _) =>
        {
            double[] c = [.. m.Zip(g, static (m, g) => (0.9 * m) + (0.1 * g))];
            for (int i = 0; i < p.Length; i++)
            {
                p[i] -= 0.01 * (Math.Sign(c[i]) + (0.1 * p[i]));
                m[i] = (0.99 * m[i]) + (0.01 * g[i]);
            }
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RAdam_FollowsItsText(bool onKernels)
    {
        Follow(onKernels, new OptimizerSettings(Optimizer.RAdam, 0.01), [33], static (p, g, m, v, step) =>
        {
            double limit = (2 / (1 - 0.999)) - 1;
            double length = limit - (2 * step * Math.Pow(0.999, step) / (1 - Math.Pow(0.999, step)));
            for (int i = 0; i < p.Length; i++)
            {
                m[i] = (0.9 * m[i]) + (0.1 * g[i]);
                v[i] = (0.999 * v[i]) + (0.001 * g[i] * g[i]);
                double mean = m[i] / (1 - Math.Pow(0.9, step));
                double rectification = Math.Sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
                p[i] -= length > 5 ? 0.01 * mean * rectification * Math.Sqrt(1 - Math.Pow(0.999, step)) / (Math.Sqrt(v[i]) + 1e-8) : 0.01 * mean;
            }
        });
    }

    [Theory]
    [InlineData(true, 6, 11)]
    [InlineData(true, 11, 6)]
    [InlineData(true, 40, 40)]
    [InlineData(false, 6, 11)]
    [InlineData(false, 11, 6)]
    public void Muon_FollowsItsText(bool onKernels, int rows, int columns)
    {
        Follow(onKernels, new OptimizerSettings(Optimizer.Muon, 0.01) { WeightDecay = 0.1 }, [rows, columns], (p, g, m, _, _) =>
        {
            double[] u = new double[p.Length];
            for (int i = 0; i < p.Length; i++)
            {
                m[i] = (0.95 * m[i]) + (0.05 * g[i]);
                u[i] = (0.05 * g[i]) + (0.95 * m[i]);
            }

            double norm = Math.Sqrt(u.Sum(static value => value * value)) + 1e-7;
            double[,] x = new double[rows, columns];
            for (int i = 0; i < p.Length; i++)
            {
                x[i / columns, i % columns] = u[i] / norm;
            }

            for (int i = 0; i < 5; i++)
            {
                double[,] gram = Product(x, Transposed(x));
                double[,] square = Product(gram, gram);
                double[,] sum = Product(Sum(gram, -4.7750, square, 2.0315), x);
                x = Sum(x, 3.4445, sum, 1);
            }

            for (int i = 0; i < p.Length; i++)
            {
                p[i] = (p[i] * (1 - (0.01 * 0.1))) - (0.01 * 0.2 * Math.Sqrt(Math.Max(rows, columns)) * x[i / columns, i % columns]);
            }
        });
    }

    [Fact]
    public void MuonUpdatesVectorsAndExcludedMatrices_AsAdamW()
    {
        using IDisposable scope = NewDisposeScope();
        var settings = new OptimizerSettings(Optimizer.Muon, 0.01) { WeightDecay = 0.1, Groups = [new ParameterGroup("p4") { Muon = false }] };
        Tensor[] muon = Trained(settings);
        Tensor[] adam = Trained(settings with { Kind = Optimizer.AdamW, Groups = [] });
        Assert.All([1, 2, 3, 4], i => Assert.Equal(adam[i].data<float>().ToArray(), muon[i].data<float>().ToArray()));
        Assert.NotEqual(adam[0].data<float>().ToArray(), muon[0].data<float>().ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Groups_EqualTorchSharpsParameterGroups(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        random.manual_seed(3);
        Parameter[] eager = [.. Shapes.Select(static shape => new Parameter(randn(shape)))];
        using FlatBuffer parameters = FlatBuffer.Adopt([.. eager.Select(static (parameter, i) => ($"p{i}", parameter.detach().clone()))]);
        using FlatBuffer gradients = parameters.Like();
        var settings = new OptimizerSettings(Optimizer.AdamW, 0.01) { WeightDecay = 0.1, DecayMatricesOnly = true, Groups = [new ParameterGroup("p4") { RateFactor = 0.1 }] };
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        using optim.Optimizer decayed = optim.AdamW([eager[0], eager[2]], 0.01, weight_decay: 0.1);
        using optim.Optimizer plain = optim.AdamW([eager[1], eager[3]], 0.01, weight_decay: 0);
        using optim.Optimizer slow = optim.AdamW([eager[4]], 0.001, weight_decay: 0.1);
        for (int step = 0; step < 20; step++)
        {
            for (int i = 0; i < eager.Length; i++)
            {
                eager[i].grad = randn(Shapes[i]);
                using IDisposable guard = no_grad();
                gradients[i].copy_(eager[i].grad!);
            }

            decayed.step();
            plain.step();
            slow.step();
            flat.Step();
        }

        for (int i = 0; i < eager.Length; i++)
        {
            Compare.Close(eager[i].detach(), parameters[i], 1e-5, $"parameter {i}");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Frozen_StayBitForBit_AndDoNotCountInTheNorm(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case test = EndToEnd.Tests.Cases.All[nameof(SimpleCnn)](6);
        using Case twin = EndToEnd.Tests.Cases.All[nameof(SimpleCnn)](6);
        twin.Module.load_state_dict(test.Module.state_dict());
        string[] names = [.. test.Module.named_parameters().Select(static pair => pair.name)];
        string layer = names[0][..names[0].IndexOf('.')];
        float[] Values(Case model, string name) => model.Module.named_parameters().Single(pair => pair.name == name).parameter.data<float>().ToArray();
        var before = names.ToDictionary(static name => name, name => Values(test, name));
        test.Module.train();
        using (TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { WeightDecay = 0.1, ClipNorm = 1e9, Groups = [new ParameterGroup(layer + ".*") { Frozen = true }] }))
        {
            step.Run(test.Samples, test.Wanted);
            double rest = Math.Sqrt(names.Select((name, i) => (name, i)).Where(pair => !pair.name.StartsWith(layer + ".", StringComparison.Ordinal)).Sum(pair => step.Gradients[pair.i].pow(2).sum().ToDouble()));
            Assert.True(step.Optimizer.IsFrozen(names[0]));
            if (onKernels)
            {
                Assert.Equal(rest, step.Optimizer.GradientNorm, 1e-4 * rest);
            }

            foreach (string name in names)
            {
                bool isFrozen = name.StartsWith(layer + ".", StringComparison.Ordinal);
                Assert.Equal(isFrozen, before[name].AsSpan().SequenceEqual(Values(test, name)));
            }

            Assert.Equal(2, step.Optimizer.Unfreeze(layer + ".*"));
            step.Run(test.Samples, test.Wanted);
            Assert.NotEqual(before[names[0]], Values(test, names[0]));
            Assert.Contains("No parameter is named 'no.such'", Assert.Throws<ArgumentException>(() => step.Optimizer.Freeze("no.such")).Message);
        }

        // What eager code froze by requires_grad stays too.
        twin.Module.named_parameters().First().parameter.requires_grad = false;
        using TrainingStep other = twin.Compiled.CreateTrainingStep(twin.Optimizer);
        other.Run(twin.Samples, twin.Wanted);
        Assert.Equal(before[names[0]], Values(twin, names[0]));
        Assert.NotEqual(before[names[1]], Values(twin, names[1]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Penalties_AreThoseOfTheLoss(bool onKernels)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using Case eager = EndToEnd.Tests.Cases.All[nameof(Mlp)](6);
        using Case generated = EndToEnd.Tests.Cases.All[nameof(Mlp)](6);
        generated.Module.load_state_dict(eager.Module.state_dict());
        using TrainingStep step = generated.Compiled.CreateTrainingStep(generated.Optimizer with { L1 = 0.01, L2 = 0.05, ClipNorm = 0.5 });
        using optim.Optimizer optimizer = eager.TorchOptimizer();
        for (int i = 0; i < 5; i++)
        {
            optimizer.zero_grad();
            Tensor loss = eager.Loss(eager.Eager(eager.Samples), eager.Wanted);
            foreach (Parameter parameter in eager.Module.parameters())
            {
                loss = loss + (0.01 * parameter.abs().sum()) + (0.05 / 2 * parameter.pow(2).sum());
            }

            loss.backward();
            nn.utils.clip_grad_norm_(eager.Module.parameters(), 0.5);
            optimizer.step();
            step.Run(eager.Samples, eager.Wanted);
        }

        var wanted = eager.Module.state_dict();
        Assert.All(generated.Module.state_dict(), pair => Compare.Close(wanted[pair.Key], pair.Value, 1e-4, pair.Key));
    }

    [Fact]
    public void WhatDoesNotFit_IsRefused()
    {
        using FlatBuffer parameters = new([("p", [4L])], ScalarType.Float32, CPU);
        using FlatBuffer gradients = parameters.Like();
        string Refusal(OptimizerSettings settings) => Assert.Throws<ArgumentException>(() => new FlatOptimizer(settings, parameters, gradients)).Message;
        Assert.Contains("Rprop", Refusal(new(Optimizer.Rprop, 1) { WeightDecay = 0.1 }));
        Assert.Contains("must not be negative", Refusal(new(Optimizer.Adam, 1) { L1 = -1 }));
        Assert.Contains("No parameter is named 'q*'", Refusal(new(Optimizer.Adam, 1) { Groups = [new ParameterGroup("q*")] }));
    }

    private static Tensor[] Trained(OptimizerSettings settings)
    {
        random.manual_seed(5);
        FlatBuffer parameters = FlatBuffer.Adopt([.. Shapes.Select(static (shape, i) => ($"p{i}", randn(shape)))]);
        using FlatBuffer gradients = parameters.Like();
        using var optimizer = new FlatOptimizer(settings, parameters, gradients);
        for (int step = 0; step < 5; step++)
        {
            for (int i = 0; i < Shapes.Length; i++)
            {
                gradients[i].copy_(randn(Shapes[i]));
            }

            optimizer.Step();
        }

        return [.. Shapes.Select((_, i) => parameters[i])];
    }

    private static void Follow(bool onKernels, OptimizerSettings settings, long[] shape, Action<double[], double[], double[], double[], int> text)
    {
        using IDisposable scope = NewDisposeScope();
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        random.manual_seed(4);
        using FlatBuffer parameters = FlatBuffer.Adopt([("p", randn(shape))]);
        using FlatBuffer gradients = parameters.Like();
        using var flat = new FlatOptimizer(settings, parameters, gradients);
        double[] p = [.. parameters[0].data<float>().ToArray().Select(static value => (double)value)];
        double[] m = new double[p.Length];
        double[] v = new double[p.Length];
        for (int step = 1; step <= 10; step++)
        {
            gradients[0].copy_(randn(shape));
            text(p, [.. gradients[0].data<float>().ToArray().Select(static value => (double)value)], m, v, step);
            flat.Step();
        }

        Compare.Close(tensor(p, shape), parameters[0], 2e-5, settings.Kind.ToString());
    }

    private static double[,] Product(double[,] a, double[,] b)
    {
        double[,] c = new double[a.GetLength(0), b.GetLength(1)];
        for (int i = 0; i < c.GetLength(0); i++)
        {
            for (int j = 0; j < c.GetLength(1); j++)
            {
                for (int k = 0; k < a.GetLength(1); k++)
                {
                    c[i, j] += a[i, k] * b[k, j];
                }
            }
        }

        return c;
    }

    private static double[,] Transposed(double[,] a)
    {
        double[,] t = new double[a.GetLength(1), a.GetLength(0)];
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
            {
                t[j, i] = a[i, j];
            }
        }

        return t;
    }

    private static double[,] Sum(double[,] a, double ofA, double[,] b, double ofB)
    {
        double[,] c = (double[,])a.Clone();
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
            {
                c[i, j] = (a[i, j] * ofA) + (b[i, j] * ofB);
            }
        }

        return c;
    }
}
