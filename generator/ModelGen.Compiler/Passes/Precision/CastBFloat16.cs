using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Writes the marks of <see cref="MarkBFloat16"/> as conversions around the operator, for libtorch's operators; kernels convert while they read.</summary>
internal sealed class CastBFloat16 : IGraphPass
{
    public string Name => "cast-bfloat16";

    public Graph Run(Graph graph) => graph.Nodes.Any(static node => node.Attributes.Bool(MarkBFloat16.Mark)) ? new Rewriter().Run(graph) : graph;

    /// <summary>One run: what was converted belongs to the graph that is being written.</summary>
    private sealed class Rewriter : GraphRewriter
    {
        private readonly Dictionary<int, int> weights = [];

        public override string Name => "cast-bfloat16";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            if (!node.Attributes.Bool(MarkBFloat16.Mark))
            {
                return base.Rewrite(graph, node, inputs, builder);
            }

            var operands = new int[inputs.Length];
            for (int i = 0; i < operands.Length; i++)
            {
                operands[i] = inputs[i] < 0 ? -1 : Converted(inputs[i], graph.Values[node.Inputs[i]].Kind == ValueKind.Parameter, builder);
            }

            return [.. builder.AddNode(node.Op, operands, node.Attributes).Select(result => builder.Cast(result, DType.Float32))];
        }

        /// <summary>Weights are converted once for all their readers; what is computed is not kept twice.</summary>
        private int Converted(int value, bool isWeight, GraphBuilder builder)
        {
            if (!isWeight)
            {
                return builder.Cast(value, DType.BFloat16);
            }

            if (!weights.TryGetValue(value, out int converted))
            {
                weights.Add(value, converted = builder.Cast(value, DType.BFloat16));
            }

            return converted;
        }
    }
}
