using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Tests;

/// <summary>Optimized models against the unoptimized ones in ONNX Runtime, by hand and on random graphs.</summary>
public sealed class OptimizerTests
{
    [Theory]
    [InlineData("Conv", 1)]
    [InlineData("Conv", 2)]
    [InlineData("ConvTranspose", 1)]
    [InlineData("ConvTranspose", 2)]
    [InlineData("Gemm", 0)]
    [InlineData("Gemm", 1)]
    public void BatchNorm_FoldsIntoTheProductBeforeIt(string op, int variant)
    {
        var g = new OnnxGraphBuilder("norm");
        if (op == "Gemm")
        {
            g.Input("x", OnnxType.Float, [3, 6]);
            g.Initializer<float>("w", variant == 1 ? [8, 6] : [6, 8], Graphs.Random(48, 1));
            g.Initializer<float>("b", [8], Graphs.Random(8, 2));
            g.Node("Gemm", "/Gemm", ["x", "w", "b"], [("a", OnnxType.Float, [3, 8])], OnnxAttribute.Int("transB", variant), OnnxAttribute.Float("alpha", 0.5f), OnnxAttribute.Float("beta", 2));
            Norm(g, "a", "y", [3, 8]);
            g.Output("y", OnnxType.Float, [3, 8]);
        }
        else
        {
            g.Input("x", OnnxType.Float, [1, 4, 5, 5]);
            g.Initializer<float>("w", op == "Conv" ? [8, 4 / variant, 3, 3] : [4, 8 / variant, 3, 3], Graphs.Random(288 / variant, 1));
            long size = op == "Conv" ? 3 : 7;
            g.Node(op, "/Conv", ["x", "w"], [("a", OnnxType.Float, [1, 8, size, size])], OnnxAttribute.Int("group", variant));
            Norm(g, "a", "y", [1, 8, size, size]);
            g.Output("y", OnnxType.Float, [1, 8, size, size]);
        }

        OnnxOptimization result = Same(g.Build());
        Assert.Equal(1, result.NodesAfter);
        Assert.Equal(1, result.Changes["batch norms folded"]);
    }

    [Fact]
    public void BatchNorm_StaysWhereTheProductHasAnotherReader()
    {
        var g = new OnnxGraphBuilder("norm");
        g.Input("x", OnnxType.Float, [3, 6]);
        g.Initializer<float>("w", [6, 8], Graphs.Random(48, 1));
        g.Node("Gemm", "/Gemm", ["x", "w"], [("a", OnnxType.Float, [3, 8])]);
        Norm(g, "a", "n", [3, 8]);
        g.Node("Add", "/Add", ["a", "n"], [("y", OnnxType.Float, [3, 8])]);
        g.Output("y", OnnxType.Float, [3, 8]);
        Assert.Equal(3, Same(g.Build()).NodesAfter);
    }

