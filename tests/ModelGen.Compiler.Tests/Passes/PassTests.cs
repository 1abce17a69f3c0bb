using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Passes;
using ModelGen.Compiler.Text;

namespace ModelGen.Compiler.Tests.Passes;

/// <summary>Passes as text in, text out.</summary>
public sealed class PassTests
{
    private static readonly Dim N = Dim.Symbol("N");

    [Fact]
    public void InferenceMode_DropsDropout()
    {
        GraphBuilder g = Start(out int x, N, 4);
        int y = g.Unary("dropout", g.Unary("relu", x), ("p", 0.5));
        Check(new InferenceMode(), g.Build(y), """
            graph g(%x: f32[N, 4])
            {
                %1 = relu(%x) : f32[N, 4]
                return %1
            }
            """);
    }

    [Fact]
    public void TrainingMode_DrawsMasks_AndUsesBatchStatistics()
    {
        GraphBuilder g = Start(out int x, N, 4);
        int y = g.Unary("dropout", Norm(g, x), ("p", 0.5));
        Check(new TrainingMode(), g.Build(y), """
            graph g(%x: f32[N, 4])
            {
                param @w: f32[4]
                param @b: f32[4]
                buffer @m: f32[4]
                buffer @v: f32[4]
                buffer @n: i64[]
                %6, %7, %8 = batch_norm_train(%x, @w, @b, @m, @v, @n) {eps=1E-05, momentum=0.1} : f32[N, 4], f32[4], f32[4]
                %9 = dropout_mask() {dtype=f32, p=0.5, shape=[N, 4]} : f32[N, 4]
                %10 = mul(%6, %9) : f32[N, 4]
                return %10
            }
            """);
    }

    [Fact]
    public void FoldBatchNorm_ScalesTheLinearBeforeIt()
    {
        GraphBuilder g = Start(out int x, N, 3);
        int weight = g.AddValue("fc", TypeOf(4, 3), ValueKind.Parameter);
        Graph folded = Checked(new FoldBatchNorm(), g.Build(Norm(g, g.Add("linear", [x, weight, -1]))));
        Assert.DoesNotContain(folded.Nodes, static node => node.Op == "batch_norm");
        Assert.Equal(["constant", "add", "rsqrt", "mul", "reshape", "mul", "neg", "mul", "add", "linear"], folded.Nodes.Select(static node => node.Op));
    }

    [Fact]
    public void FoldBatchNorm_LeavesASharedConvolutionAlone()
    {
        GraphBuilder g = Start(out int x, N, 3);
        int weight = g.AddValue("fc", TypeOf(4, 3), ValueKind.Parameter);
        int product = g.Add("linear", [x, weight, -1]);
        Graph folded = Checked(new FoldBatchNorm(), g.Build(g.Plus(Norm(g, product), product)));
        Assert.Contains(folded.Nodes, static node => node.Op == "batch_norm");
    }

    [Fact]
    public void CommonSubexpressions_ComputesOnce_ButDrawsTwice()
    {
        GraphBuilder g = Start(out int x, N);
        int Mask() => g.Add("dropout_mask", [], ("p", 0.5), ("shape", g.TypeOf(x).Shape), ("dtype", DType.Float32));
        int a = g.Plus(g.Unary("exp", x), g.Unary("exp", x));
        int b = g.Times(Mask(), Mask());
        Graph result = Checked(new CommonSubexpressions(), g.Build(g.Times(a, b)));
        Assert.Equal(1, result.Nodes.Count(static node => node.Op == "exp"));
        Assert.Equal(2, result.Nodes.Count(static node => node.Op == "dropout_mask"));
    }

