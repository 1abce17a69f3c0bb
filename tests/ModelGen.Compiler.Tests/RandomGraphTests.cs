using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Passes;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.Compiler.Tests;

/// <summary>Random graphs from the registry: generated forward and gradients against eager TorchSharp and its autograd.</summary>
public sealed class RandomGraphTests
{
    private const int Count = 200;

    private static readonly string[] Unary = ["neg", "exp", "sin", "cos", "square", "erf", "tanh", "sigmoid", "relu", "gelu", "silu", "leaky_relu", "elu", "clamp", "hardsigmoid", "hardswish", "softplus", "mish"];

    [Fact]
    public void GeneratedCode_EqualsEager()
    {
        Case[] cases = [.. Enumerable.Range(0, Count).Select(static seed => new Case(seed))];
        var functions = GeneratedCode.Compile([.. cases.Select(static test => test.Graph)]);
        Assert.True(cases.SelectMany(static test => test.Forward.Nodes).Select(static node => node.Op).Distinct().Count() > 30);
        for (int i = 0; i < Count; i++)
        {
            random.manual_seed(i);
            Tensor[] inputs = [.. cases[i].Forward.ValuesOf(ValueKind.Input).Select(value => randn(Sizes(cases[i].Forward.TypeOf(value)), ScalarType.Float64).requires_grad_())];
            Tensor expected = Eager(cases[i].Forward, inputs);
            expected.backward();
            Tensor[] actual = functions[i](inputs);
            Close(expected, actual[0], i, cases[i], "value");
            for (int input = 0; input < inputs.Length; input++)
            {
                Close(inputs[input].grad!, actual[input + 1], i, cases[i], "gradient " + input);
            }
        }
    }

    private static void Close(Tensor expected, Tensor actual, int seed, Case test, string what)
    {
        double error = (expected - actual).abs().max().ToDouble() / Math.Max(1, expected.abs().max().ToDouble());
        Assert.True(error < 1e-7, $"seed {seed}, {what}: relative error {error:G3}\n{test.Forward}");
    }

    private static long[] Sizes(TensorType type) => [.. type.Shape.Select(static dim => dim.Constant!.Value)];

    /// <summary>The graph, evaluated operator by operator with TorchSharp; nothing here uses the compiler's emitters.</summary>
    private static Tensor Eager(Graph graph, Tensor[] inputs)
    {
        var values = graph.ValuesOf(ValueKind.Input).Select((value, index) => (value, index)).ToDictionary(static pair => pair.value, pair => inputs[pair.index]);
        foreach (Node node in graph.Nodes)
        {
            values[node.Outputs[0]] = Apply(node, [.. node.Inputs.Select(input => values[input])]);
        }

        return values[graph.Outputs[0]];
    }

    private static Tensor Apply(Node node, Tensor[] x) => node.Op switch
    {
        "neg" => -x[0],
        "exp" => exp(x[0]),
        "sin" => sin(x[0]),
        "cos" => cos(x[0]),
        "square" => x[0] * x[0],
        "erf" => erf(x[0]),
        "tanh" => torch.tanh(x[0]),
        "sigmoid" => torch.sigmoid(x[0]),
        "relu" => F.relu(x[0]),
        "gelu" => F.gelu(x[0]),
        "silu" => F.silu(x[0]),
        "leaky_relu" => F.leaky_relu(x[0], 0.2),
        "elu" => F.elu(x[0], 1.1),
        "clamp" => x[0].clamp(-0.6, 0.8),
        "hardsigmoid" => F.hardsigmoid(x[0]),
        "hardswish" => F.hardswish(x[0]),
        "softplus" => F.softplus(x[0]),
        "mish" => F.mish(x[0]),
        "add" => x[0] + x[1],
        "sub" => x[0] - x[1],
        "mul" => x[0] * x[1],
        "maximum" => maximum(x[0], x[1]),
        "minimum" => minimum(x[0], x[1]),
        "matmul" => torch.matmul(x[0], x[1]),
        "softmax" => F.softmax(x[0], node.Attributes.Int("axis")),
        "log_softmax" => F.log_softmax(x[0], node.Attributes.Int("axis")),
        "sum" => x[0].sum(node.Attributes.Ints("axes").ToArray(), node.Attributes.Bool("keep")),
        "mean" => x[0].mean(node.Attributes.Ints("axes").ToArray(), node.Attributes.Bool("keep")),
        "amax" => x[0].amax(node.Attributes.Ints("axes").ToArray(), node.Attributes.Bool("keep")),
        "reshape" => x[0].reshape([.. node.Attributes.Dims("shape").Select(static dim => dim.Constant!.Value)]),
        "permute" => x[0].permute(node.Attributes.Ints("order").ToArray()),
        "slice" => x[0].narrow(node.Attributes.Int("axis"), node.Attributes.Dims("start")[0].Constant!.Value, node.Attributes.Dims("length")[0].Constant!.Value),
        "cat" => torch.cat(x, node.Attributes.Int("axis")),
        "layer_norm" => F.layer_norm(x[0], x[1].shape, x[1], x[2]),
        "linear" => F.linear(x[0], x[1], x[2]),
        _ => throw new InvalidOperationException($"The eager evaluation of this test lacks '{node.Op}'."),
    };

