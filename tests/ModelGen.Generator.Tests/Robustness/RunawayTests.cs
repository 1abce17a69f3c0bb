namespace ModelGen.Generator.Tests;

/// <summary>Sound C# that does not end, grows without end, or throws when it runs: refused at the expression, quickly, and the process survives.</summary>
public sealed class RunawayTests
{
    /// <summary>On a stack as small as Windows gives: what nests too deeply must not end the process.</summary>
    private static Trial Judge(string constructor, string forward = "return x;", string members = "")
    {
        string text = $$"""
            [Model]
            public partial class Net : Module<Tensor, Tensor>
            {
                private readonly List<Module<Tensor, Tensor>> layers = [];
                private readonly List<int> numbers = [1, 2, 3];
                private object? held;
                {{members}}
                public Net() : base("net")
                {
                    {{constructor}}
                    RegisterComponents();
                }

                public override Tensor forward([Shape("N", "T", 4)] Tensor x)
                {
                    {{forward}}
                }
            }
            """;
        Trial? trial = null;
        var thread = new Thread(() => trial = Trial.Of(text, TimeSpan.FromMinutes(1)), 1 << 20);
        thread.Start();
        thread.Join();
        return trial!;
    }

    [Theory]
    [InlineData("while (true) { }")]
    [InlineData("for (; ; ) { layers.Add(Linear(4, 4)); }")]
    [InlineData("for (int i = 0; i >= 0; i++) { numbers.Add(i); }")]
    [InlineData("foreach (int i in Enumerable.Range(0, int.MaxValue)) { numbers.Add(i); }")]
    [InlineData("held = Enumerable.Repeat(1, 2000000000).ToArray();")]
    [InlineData("held = new int[2000000000];")]
    [InlineData("for (int i = 0; i < 64; i++) { numbers.AddRange(numbers); }")]
    [InlineData("for (int i = 0; i < 64; i++) { held = numbers.SelectMany(a => numbers.SelectMany(b => numbers.Concat(numbers).Concat(numbers))).ToList(); numbers.AddRange(numbers); }")]
    [InlineData("string s = \"ab\"; for (int i = 0; i < 64; i++) { s += s; } held = s;")]
    [InlineData("string s = \"ab\"; for (int i = 0; i < 64; i++) { s = $\"{s}{s}\"; } held = s;")]
    [InlineData("string s = \"ab\"; for (int i = 0; i < 64; i++) { s = s.Replace(\"a\", s); } held = s;")]
    [InlineData("held = \"a\".PadLeft(2000000000);")]
    [InlineData("long n = 3; for (int i = 0; i < 64; i++) { n *= n; } held = n;")]
    [InlineData("long n = long.MinValue; held = n / -1;")]
    [InlineData("long n = long.MinValue; held = -n; held = Math.Abs(n);")]
    [InlineData("long n = long.MaxValue; n++; held = n;")]
    [InlineData("held = numbers[5];")]
    [InlineData("numbers.RemoveAt(7);")]
    [InlineData("numbers.Insert(9, 1);")]
    [InlineData("held = numbers.GetRange(2, 9);")]
    [InlineData("held = numbers.Chunk(0).ToArray();")]
    [InlineData("held = numbers.ElementAt(-1);")]
    [InlineData("held = numbers.Last(n => n > 9);")]
    [InlineData("held = numbers.Take(-3).ToArray(); held = numbers.Skip(-3).ToArray();")]
    [InlineData("numbers.ForEach(null!);")]
    [InlineData("held = numbers.ToDictionary<int, int>(null!);")]
    [InlineData("held = numbers.Zip<int, int, int>(numbers, null!).ToArray();")]
    [InlineData("held = \"abc\".Substring(2, 9);")]
    [InlineData("held = \"abc\".Replace(\"\", \"x\");")]
    [InlineData("held = string.Format(\"{3}\", 1);")]
    [InlineData("held = $\"{numbers[0]:Q}\";")]
    [InlineData("held = 1.ToString(\"Q\");")]
    [InlineData("held = int.Parse(\"x\");")]
    [InlineData("held = Math.Round(1.5, 40);")]
    [InlineData("if (training) { layers.Add(Linear(4, 4)); }")]
    [InlineData("held = ulong.MaxValue; held = decimal.MaxValue; held = 'c' + 1;")]
    [InlineData("layers.Add(Linear(int.MaxValue, int.MaxValue));")]
    [InlineData("layers.Add(Conv2d(-1, 0, 3));")]
    [InlineData("register_module(\"a\", Linear(4, -1));")]
    [InlineData("layers.Add(null!); held = Sequential(layers);")]
    [InlineData("held = Sequential((Module<Tensor, Tensor>)null!);")]
    [InlineData("register_module(null!, null!); register_buffer(\"\", null!);")]
    public void ConstructorThatDoesNotEndOrThrows_IsRefused(string statements) => Assert.Null(Judge(statements).Problem);

