using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>.NET as it is: flags, defaults, sets and stacks, dictionaries, text of numbers, types of generic classes, rounding, arrays of several dimensions.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchLibrary : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(4, 4);
    private readonly List<double> facts = [];
    private readonly Size size = default;
    private Size grown;

    public TorchLibrary()
        : base(nameof(TorchLibrary))
    {
        Enums();
        Collections();
        Texts();
        Types();
        Numbers();
        RegisterComponents();
    }

    [Flags]
    private enum Parts : byte
    {
        None,
        Bias,
        Norm,
        Act = 4,
    }

    private enum Other
    {
        First,
        Second,
    }

    public override Tensor forward([Shape("N", 4)] Tensor x)
    {
        x = layer.forward(x);
        foreach (double fact in facts)
        {
            x = x * 0.75 + fact / 16;
        }

        Console.WriteLine($"a batch of {x.shape[0]}: {x}");
#pragma warning disable MG2005 // tensors of constants in forward are what the compiler is tested on
        var doubles = tensor(new double[] { 0.1, 0.2, 0.3, 0.4 });
        var whole = tensor(new[] { 1, 2, 3, 4 });
#pragma warning restore MG2005
        return (x + doubles).to(float32) + (whole + (x * 5).to(int32)) + ~(x * 3).to(int64);
    }

    private void Enums()
    {
        Parts parts = Parts.Bias | Parts.Act;
        facts.Add((parts & Parts.Norm) == 0 ? 1 : 2);
        facts.Add((parts & Parts.Act) == Parts.Act ? 1 : 2);
        facts.Add((parts & ~Parts.Act) == Parts.Bias ? 1 : 2);
        facts.Add((parts == (Parts.Bias | Parts.Norm) ? 1 : 2) + (parts | Parts.Norm).ToString().Length);
        facts.Add((Parts)(int)Other.Second == Parts.Bias && (Other)Parts.Bias == Other.Second && size.Kind == Parts.None ? 1 : 2);
        parts++;
        facts.Add((int)parts + $"{parts:D}{Other.Second}".Length);
    }

    private void Collections()
    {
        var stack = new Stack<int>([1, 2]);
        stack.Push(3);
        facts.AddRange(stack.Select(value => (double)value));
        facts.Add(stack.Pop() + (stack.Peek() * 10));
        var set = new HashSet<int> { 1, 2, 2 };
        facts.Add((set.Add(2) ? 10 : 20) + set.Count + new[] { 1, 1, 2 }.ToHashSet().Count + new[] { 1, 2 }.Union([2, 3]).Count());
        var table = new Dictionary<string, int> { ["a"] = 1 };
        facts.Add(table.TryAdd("a", 5) ? 10 : table["a"]);
        table.TryGetValue("missing", out int absent);
        facts.Add(absent + table.GetValueOrDefault("missing") + table.GetValueOrDefault("missing", 7) + table.GetValueOrDefault("a"));
        facts.Add(new[] { 1, 2 }.FirstOrDefault(value => value > 5) + new List<int> { 1 }.Find(value => value > 5) + new[] { 4 }.LastOrDefault() + Missing<int>());
        int[,] grid = { { 1, 2, 3 }, { 4, 5, 6 } };
        grid[1, 0] += 10;
        var made = new double[2, 2];
        made[0, 1] = 3;
        facts.Add(grid[1, 0] + grid[0, 2] + grid.Length + (grid.GetLength(1) * 10) + made[1, 1] + made[0, 1]);
        foreach (int value in grid)
        {
            facts.Add(value);
        }

        grown.Width = 2;
        facts.Add(grown.Width);
        int[] order = [3, 1, 2];
        int? none = null;
        facts.Add((order.Contains(2) ? 1 : 2) + (order.SequenceEqual([3, 1, 2]) ? 10 : 20) + (none > 1 ? 100 : 200) + ((1, 2) == (1, 2) ? 1000 : 2000) + (none + 1 is null ? 1 : 2));
        Array.Sort(order);
        facts.Add((order[0] * 100) + Array.IndexOf(order, 3) + order.TakeWhile(value => value < 3).Count() + order.MaxBy(value => -value) + (int.TryParse("12", out int parsed) ? parsed : 0));
        var sizes = new Size[2];
        sizes[0].Width = 3;
        facts.Add(sizes[1].Width + (new Size { Width = 0 }.Equals(sizes[1]) ? 1 : 2));
    }

    private void Texts()
    {
        float tenth = 0.1f;
        double third = 1.0 / 3;
        int width = 7;
        string all = $"{width,4}|{width,-3}|{tenth}|{third:F3}|" + tenth + third.ToString(CultureInfo.InvariantCulture) + string.Format("{0}:{1,5}:{2}", Other.Second, width, true);
        all += tenth;
        facts.Add(all.Length);
        facts.AddRange(all.Select(letter => (double)letter));
    }

    private void Types()
    {
        object text = "text";
        object letter = 'a';
        facts.Add((text is string ? 1 : 2) + (text is IComparable ? 10 : 20) + (letter is string ? 100 : 200) + (letter is char ? 1000 : 2000));
        object box = new Box<int>();
        facts.Add((box is Box<int> ? 1 : 2) + (box is Box<string> ? 10 : 20) + (typeof(Box<int>) == typeof(Box<double>) ? 100 : 200) + box.GetType().Name.Length);
        facts.Add(Boxed<int>() ? 1 : 2);
        Module<Tensor, Tensor> sequence = Sequential(("0", Linear(1, 1)));
        facts.Add(sequence.GetType() == typeof(Sequential) ? 1 : 2);
    }

    private void Numbers()
    {
        double value = -2.5;
        int shift = 33;
        float[] floats = [0.1f, 0.2f, 0.3f];
        facts.Add(Math.Round(value, MidpointRounding.ToZero) + Math.Round(value, MidpointRounding.ToPositiveInfinity) + Math.Round(value, MidpointRounding.ToNegativeInfinity) + Math.Round(value, MidpointRounding.AwayFromZero));
        facts.Add((1 << shift) + ~shift);
        facts.Add((floats.Sum() * 1e6) + (floats.Average() * 1e6) + MathF.Round(1.005f * 3, 2));
    }

    private static T? Missing<T>() => default;

    private static bool Boxed<T>() => new Box<T>() is Box<int>;

    private struct Size
    {
        public int Width;

        public Parts Kind { get; set; }
    }

    private sealed class Box<T>
    {
        public T? Value { get; set; }
    }
}
