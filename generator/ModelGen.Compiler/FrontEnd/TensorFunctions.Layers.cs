using ModelGen.Compiler.Layers;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>The functional forms of layers.</content>
internal static partial class TensorFunctions
{
    private static void AddLayers(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "F", "linear", static c => c.Graph.Add("linear", [c.Self, c.Tensor("weights"), c.OptionalTensor("bias")]));
        Add(table, "F", "conv1d", static c => Convolution(c, 1));
        Add(table, "F", "conv2d", static c => Convolution(c, 2));
        Add(table, "F", "max_pool2d", static c => Pool(c, "max_pool"));
        Add(table, "F", "avg_pool2d", static c => Pool(c, "avg_pool"));
        Add(table, "F", "adaptive_avg_pool2d", static c => c.Graph.Add("adaptive_avg_pool", [c.Self], ("size", c.Ints(2, [1, 1], "output_size"))));
        Add(table, "F", "dropout", Dropout);
        Add(table, "F", "layer_norm", static c => LayerNorm(c));
        Add(table, "F", "scaled_dot_product_attention", static c =>
            Attention.Apply(c.Graph, c.Tensor("query"), c.Tensor("key"), c.Tensor("value"), c.OptionalTensor("attn_mask"), c.Flag("is_casual"), c.Number("p", 0)));
    }

    private static int Convolution(CallArguments c, int spatial)
    {
        long[] ones = [.. Enumerable.Repeat(1L, spatial)];
        return c.Graph.Add(
            "conv",
            [c.Self, c.Tensor("weight"), c.OptionalTensor("bias")],
            ("stride", c.Ints(spatial, ones, "strides", "stride")),
            ("padding", c.Ints(spatial, new long[spatial], "padding")),
            ("dilation", c.Ints(spatial, ones, "dilation")),
            ("groups", c.Int("groups", 1)));
    }

    private static int Pool(CallArguments c, string op)
    {
        if (c["divisor_override"] is not null)
        {
            throw new UnsupportedException("avg_pool2d: divisor_override is not supported; multiply the result instead");
        }

        long[] kernel = c.Ints(2, [], "kernel_size");
        (string, object)[] shared =
        [
            ("kernel", kernel), ("stride", c.Ints(2, kernel, "stride", "strides")), ("padding", c.Ints(2, [0, 0], "padding")), ("ceil", c.Flag("ceil_mode")),
        ];
        return op == "max_pool"
            ? c.Graph.Add(op, [c.Self], [.. shared, ("dilation", c.Ints(2, [1, 1], "dilation"))])
            : c.Graph.Add(op, [c.Self], [.. shared, ("count_padding", c.Flag("count_include_pad", true))]);
    }

    private static int Dropout(CallArguments c) => c["training"] switch
    {
        // `training` is the module's own flag, or true: dropout in the training step and nothing in inference. A plain false is the identity.
        false => c.Self,
        SymTraining => NotInPlace(c).Graph.Add("dropout", [c.Self], ("p", c.Number("p", 0.5))),
        _ => throw new UnsupportedException("dropout without 'training: training' stays active in evaluation too; pass the module's flag: dropout(x, p, training)"),
    };

    private static int LayerNorm(CallArguments c)
    {
        if (c["weight"] is null || c["bias"] is null)
        {
            throw new UnsupportedException("layer_norm without weight and bias is not supported; use the [LayerNorm] layer");
        }

        return c.Graph.Add("layer_norm", [c.Self, c.Tensor("weight"), c.Tensor("bias")], ("eps", c.Number("eps", 1e-5)));
    }
}

/// <summary>The module's training flag during evaluation: true in the training step and false in inference.</summary>
internal sealed record SymTraining;
