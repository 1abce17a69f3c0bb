using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>What a variable of a loop is to a lambda, places evaluated once, hidden and virtual members, static members in their order, disposal.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchMembers : Named<int>
{
    private readonly List<double> facts = [];
    private readonly List<Func<Tensor, Tensor>> steps = [];
    private readonly Module<Tensor, Tensor> hidden = new Hiding();
    private readonly int width = 3;

    public TorchMembers()
    {
        foreach (Linear layer in new[] { first, second })
        {
            steps.Add(v => layer.forward(v));
        }

        Closures();
        Places();
        Members();
        RegisterComponents();
    }

    public override double Share => base.Share * 3;

    public override Tensor forward([Shape("N", 4)] Tensor x)
    {
        foreach (var step in steps)
        {
            x = step(x).relu();
        }

        x = hidden.forward(x);
        foreach (double fact in facts)
        {
            x = x * 0.75 + fact / 16;
        }

        return x * Share * width * InBase();
    }

    private void Closures()
    {
        var counters = new List<Func<int>>();
        for (int i = 0; i < 3; i++)
        {
            int own = i;
            counters.Add(() => own++ + (10 * i));
        }

        facts.AddRange(counters.Select(counter => (double)counter()));
        facts.Add(counters[1]());
        int Sum(int n)
        {
            var (half, rest) = (n / 2, n % 2);
            int below = n > 1 ? Sum(half) : 0;
            return below + rest + half;
        }

        facts.Add(Sum(13));
    }

    private void Places()
    {
        int[] numbers = [1, 2, 3, 4];
        int at = 0;
        numbers[at++] += 10;
        numbers[at++] = at;
        Twice(ref numbers[at++]);
        Make(out var made);
        Change change = Twice;
        change(ref made);
        facts.AddRange(numbers.Select(number => (double)number));
        facts.Add(at + made);
        var counted = new Counter(3);
        facts.Add((counted.Next() * 10) + counted.Next());
        double product = 1;
        using (new AtEnd(value => product *= value))
        {
            product += 1;
        }

        facts.Add(product);
        facts.Add(new Doubling { Value = 4 }.Value);
    }

    private void Members()
    {
        Func<double> fromBase = base.Weigh;
        facts.Add(fromBase() + Weigh());
        facts.Add(Order.Early + (Order.Late * 10));
        facts.Add(CodeOf<Coded>());
        facts.Add((from a in new[] { 1, 2 } from b in new[] { 3, 4 } select a * b).Sum());
        facts.Add(new[] { 1, 2, 3 }.Aggregate(1, (sum, next) => sum + next, sum => sum * 2));
        facts.AddRange(new[] { (1, 5), (2, 6), (1, 7) }.OrderByDescending(pair => pair.Item1).Select(pair => (double)pair.Item2));
    }

    protected override double Weigh() => 7;

    private static void Twice(ref int value) => value *= 2;

    private static void Make(out int value) => value = 5;

    private static int CodeOf<T>()
        where T : ICoded => T.Code() + T.Other();

    private delegate void Change(ref int value);

    private static class Order
    {
        internal static readonly int Early = Late + 1;
        internal static readonly int Late = Four();

        private static int Four() => 4;
    }

    private interface ICoded
    {
        static abstract int Code();

        static virtual int Other() => 2;
    }

    private sealed class Coded : ICoded
    {
        public static int Code() => 7;

        public static int Other() => 3;
    }

    private sealed class Counter(int start)
    {
        public int Next() => start++;
    }

    private sealed class Doubling
    {
        public int Value { get; set => field = value * 2; } = 3;
    }

    private sealed class AtEnd(Action<double> action) : IDisposable
    {
        public void Dispose() => action(5);
    }

    private class Plain : Module<Tensor, Tensor>
    {
        private readonly Linear inner = Linear(4, 4);

        public Plain()
            : base("plain") => RegisterComponents();

        public override Tensor forward(Tensor x) => inner.forward(x);
    }

    private sealed class Hiding : Plain
    {
        public new Tensor forward(Tensor x) => base.forward(x) * 3;
    }
}

/// <summary>A base class with defaults, and with a private field of the name that the derived class uses too.</summary>
public abstract class Named<T> : Module<Tensor, Tensor>
{
    protected readonly Linear first;
    protected readonly Linear second;
    private readonly double width = 0.5;

    protected Named(int size = 4, bool hasBias = true, string name = nameof(Named<T>))
        : base(name)
    {
        first = Linear(size, size, hasBias);
        second = Linear(size, size);
    }

    public virtual double Share { get; } = 0.5;

    protected double InBase() => width;

    protected virtual double Weigh() => 2;
}