    [Fact]
    public void JoinSlices_JoinsWhatCoversADimension()
    {
        GraphBuilder g = Start(out int x, N, 2);
        int Part(int value, int start) => g.Add("slice_backward", [value], ("axis", 1L), ("start", new Dim[] { start }), ("shape", new[] { N, 6 }));
        int[] values = [g.Unary("exp", x), g.Unary("neg", x), g.Unary("abs", x)];
        int sum = g.Plus(g.Plus(Part(values[0], 2), Part(values[1], 0)), Part(values[2], 4));
        int overlapping = g.Plus(g.Plus(Part(values[0], 2), Part(values[1], 1)), Part(values[2], 4));
        int partial = g.Plus(Part(values[0], 0), Part(values[1], 2));
        Graph joined = Checked(new DeadCode(), Checked(new JoinSlices(), g.Build(sum)));
        Assert.Equal(["exp", "neg", "abs", "cat"], joined.Nodes.Select(static node => node.Op));
        Assert.Equal([2, 1, 3], joined.Nodes[3].Inputs);
        Assert.DoesNotContain(Checked(new DeadCode(), Checked(new JoinSlices(), g.Build(overlapping, partial))).Nodes, static node => node.Op == "cat");
    }

    /// <summary>Scores, a causal mask, a softmax, dropout and the product with values, in the order in which models write them.</summary>
    private static int WrittenAttention(GraphBuilder g, int q, int k, int v, double hidden, Func<int, int>? change = null)
    {
        int scores = g.Times(g.MatMul(q, g.Transposed(k)), 0.5);
        scores = g.Add("masked_fill", [scores, g.Add("causal_mask", [], ("shape", g.TypeOf(scores).Shape.Skip(1).ToArray()))], ("value", hidden));
        int weights = g.Add("softmax", [change is null ? scores : change(scores)], ("axis", 2L));
        int mask = g.Add("dropout_mask", [], ("p", 0.5), ("shape", g.TypeOf(weights).Shape), ("dtype", DType.Float32));
        return g.MatMul(g.Times(weights, mask), v);
    }

    private static GraphBuilder StartAttention(out int q, out int k, out int v)
    {
        GraphBuilder g = Start(out q, N, 5, 4);
        k = g.AddValue("k", new TensorType(DType.Float32, new[] { N, 5, 4 }), ValueKind.Input);
        v = g.AddValue("v", new TensorType(DType.Float32, new[] { N, 5, 3 }), ValueKind.Input);
        return g;
    }

    [Fact]
    public void FuseAttention_TakesMaskDropoutAndScale()
    {
        GraphBuilder g = StartAttention(out int q, out int k, out int v);
        Graph fused = Checked(new DeadCode(), Checked(new FuseAttention(), g.Build(WrittenAttention(g, q, k, v, double.NegativeInfinity))));
        Assert.Equal(["dropout_mask", "attention"], fused.Nodes.Select(static node => node.Op));
        Node attention = fused.Nodes[1];
        Assert.Equal(0.5, attention.Attributes.Double("scale"));
        Assert.True(attention.Attributes.Bool("causal"));
        Assert.Equal([0, 1, 2], attention.Inputs.Take(3));
    }

    [Fact]
    public void FuseAttention_LeavesWhatItsOperatorDoesNotCompute()
    {
        GraphBuilder g = StartAttention(out int q, out int k, out int v);
        int bias = g.AddValue("bias", TypeOf(5, 5), ValueKind.Parameter);
        Assert.All(
            (int[])[
                WrittenAttention(g, q, k, v, -10),                                        // hidden scores still count
                WrittenAttention(g, q, k, v, double.NegativeInfinity, scores => g.Plus(scores, bias)), // the mask is learned
                WrittenAttention(g, q, k, v, double.NegativeInfinity, scores => g.Times(scores, 2.0)), // scaled after the mask
                WrittenAttention(g, q, k, v, double.NegativeInfinity, scores => g.Unary("tanh", scores)),
            ],
            result => Assert.DoesNotContain(Checked(new FuseAttention(), g.Build(result)).Nodes, static node => node.Op == "attention"));
    }