    /// <summary>A random graph that ends in a number, and its gradients.</summary>
    private sealed class Case
    {
        private readonly Random random;
        private readonly GraphBuilder g;
        private readonly List<int> pool = [];

        public Case(int seed)
        {
            random = new Random(seed);
            g = new GraphBuilder("random" + seed);
            for (int i = 0; i < 2; i++)
            {
                pool.Add(Input([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => (long)random.Next(1, 5))]));
            }

            int length = random.Next(3, 12);
            for (int i = 0; i < length; i++)
            {
                pool.Add(Next());
            }

            int last = g.Unary("tanh", pool[^1]);
            long[] all = [.. Enumerable.Range(0, g.TypeOf(last).Rank).Select(static axis => (long)axis)];
            int loss = all.Length == 0 ? last : g.Sum(g.Unary("square", last), all, keep: false);

            // Every input takes part, so that each has a gradient.
            foreach (int input in g.Build(loss).ValuesOf(ValueKind.Input).ToArray())
            {
                loss = g.Plus(loss, g.Sum(g.Unary("sin", input), [.. Enumerable.Range(0, g.TypeOf(input).Rank).Select(static axis => (long)axis)], keep: false));
            }

            Forward = g.Build(loss);
            int[] wanted = [.. Forward.ValuesOf(ValueKind.Input)];
            GraphBuilder differentiated = Differentiate.Gradients(Forward, wanted, out Dictionary<int, int> gradients);
            Graph = PassPipeline.AfterAutodiff.Run(differentiated.Build([loss, .. wanted.Select(input => gradients[input])]));
        }

        public Graph Forward { get; }

        public Graph Graph { get; }

        private int Input(params long[] shape) => g.AddValue("x" + g.Values.Count, new TensorType(DType.Float64, shape.Select(static size => (Dim)size).ToEquatableArray()), ValueKind.Input);

        private int Next()
        {
            int x = pool[random.Next(pool.Count)];
            EquatableArray<Dim> shape = g.TypeOf(x).Shape;
            long axis = random.Next(Math.Max(shape.Count, 1));
            bool keep = random.Next(2) == 0;
            switch (random.Next(shape.Count == 0 ? 2 : 12))
            {
                case 0 or 1:
                    return Elementwise(x);
                case 2:
                    return g.Add(new[] { "add", "sub", "mul", "maximum", "minimum" }[random.Next(5)], [x, Input([.. shape.Select(dim => random.Next(3) == 0 ? 1 : dim.Constant!.Value)])]);
                case 3:
                    return g.Add(random.Next(2) == 0 ? "softmax" : "log_softmax", [x], ("axis", axis));
                case 4:
                    return g.Add(new[] { "sum", "mean", "amax" }[random.Next(3)], [x], ("axes", new[] { axis }), ("keep", keep));
                case 5:
                    return g.Add("matmul", [g.Reshape(x, new[] { 1, g.TypeOf(x).Count }), Input(g.TypeOf(x).Count.Constant!.Value, random.Next(1, 4))]);
                case 6:
                    return g.Permute(x, [.. Enumerable.Range(0, shape.Count).Select(static position => (long)position).Reverse()]);
                case 7:
                    long size = shape[(int)axis].Constant!.Value;
                    long start = random.Next((int)size);
                    return g.Slice(x, axis, start, 1 + random.Next((int)(size - start)));
                case 8:
                    return g.Add("cat", [x, Input([.. shape.Select(static dim => dim.Constant!.Value)]), x], ("axis", axis));
                case 9:
                    long last = shape[^1].Constant!.Value;
                    return g.Add("layer_norm", [Elementwise(x), Input(last), Input(last)], ("eps", 1e-5));
                case 10:
                    long outputs = random.Next(1, 4);
                    return g.Add("linear", [x, Input(outputs, shape[^1].Constant!.Value), Input(outputs)]);
                default:
                    return g.Add("reshape", [x], ("shape", new[] { g.TypeOf(x).Count, Dim.One }));
            }
        }

        private int Elementwise(int x)
        {
            string op = Unary[random.Next(Unary.Length)];
            (string, object)[] attributes = op switch
            {
                "gelu" => [("tanh", false)],
                "leaky_relu" => [("slope", 0.2)],
                "elu" => [("alpha", 1.1)],
                "clamp" => [("min", -0.6), ("max", 0.8)],
                "softplus" => [("beta", 1.0), ("threshold", 20.0)],
                _ => [],
            };

            // exp and square of large values would drown the comparison.
            return g.Unary(op, op is "exp" or "square" ? g.Unary("tanh", x) : x, attributes);
        }
    }
}