    [Theory]
    [InlineData("return forward(x);")]
    [InlineData("long n = x.shape[1]; for (int i = 0; i < 64; i++) { n *= n; } return x * n;")]
    [InlineData("long n = x.shape[1]; for (int i = 0; i < 5000; i++) { n = (n + 1) / 2; } return x * n;")]
    [InlineData("long n = x.shape[1], m = x.shape[0]; for (int i = 0; i < 40; i++) { n *= n + m + 1; } return x * n;")]
    [InlineData("for (; ; ) { x = x + 1; }")]
    [InlineData("for (int i = 0; i < 64; i++) { x = torch.cat(new[] { x, x }, 0); } return x;")]
    [InlineData("for (int i = 0; i < 64; i++) { x = torch.cat(new[] { x, x }, 2); } return x;")]
    [InlineData("return x.repeat(2147483647, 2147483647, 2147483647);")]
    [InlineData("return x.view(0, -1, 0);")]
    [InlineData("return torch.cat(new[] { x, torch.nn.functional.linear(x, torch.ones(-1, 4)) }, 2);")]
    [InlineData("return x.view(-1, -1);")]
    [InlineData("return x.permute(7, 8, 9);")]
    [InlineData("return x.transpose(5, -9);")]
    [InlineData("return x.sum(9);")]
    [InlineData("return x.unsqueeze(77);")]
    [InlineData("return x.squeeze(-77);")]
    [InlineData("return x.flatten(3, 1);")]
    [InlineData("return x.split(0, 1)[0];")]
    [InlineData("return x.split(-1, 2)[0];")]
    [InlineData("return x.chunk(0, 2)[0];")]
    [InlineData("return x.chunk(9223372036854775807L, 2)[0];")]
    [InlineData("return x.chunk(-3, 2)[0];")]
    [InlineData("return x.split(0L, 2)[0];")]
    [InlineData("return x.split(9223372036854775807L, 2)[0];")]
    [InlineData("return torch.zeros(1000000000).split(1)[0];")]
    [InlineData("return torch.zeros(1000000000).unbind()[0];")]
    [InlineData("return x.chunk(2, 9)[0];")]
    [InlineData("return x[9, 9, 9];")]
    [InlineData("return x[.., .., 9..2];")]
    [InlineData("return x[.., .., ^9];")]
    [InlineData("return x.expand(1);")]
    [InlineData("return x.narrow(2, 3, 9);")]
    [InlineData("return x.select(9, 9);")]
    [InlineData("return torch.cat(new Tensor[0], 0);")]
    [InlineData("return torch.stack(new Tensor[0], 0);")]
    [InlineData("return torch.cat(new[] { x, null! }, 0);")]
    [InlineData("return torch.nn.functional.max_pool1d(x, 0);")]
    [InlineData("return torch.nn.functional.avg_pool1d(x, 2, 0);")]
    [InlineData("return torch.nn.functional.pad(x, [9223372036854775807L, 9223372036854775807L]);")]
    [InlineData("return torch.nn.functional.interpolate(x);")]
    [InlineData("return torch.nn.functional.linear(x, null!);")]
    [InlineData("return torch.arange(0, 10, 0);")]
    [InlineData("return torch.arange(9223372036854775807L);")]
    [InlineData("return torch.zeros(-1, -1);")]
    [InlineData("return torch.einsum(\"->\", x);")]
    [InlineData("return torch.einsum(\"\", x);")]
    [InlineData("return torch.einsum(null!, null!);")]
    [InlineData("return x.unflatten(1, [0, 0]);")]
    [InlineData("return x.topk(99, 9).values;")]
    [InlineData("return x.roll(9223372036854775807L, 1);")]
    [InlineData("return x.diagonal(9, 9, 9);")]
    [InlineData("return x.pow(null!);")]
    [InlineData("Tensor y = null!; return y.relu();")]
    [InlineData("Tensor y = null!; return x + y;")]
    [InlineData("Tensor y = null!; return y;")]
    [InlineData("return null!;")]
    [InlineData("Func<Tensor, Tensor> f = null!; return f(x);")]
    [InlineData("Func<Tensor, Tensor>? f = null; f = y => f!(y); return f(x);")]
    [InlineData("(Tensor a, int b) = (x, 1); return b.Equals(null) ? a : null!;")]
    public void ForwardThatDoesNotEndOrThrows_IsRefused(string statements) => Assert.Null(Judge("", statements).Problem);

    [Theory]
    [InlineData("held = new Chained(1);", "private sealed class Chained { public Chained(int n) : this(n, n) { } public Chained(int n, int m) : this(n) { } }")]
    [InlineData("me = this;", "private Module<Tensor, Tensor>? me;")]
    [InlineData("loop.Add(loop);", "private readonly ModuleList<Module> loop = new();")]
    [InlineData("register_module(\"me\", this);", "")]
    [InlineData("held = new object[1]; ((object[])held)[0] = held; held.Equals(held);", "")]
    [InlineData("Node? node = null; for (int i = 0; i < 20000; i++) { node = new Node(node); } held = node;", "private sealed record Node(Node? Next);")]
    [InlineData("held = new Endless();", "private sealed class Endless { private readonly Endless next = new(); }")]
    [InlineData("held = Ping(3);", "private static int Ping(int n) => Pong(n); private static int Pong(int n) => Ping(n);")]
    [InlineData("held = First;", "private static int First => Second; private static int Second => First;")]
    [InlineData("held = One;", "private static readonly int One = Two + 1; private static readonly int Two = One + 1;")]
    [InlineData("held = new Broken().Value;", "private sealed class Broken { public int Value { get => Value; set => Value = value; } }")]
    public void ReferencesInACircle_AreRefused(string constructor, string members) => Assert.Null(Judge(constructor, "return x;", members).Problem);

    [Fact]
    public void ExpressionOfThousandsOfTerms_DoesNotEndTheProcess() => Assert.Null(Judge("", "return x" + string.Concat(Enumerable.Repeat(" + 1.5 * x", 3000)) + ";").Problem);

    [Fact]
    public void CodeNestedThousandsOfTimes_DoesNotEndTheProcess() => Assert.Null(Judge("", "return " + new string('(', 300) + "x" + new string(')', 300) + ";").Problem);
}