    /// <summary>A convolution, its activation, a pool and dropout, and a linear layer.</summary>
    private static Graph RoundedNet()
    {
        GraphBuilder g = new("g");
        int x = g.AddValue("x", new TensorType(DType.Float32, new[] { N, 2, 6, 6 }), ValueKind.Input);
        int kernel = g.AddValue("kernel", TypeOf(4, 2, 3, 3), ValueKind.Parameter);
        int weight = g.AddValue("weight", TypeOf(3, 16), ValueKind.Parameter);
        int bias = g.AddValue("bias", TypeOf(3), ValueKind.Parameter);
        long[] one = [1, 1];
        int y = g.Add("conv", [x, kernel, -1], ("stride", one), ("padding", new long[] { 0, 0 }), ("dilation", one), ("groups", 1L));
        y = g.Add("max_pool", [g.Unary("relu", y)], ("kernel", new long[] { 2, 2 }), ("stride", new long[] { 2, 2 }), ("padding", new long[] { 0, 0 }), ("dilation", one), ("ceil", false));
        y = g.Unary("dropout", g.Add("reshape", [y], ("shape", new[] { N, 16 })), ("p", 0.5));
        return g.Build(g.Add("linear", [y, weight, bias]));
    }

    [Fact]
    public void QuantizationSites_AreInputsAndResultsOfProducts()
    {
        Graph inference = new InferenceMode().Run(RoundedNet());
        QuantizationSites sites = QuantizationSites.Find(inference);
        Node Producer(int value) => inference.Nodes.Single(node => node.Outputs.Contains(value));
        Assert.Equal(["x", "relu", "reshape", "linear"], sites.Values.Select(value => inference.Values[value].Kind == ValueKind.Input ? "x" : Producer(value).Op));
        Assert.Equal([("conv", 0), ("linear", 2)], sites.Products.Select(static product => (product.Node.Op, product.InputSite)));
    }

    [Fact]
    public void InsertFakeQuantize_RoundsBeforeDropout_AndWeightsAndBias()
    {
        Graph training = RoundedNet();
        Graph inference = new InferenceMode().Run(training);
        var pass = new InsertFakeQuantize(QuantizationSites.Find(inference), InferenceValues.Of(training, inference), learns: false);
        Graph rounded = Checked(new CommonSubexpressions(), Checked(pass, training));
        string[] steps = [.. rounded.Nodes.Select(static node => node.Op).Where(static op => op is "fake_quantize" or "conv" or "relu" or "max_pool" or "dropout" or "linear")];
        Assert.Equal(["fake_quantize", "fake_quantize", "conv", "relu", "fake_quantize", "max_pool", "fake_quantize", "dropout", "fake_quantize", "fake_quantize", "linear", "fake_quantize"], steps);
        Assert.Equal(["quantization_scales", "quantization_zero_points", "quantization_products", "quantization_shared"], rounded.ValuesOf(ValueKind.Buffer).Select(value => rounded.Values[value].Name));
    }

    [Fact]
    public void DeadCode_KeepsSideEffectsAndParameters()
    {
        GraphBuilder g = Start(out int x, 4);
        g.AddValue("unused", TypeOf(2), ValueKind.Parameter);
        g.Unary("exp", x);
        g.AddNode("store_gradient", new[] { g.Unary("neg", x) }, OpAttributes.Of(("index", 0)));
        Check(new DeadCode(), g.Build(x), """
            graph g(%x: f32[4])
            {
                param @unused: f32[2]
                %2 = neg(%x) : f32[4]
                 = store_gradient(%2) {index=0} : 
                return %x
            }
            """);
    }