    [Fact]
    public void NoOps_Disappear()
    {
        var g = new OnnxGraphBuilder("idle");
        g.Input("x", OnnxType.Float, [2, 3, 4]);
        g.Initializer<float>("zeros", [4], new float[4]);
        g.Initializer<float>("one", [], [1]);
        g.Initializer<long>("same", [3], [2, 3, 4]);
        g.Initializer<long>("flat", [2], [2, 12]);
        g.Initializer<long>("none", [6], new long[6]);
        g.Node("Identity", "/a", ["x"], [("a", OnnxType.Float, [2, 3, 4])]);
        g.Node("Add", "/b", ["a", "zeros"], [("b", OnnxType.Float, [2, 3, 4])]);
        g.Node("Mul", "/c", ["one", "b"], [("c", OnnxType.Float, [2, 3, 4])]);
        g.Node("Reshape", "/d", ["c", "same"], [("d", OnnxType.Float, [2, 3, 4])]);
        g.Node("Transpose", "/e", ["d"], [("e", OnnxType.Float, [4, 3, 2])]);
        g.Node("Transpose", "/f", ["e"], [("f", OnnxType.Float, [2, 3, 4])]);
        g.Node("Cast", "/g", ["f"], [("g", OnnxType.Float, [2, 3, 4])], OnnxAttribute.Int("to", 1));
        g.Node("Pad", "/h", ["g", "none"], [("h", OnnxType.Float, [2, 3, 4])]);
        g.Node("Dropout", "/i", ["h"], [("i", OnnxType.Float, [2, 3, 4])]);
        g.Node("Relu", "/j", ["i"], [("j", OnnxType.Float, [2, 3, 4])]);
        g.Node("Unsqueeze", "/k", ["j", g.Constant("axis", [1], [0L])], [("k", OnnxType.Float, [1, 2, 3, 4])]);
        g.Node("Reshape", "/l", ["k", "flat"], [("l", OnnxType.Float, [2, 12])]);
        g.Node("Identity", "/m", ["l"], [("y", OnnxType.Float, [2, 12])]);
        g.Output("y", OnnxType.Float, [2, 12]);
        OnnxOptimization result = Same(g.Build());
        Assert.Equal(["Relu", "Reshape"], result.Model.Proto.Graph.Node.Select(static node => node.OpType));
        Assert.Equal("y", result.Model.Proto.Graph.Node[1].Output[0]);
        Assert.Single(result.Model.Proto.Graph.Initializer);
        Assert.Single(result.Model.Proto.Graph.ValueInfo);
    }

    [Fact]
    public void Constants_AreFoldedAndMerged()
    {
        var g = new OnnxGraphBuilder("constants");
        g.Input("x", OnnxType.Float, [2, 3]);
        g.Initializer<float>("a", [3], [1, 2, 3]);
        g.Initializer<float>("b", [3], [1, 2, 3]);
        g.Node("Mul", "/ab", ["a", "b"], [("ab", OnnxType.Float, [3])]);
        g.Node("Sqrt", "/root", ["ab"], [("root", OnnxType.Float, [3])]);
        g.Node("Shape", "/Shape", ["x"], [("shape", OnnxType.Int64, [2])]);
        g.Node("ConstantOfShape", "/Zeros", ["shape"], [("zeros", OnnxType.Float, [2, 3])]);
        g.Node("Add", "/p", ["x", "a"], [("p", OnnxType.Float, [2, 3])]);
        g.Node("Add", "/q", ["x", "b"], [("q", OnnxType.Float, [2, 3])]);
        g.Node("Mul", "/pq", ["p", "q"], [("pq", OnnxType.Float, [2, 3])]);
        g.Node("Add", "/r", ["pq", "root"], [("r", OnnxType.Float, [2, 3])]);
        g.Node("Add", "/y", ["r", "zeros"], [("y", OnnxType.Float, [2, 3])]);
        g.Output("y", OnnxType.Float, [2, 3]);
        OnnxOptimization result = Same(g.Build());

        // sqrt(a * b) is a; x + 0 is x; the two sums are one.
        Assert.Equal(["Add", "Mul", "Add"], result.Model.Proto.Graph.Node.Select(static node => node.OpType));
        Assert.Single(result.Model.Proto.Graph.Initializer);
        Assert.Contains("4 constants folded", result.ToString());
    }

