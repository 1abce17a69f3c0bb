using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Writes SiLU as the product that ONNX has for it, so that the sigmoid, which the integer model rounds too, is a value of the graph.</summary>
internal sealed class WriteOutSilu : GraphRewriter
{
    public override string Name => "write-out-silu";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        node.Op == "silu" ? [builder.Times(inputs[0], builder.Unary("sigmoid", inputs[0]))] : base.Rewrite(graph, node, inputs, builder);
}