    [Fact]
    public void Simplify_RemovesWhatChangesNothing()
    {
        GraphBuilder g = Start(out int x, N, 6);
        int y = g.Plus(g.Times(x, 1.0), 0.0);
        y = g.Permute(g.Add("reshape", [g.Add("reshape", [y], ("shape", new[] { N, 2, 3 }))], ("shape", new[] { N, 3, 2 })), 0, 1, 2);
        Graph result = new DeadCode().Run(Checked(new Simplify(), g.Build(y)));
        Node only = Assert.Single(result.Nodes);
        Assert.Equal("reshape", only.Op);
    }

    [Fact]
    public void Differentiate_OfALinearLayer()
    {
        GraphBuilder g = Start(out int x, N, 3);
        int weight = g.AddValue("w", TypeOf(2, 3), ValueKind.Parameter);
        var train = new TrainSpec("MSE", "SGD", 0, 1, 8, default);
        Graph step = ModelCompiler.TrainingStep(g.Build(g.Add("linear", [x, weight, -1])), train);
        Assert.Equal(
            ["linear", "mse_loss", "sub", "constant", "mul", "divide_by_size", "permute", "matmul", "store_gradient", "optimizer_step"],
            step.Nodes.Select(static node => node.Op));
    }

    [Fact]
    public void RecomputeForward_ComputesASegmentAgain_AfterTheGradientThatNeedsIt()
    {
        GraphBuilder g = Start(out int x, N, 4);
        int weight = g.AddValue("w", TypeOf(4, 4), ValueKind.Parameter);
        int Layer(int value) => g.Unary("exp", g.Unary("sin", g.Add("linear", [value, weight, -1])));
        Graph step = ModelCompiler.TrainingStep(g.Build(Layer(Layer(Layer(x)))), new TrainSpec("MSE", "SGD", 0, 1, 8, default));
        Assert.Equal(["linear", "sin", "exp", "linear", "sin", "exp", "linear", "sin", "exp", "mse_loss"], step.Nodes.Take(10).Select(static node => node.Op));

        // Of each segment but the last, what its backward reads (the operand of sin) is computed again, from what crosses the cut (the result of exp).
        string[] operators = [.. Checked(new RecomputeForward([2, 5]), step).Nodes.Select(static node => node.Op)];
        Assert.Equal(5, operators.Count(static op => op == "linear"));
        int checkpoint = Array.IndexOf(operators, "checkpoint");
        Assert.Equal(1, operators.Count(static op => op == "checkpoint"));
        Assert.True(checkpoint > Array.IndexOf(operators, "mse_loss"));
        Assert.Equal(["linear", "cos"], operators.Skip(checkpoint + 1).Take(2));
        Assert.Same(step, new RecomputeForward([]).Run(step));
    }

    [Fact]
    public void RecomputeForward_DrawsMasksOnce_AndMovesStatisticsOnce()
    {
        GraphBuilder g = Start(out int x, N, 4);
        int weight = g.AddValue("fc", TypeOf(4, 4), ValueKind.Parameter);
        int y = g.Unary("tanh", g.Unary("dropout", Norm(g, g.Add("linear", [x, weight, -1])), ("p", 0.5)));
        Graph step = ModelCompiler.TrainingStep(g.Build(g.Add("linear", [g.Unary("exp", y), weight, -1])), new TrainSpec("MSE", "SGD", 0, 1, 8, default));
        int last = step.Nodes.Select(static (node, index) => (node, index)).First(static pair => pair.node.Op == "exp").index;
        Graph again = Checked(new RecomputeForward([last]), step);
        Assert.Equal(1, again.Nodes.Count(static node => node.Op == "batch_norm_train"));
        Assert.Equal(1, again.Nodes.Count(static node => node.Op == "dropout_mask"));
        Assert.Equal(1, again.Nodes.Count(static node => node.Op == "batch_norm_apply"));
    }

