using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Which member of a class hierarchy runs, and when: base constructors, <c>base.</c>, overrides and hidden members.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class SemanticsMembers : Module<Tensor, Tensor>
{
    private readonly Linear linear = Linear(6, 6);
    private readonly Scaled scaled = new();
    private readonly WithDefaults defaults = new();
    private readonly Module<Tensor, Tensor> hiding = new Hiding();
    private readonly OtherFactor factor = new();
    private readonly Module<Tensor, Tensor> known = new Hiding();

    public SemanticsMembers()
        : base("SemanticsMembers")
    {
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 6)] Tensor x)
    {
        x = factor.forward(x);
        x = ((Hiding)known).forward(hiding.forward(x));
        var special = new Special { Width = 4 };
        x = scaled.forward(linear.forward(x)) * (defaults.Text == "relu" ? defaults.Count : 7);
        x = x * ((Ordered.A + (Ordered.B * 10) + Ordered.Sizes["deep"] + Ordered.Late) / 80.0);
        x = x * (Scopes() / 30.0);
        x = x * ((Kinds.Sum<Own>() + Kinds.Sum<Plain>() + new Doubled { Width = 4 }.Width) / 30.0);
        x = x * (Queries() / 60.0);
        return x * ((special.Both() + special.Width + special.Function()) / 500.0);
    }

    /// <summary>Queries with a function for the result, and equal keys in their order.</summary>
    private static double Queries()
    {
        int products = (from a in new[] { 1, 2 } from b in new[] { 3, 4 } select a * b).Sum();
        int doubled = new[] { 1, 2, 3 }.Aggregate(0, static (a, b) => a + b, static sum => sum * 2);
        double digits = 0;
        foreach ((int digit, int _) in new[] { (1, 5), (2, 7), (3, 5), (4, 7) }.OrderByDescending(static pair => pair.Item2))
        {
            digits = (digits * 10) + digit;
        }

        return products + doubled + (digits / 100);
    }

    /// <summary>The end of <c>using</c> runs Dispose, the last one first and after the returned value is computed.</summary>
    private static double Scopes()
    {
        double result = 1;
        using (new Scope(() => result *= 5))
        {
            result += 1;
        }

        double Inner()
        {
            using var first = new Scope(() => result += 3);
            using var second = new Scope(() => result *= 2);
            return result;
        }

        return Inner() + result;
    }

    private sealed class Scope(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    /// <summary>Static members of interfaces, with and without a default.</summary>
    private interface IKind
    {
        static abstract int Code { get; }

        static virtual int Factor() => 2;
    }

    private static class Kinds
    {
        public static int Sum<T>()
            where T : IKind
        {
            Func<int> factor = T.Factor;
            return T.Code + T.Factor() + factor();
        }
    }

    private sealed class Own : IKind
    {
        public static int Code => 7;

        public static int Factor() => 3;
    }

    private sealed class Plain : IKind
    {
        public static int Code { get; } = 5;
    }

    /// <summary>An accessor that changes what the property keeps.</summary>
    private sealed class Doubled
    {
        public int Width
        {
            get;
            set => field = value * 2;
        }
        = 3;
    }

    public class Defaults
    {
        protected Defaults(int count = 3, string text = "relu", double? rate = 2)
        {
            Count = count * rate!.Value;
            Text = text;
        }

        public double Count { get; }

        public string Text { get; }
    }

    public sealed class WithDefaults : Defaults
    {
        public WithDefaults()
        {
        }
    }

    /// <summary>Private fields of one name in a class and its base, and a property that an override doubles.</summary>
    public abstract class Factor(double scale) : Module<Tensor, Tensor>("factor")
    {
        private readonly int times = 3;

        public virtual double Scale { get; set; } = scale;

        public override Tensor forward(Tensor x) => x * times * Scale;
    }

    public sealed class OtherFactor() : Factor(0.5)
    {
        private readonly int times = 2;

        public override double Scale
        {
            get => base.Scale * 2;
            set => base.Scale = value;
        }

        public override Tensor forward(Tensor x) => base.forward(x) / times;
    }

    /// <summary>A base class with layers, whose constructor runs with its default values.</summary>
    public abstract class Template : Module<Tensor, Tensor>
    {
        private readonly Linear inner;

        protected Template(int width = 6, bool bias = true)
            : base("template")
        {
            inner = Linear(width, width, hasBias: bias);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => inner.forward(x);
    }

    public sealed class Scaled : Template
    {
        public override Tensor forward(Tensor x) => base.forward(x) * 0.5;
    }

    /// <summary>Methods named forward that TorchSharp does not call: eager evaluation takes the override through the base class.</summary>
    public class Hiding : Template
    {
        public Tensor forward(int count) => throw new InvalidOperationException(count.ToString());

        public new Tensor forward(Tensor x) => base.forward(x) * 3;
    }

    /// <summary>Static members take their values from top to bottom, then the static constructor runs.</summary>
    private static class Ordered
    {
        public static readonly int A = B + 1;
        public static readonly int B = Get();
        public static readonly int Late = 2;

        static Ordered()
        {
            Sizes["deep"] = B + 3;
            Late += 5;
        }

        public static Dictionary<string, int> Sizes { get; } = new();

        private static int Get() => 4;
    }

    public class General
    {
        public virtual int Size => 3;

        public virtual int Width { get; set; } = 2;

        public virtual int Get() => 3;
    }

    public sealed class Special : General
    {
        public override int Size => base.Size + 2;

        public override int Width
        {
            get => base.Width * 3;
        }

        public override int Get() => 5;

        public int Both() => (Size * 10) + base.Size;

        public int Function()
        {
            Func<int> get = base.Get;
            return get() + (Get() * 10);
        }
    }
}
