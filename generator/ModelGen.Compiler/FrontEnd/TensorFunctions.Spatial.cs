using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Convolutions, pooling, padding, resampling and normalisation.</content>
internal static partial class TensorFunctions
{
    private static void AddSpatial(Dictionary<string, Func<CallArguments, object?>> table)
    {
        for (int spatial = 1; spatial <= 3; spatial++)
        {
            int d = spatial;
            string suffix = Invariant.Text(d) + "d";
            Add(table, "F", "conv" + suffix, c => SpatialLowering.Convolution(c.Graph, c.Self, c.Tensor("weight"), c.OptionalTensor("bias"), c, d));
            Add(table, "F", "conv_transpose" + suffix, c => SpatialLowering.ConvTranspose(c.Graph, c.Self, c.Tensor("weight"), c.OptionalTensor("bias"), c, d));
            Add(table, "F", "max_pool" + suffix, c => SpatialLowering.Pool(c.Graph, c.Self, c, max: true, d));
            Add(table, "F", "avg_pool" + suffix, c => SpatialLowering.Pool(c.Graph, c.Self, c, max: false, d));
            Add(table, "F", "adaptive_avg_pool" + suffix, c => SpatialLowering.AdaptivePool(c.Graph, c.Self, c, max: false, d));
            Add(table, "F", "adaptive_max_pool" + suffix, c => SpatialLowering.AdaptivePool(c.Graph, c.Self, c, max: true, d));
        }

        foreach (string name in new[] { "dropout1d", "dropout2d", "dropout3d" })
        {
            Add(table, "F", name, static c => Dropout(c, channels: true));
        }

        Add(table, "F", "dropout", static c => Dropout(c, channels: false));
        Add(table, "t", "dropout", static c => Dropout(c, channels: false));
        Add(table, "F", "layer_norm", static c => SpatialLowering.LayerNorm(c.Graph, c.Self, c.Dims("normalized_shape"), c.OptionalTensor("weight"), c.OptionalTensor("bias"), c.Number("eps", 1e-5)));
        Add(table, "F", "group_norm", static c => SpatialLowering.GroupNorm(c.Graph, c.Self, c.Int("num_groups", 1), c.OptionalTensor("weight"), c.OptionalTensor("bias"), c.Number("eps", 1e-5)));
        Add(table, "F", "instance_norm", InstanceNorm);
        Add(table, "F", "batch_norm", BatchNorm);
        Add(table, "F", "local_response_norm", static c => LocalResponseNorm(c.Graph, c.Self, c));
        Add(table, "F", "pad", static c => c.Graph.Add("pad", [c.Self], ("pads", Pads(c.Graph.TypeOf(c.Self), c.Dims("pad"))), ("mode", SpatialLowering.PadMode((c["mode"] as SymEnum)?.Member ?? "Constant")), ("value", c.Number("value", 0))));
        Add(table, "F", "interpolate", static c => SpatialLowering.Resize(c.Graph, c.Self, c, (c["mode"] as SymEnum)?.Member ?? "Nearest"));
        Add(table, "F", "upsample", static c => SpatialLowering.Resize(c.Graph, c.Self, c, (c["mode"] as SymEnum)?.Member ?? "Nearest"));
        Add(table, "F", "upsample_bilinear", static c => SpatialLowering.Resize(c.Graph, c.Self, c, "bilinear"));
        foreach (string name in new[] { "upsample_nearest", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d" })
        {
            Add(table, "F", name, static c => SpatialLowering.Resize(c.Graph, c.Self, c, "nearest"));
        }

        Add(table, "F", "pixel_shuffle", static c => SpatialLowering.PixelShuffle(c.Graph, c.Self, c.Int("upscale_factor", 1)));
        Add(table, "F", "pixel_unshuffle", static c => SpatialLowering.PixelUnshuffle(c.Graph, c.Self, c.Int("downscale_factor", 1)));
        Add(table, "Ft", "channel_shuffle", static c => SpatialLowering.ChannelShuffle(c.Graph, c.Self, c.Int("groups", 1)));
        Add(table, "F", "unfold", static c => Patches(c.Graph, c.Self, c));
        Add(table, "F", "fold", static c => Folded(c.Graph, c.Self, c));
        Add(table, "F", "grid_sample", static c => c.Graph.Add(
            "grid_sample", [c.Self, c.Tensor("grid")], ("mode", (c["mode"] as SymEnum)?.Member ?? "Bilinear"), ("padding", (c["padding_mode"] as SymEnum)?.Member ?? "Zeros"), ("align_corners", c["align_corners"] is true)));
    }

    public static int LocalResponseNorm(GraphBuilder g, int x, Arguments a) => g.Add(
        "local_response_norm", [x], ("size", a.Int("size", 5)), ("alpha", a.Number("alpha", 1e-4)), ("beta", a.Number("beta", 0.75)), ("k", a.Number("k", 1)));

    public static int Patches(GraphBuilder g, int x, Arguments a) => g.Add(
        "unfold_patches", [x], ("kernel", a.Ints(2, [], "kernel_size")), ("stride", a.Ints(2, [1, 1], "stride")), ("padding", a.Ints(2, [0, 0], "padding")), ("dilation", a.Ints(2, [1, 1], "dilation")));

    public static int Folded(GraphBuilder g, int x, Arguments a) => g.Add(
        "fold_patches", [x], ("size", a.Ints(2, [], "output_size")), ("kernel", a.Ints(2, [], "kernel_size")), ("stride", a.Ints(2, [1, 1], "stride")), ("padding", a.Ints(2, [0, 0], "padding")), ("dilation", a.Ints(2, [1, 1], "dilation")));

    private static int Dropout(CallArguments c, bool channels) => c["training"] switch
    {
        // `training` is the module's own flag, or true: dropout in the training step and nothing in inference. A plain false is the identity.
        false => c.Self,
        SymTraining => c.Graph.Add("dropout", [c.Self], channels ? [("p", c.Number("p", 0.5)), ("channels", true)] : [("p", c.Number("p", 0.5))]),
        _ => c.Number("p", 0.5) == 0 ? c.Self : throw new UnsupportedException("dropout without 'training: training' stays active in evaluation too; pass the module's flag: dropout(x, p, training)"),
    };

    private static int InstanceNorm(CallArguments c)
    {
        if (c["running_mean"] is not null)
        {
            throw new UnsupportedException("instance_norm with running statistics is not supported; leave them out");
        }

        return SpatialLowering.GroupNorm(c.Graph, c.Self, c.Graph.TypeOf(c.Self).Shape[1], c.OptionalTensor("weight"), c.OptionalTensor("bias"), c.Number("eps", 1e-5));
    }

    private static int BatchNorm(CallArguments c)
    {
        if (c["running_mean"] is not null && c["training"] is not (null or false))
        {
            throw new UnsupportedException("batch_norm as a function moves its running statistics in training; use the module nn.BatchNorm1d/2d/3d, which the compiler knows");
        }

        return SpatialLowering.BatchNorm(c.Graph, c.Self, name => name == "num_batches_tracked" ? -1 : c.OptionalTensor(name), c.Number("eps", 1e-5), c.Number("momentum", 0.1));
    }

    /// <summary>A single number pads every dimension of an image on both sides.</summary>
    private static long[] Pads(TensorType type, Dim[] pads)
    {
        long[] known = [.. pads.Select(static pad => pad.Constant ?? throw new UnsupportedException("pad: the sizes must be known during the build"))];
        return known.Length == 1 ? [.. Enumerable.Repeat(known[0], 2 * Math.Max(1, type.Rank - 2))] : known;
    }
}