    [Theory]
    [InlineData("512 MiB", 512L << 20)]
    [InlineData("1.5GiB", 3L << 29)]
    [InlineData(" 64 kb ", 64000L)]
    [InlineData("7 B", 7L)]
    [InlineData("512", null)]
    [InlineData("-1 MiB", null)]
    [InlineData("much MiB", null)]
    [InlineData("0 MiB", null)]
    [InlineData("", null)]
    public void ByteSize_ReadsWhatPeopleWrite(string text, long? bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Fact]
    public void ByteSize_WritesTheLargestUnit() => Assert.Equal(["17 B", "1.5 KiB", "512 MiB", "2.3 GiB"], new[] { 17L, 1536L, 512L << 20, 2470000000L }.Select(ByteSize.Format));

    [Fact]
    public void Liveness_CountsViewsOnce_AndFreesAfterTheLastUse()
    {
        GraphBuilder g = Start(out int x, N, 100);
        int a = g.Unary("exp", x);
        int view = g.Add("reshape", [a], ("shape", new[] { N, 10, 10 }));
        int b = g.Unary("neg", view);
        int c = g.Unary("neg", b);
        Graph graph = g.Build(c);
        var liveness = new Liveness(graph);
        Assert.Equal(2 * 4 * 100 * 7, liveness.PeakBytes(new Dictionary<string, long> { ["N"] = 7 }));
        Assert.Equal([a], liveness.DyingAt(1));
        Assert.Equal([b], liveness.DyingAt(3));
    }

    [Fact]
    public void Verifier_NamesEachFault()
    {
        GraphBuilder g = Start(out int x, 4);
        Graph good = g.Build(g.Unary("neg", g.Unary("exp", x)));
        Assert.Empty(GraphVerifier.Verify(good));
        Assert.Contains("before it is defined", GraphVerifier.Verify(good with { Nodes = good.Nodes.Reverse().ToEquatableArray() })[0]);
        Assert.Contains("defined twice", GraphVerifier.Verify(good with { Nodes = good.Nodes.Append(good.Nodes[0]).ToEquatableArray() })[0]);
        Assert.Contains("not registered", GraphVerifier.Verify(good with { Nodes = good.Nodes.Select(static node => node with { Op = "nothing" }).ToEquatableArray() })[0]);
        Assert.Contains("type is", GraphVerifier.Verify(good with { Values = good.Values.Select(static value => value with { Type = value.Type with { Shape = new Dim[] { value.Kind == ValueKind.Input ? 4 : 5 } } }).ToEquatableArray() })[0]);
        Assert.Contains("never defined", GraphVerifier.Verify(good with { Nodes = default })[0]);
        Assert.Throws<InvalidOperationException>(() => GraphVerifier.Check(good with { Nodes = default }, "a pass"));
    }

    private static GraphBuilder Start(out int x, params Dim[] shape)
    {
        var builder = new GraphBuilder("g");
        x = builder.AddValue("x", new TensorType(DType.Float32, shape), ValueKind.Input);
        return builder;
    }

    private static TensorType TypeOf(params long[] shape) => new(DType.Float32, shape.Select(static size => (Dim)size).ToEquatableArray());

    private static int Norm(GraphBuilder g, int x)
    {
        int[] inputs =
        [
            x, g.AddValue("w", TypeOf(4), ValueKind.Parameter), g.AddValue("b", TypeOf(4), ValueKind.Parameter), g.AddValue("m", TypeOf(4), ValueKind.Buffer),
            g.AddValue("v", TypeOf(4), ValueKind.Buffer), g.AddValue("n", TensorType.Scalar(DType.Int64), ValueKind.Buffer),
        ];
        return g.Add("batch_norm", inputs, ("eps", 1e-5), ("momentum", 0.1));
    }

    private static Graph Checked(IGraphPass pass, Graph graph)
    {
        Graph result = pass.Run(graph);
        Assert.Empty(GraphVerifier.Verify(result));
        return result;
    }

    private static void Check(IGraphPass pass, Graph graph, string expected) => Assert.Equal(expected, Checked(pass, graph).ToString().TrimEnd('\n'));
}
