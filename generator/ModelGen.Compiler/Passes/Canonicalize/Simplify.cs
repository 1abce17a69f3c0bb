using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Removes what changes nothing: times or divided by 1, plus or minus 0, permutations and reshapes to the same, and runs of reshapes.</summary>
internal sealed class Simplify : GraphRewriter
{
    public override string Name => "simplify";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        double? Constant(int operand) => builder.Nodes.FirstOrDefault(earlier => earlier.Outputs.Contains(inputs[operand])) is { Op: "constant" } constant ? constant.Attributes.Double("value") : null;
        bool SameType(int operand) => builder.TypeOf(inputs[operand]).Equals(graph.TypeOf(node.Outputs[0]));
        switch (node.Op)
        {
            case "mul" or "div" when SameType(0) && Constant(1) == 1:
            case "add" or "sub" when SameType(0) && Constant(1) == 0:
            case "reshape" or "expand" or "cast" when SameType(0):
            case "permute" when node.Attributes.Ints("order").Select(static (axis, index) => axis == index).All(static same => same):
                return [inputs[0]];
            case "mul" when SameType(1) && Constant(0) == 1:
            case "add" when SameType(1) && Constant(0) == 0:
                return [inputs[1]];
            case "reshape" when builder.Nodes.FirstOrDefault(earlier => earlier.Outputs.Contains(inputs[0])) is { Op: "reshape" } before:
                return builder.AddNode("reshape", before.Inputs, node.Attributes);
            default:
                return base.Rewrite(graph, node, inputs, builder);
        }
    }
}