    [Fact]
    public void QuantizedWeights_StayIntegers()
    {
        var g = new OnnxGraphBuilder("quantized");
        g.Input("x", OnnxType.Float, [2, 3]);
        g.Initializer<sbyte>("w", [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        g.Initializer<float>("scale", [], [0.1f]);
        g.Node("DequantizeLinear", "/dq", ["w", "scale"], [("f", OnnxType.Float, [3, 3])]);
        g.Node("MatMul", "/m", ["x", "f"], [("y", OnnxType.Float, [2, 3])]);
        g.Output("y", OnnxType.Float, [2, 3]);
        Assert.Equal(2, Same(g.Build()).NodesAfter);
    }

    [Fact]
    public void LargeResults_AreNotWrittenOut()
    {
        var g = new OnnxGraphBuilder("large");
        g.Input("x", OnnxType.Float, [1]);
        g.Initializer<long>("shape", [1], [1_000_000]);
        g.Initializer<float>("one", [], [1]);
        g.Node("Expand", "/Expand", ["one", "shape"], [("ones", OnnxType.Float, [1_000_000])]);
        g.Node("Add", "/Add", ["x", "ones"], [("y", OnnxType.Float, [1_000_000])]);
        g.Output("y", OnnxType.Float, [1_000_000]);
        Assert.Equal(2, Same(g.Build()).NodesAfter);
    }

    [Fact]
    public void ValuesOfNestedGraphs_AreLeftAlone()
    {
        var g = new OnnxGraphBuilder("nested");
        g.Input("x", OnnxType.Float, [2]);
        g.Initializer<bool>("yes", [], [true]);
        g.Node("Identity", "/Identity", ["x"], [("inner", OnnxType.Float, [2])]);
        g.Node("Relu", "/Relu", ["x"], [("positive", OnnxType.Float, [2])]);
        OnnxModel model = g.BuildWith(graph =>
        {
            GraphProto Branch(string name, string op, string value) => new()
            {
                Name = name,
                Node = { new NodeProto { OpType = op, Name = name, Input = { value }, Output = { name + "_out" } } },
                Output = { Info(name + "_out", 2) },
            };
            graph.Node.Add(new NodeProto
            {
                OpType = "If",
                Name = "/If",
                Input = { "yes" },
                Output = { "y" },
                Attribute =
                {
                    new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = Branch("then", "Neg", "inner") },
                    new AttributeProto { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = Branch("else", "Exp", "positive") },
                },
            });
            graph.Output.Add(Info("y", 2));
        });
        Assert.Equal(3, Same(model).NodesAfter);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomGraphs_KeepTheirResults(int seed)
    {
        int removed = 0;
        for (int i = 0; i < 25; i++)
        {
            OnnxOptimization result = Same(RandomGraph.Make((1000 * seed) + i));
            removed += result.NodesBefore - result.NodesAfter;
        }

        Assert.True(removed > 25, $"only {removed} nodes were removed: the graphs exercise nothing");
    }

    private static void Norm(OnnxGraphBuilder g, string input, string output, long[] shape)
    {
        int channels = (int)shape[1];
        g.Initializer<float>("scale", [channels], Graphs.Random(channels, 5));
        g.Initializer<float>("shift", [channels], Graphs.Random(channels, 6));
        g.Initializer<float>("mean", [channels], Graphs.Random(channels, 7));
        g.Initializer<float>("variance", [channels], [.. Graphs.Random(channels, 8).Select(static value => 0.5f + Math.Abs(value))]);
        g.Node("BatchNormalization", "/Norm", [input, "scale", "shift", "mean", "variance"], [(output, OnnxType.Float, shape)], OnnxAttribute.Float("epsilon", 1e-3f));
    }

    private static ValueInfoProto Info(string name, long size) => new()
    {
        Name = name,
        Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dimension { DimValue = size } } } } },
    };

    /// <summary>Optimizes, and compares both models on three samples.</summary>
    private static OnnxOptimization Same(OnnxModel model)
    {
        byte[] before = model.ToByteArray();
        OnnxOptimization result = OnnxOptimizer.Optimize(model);
        Assert.Equal(before, model.ToByteArray());
        using var original = new OnnxRunner(model);
        using var optimized = new OnnxRunner(result.Model);
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in Graphs.Samples(model, 3))
        {
            IReadOnlyDictionary<string, OnnxTensor> expected = original.Run(sample);
            IReadOnlyDictionary<string, OnnxTensor> actual = optimized.Run(sample);
            Assert.Equal(expected.Keys, actual.Keys);
            Assert.All(expected, pair =>
            {
                float[] wanted = pair.Value.AsSpan<float>().ToArray();
                float scale = Math.Max(wanted.Max(MathF.Abs), 1e-3f);
                float error = wanted.Zip(actual[pair.Key].AsSpan<float>().ToArray(), static (a, b) => MathF.Abs(a - b)).Max() / scale;
                Assert.True(error < 1e-5f, $"{model.Proto.Graph.Name}: {pair.Key} differs by {error}");
            });
        }

        return result;
    }
}
