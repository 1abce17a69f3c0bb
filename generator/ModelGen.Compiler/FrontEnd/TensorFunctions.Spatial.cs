using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Convolutions, pooling, padding and dropout.</content>
internal static partial class TensorFunctions
{
    private static void AddSpatial(Dictionary<string, Func<CallArguments, object?>> table)
    {
        for (int rank = 1; rank <= 3; rank++)
        {
            int spatial = rank;
            string suffix = Invariant.Text(spatial) + "d";
            Add(table, "F", "conv" + suffix, c => Convolution(c, spatial));
            Add(table, "F", $"conv{suffix}_padding", c => Convolution(c, spatial));
            Add(table, "F", "conv_transpose" + suffix, c => TransposedConvolution(c, spatial));
            Add(table, "F", "max_pool" + suffix, c => Pool(c, "max_pool", spatial));
            Add(table, "F", "avg_pool" + suffix, c => Pool(c, "avg_pool", spatial));
            AddAny(table, "F", $"max_pool{suffix}_with_indices", c => Both(c, spatial, "max_pool_indices", MaxPoolSettings(c, spatial)));
            Add(table, "F", "adaptive_avg_pool" + suffix, c => Adaptive(c, "adaptive_avg_pool", spatial));
            Add(table, "F", "dropout" + suffix, c => Dropout(c, "channel_dropout", 0.5));
        }

        foreach (int spatial in new[] { 1, 2 })
        {
            string name = $"adaptive_max_pool{Invariant.Text(spatial)}d";
            Add(table, "F", name, c => Adaptive(c, "adaptive_max_pool", spatial));
            AddAny(table, "F", name + "_with_indices", c => Both(c, spatial, "adaptive_max_pool_indices", OpAttributes.Of(("size", c.Ints(spatial, Same(1, spatial), "output_size")))));
        }

        foreach (string suffix in new[] { "", "_with_indices" })
        {
            AddAny(table, "F", "adaptive_max_pool3d" + suffix, static _ => throw new UnsupportedException("adaptive_max_pool3d is not supported: TorchSharp 0.107 calls the one-dimensional kernel for it, so it fails in the eager model too"));
            for (int rank = 1; rank <= 3; rank++)
            {
                AddAny(table, "F", $"fractional_max_pool{Invariant.Text(rank)}d" + suffix, static _ => throw new UnsupportedException("fractional max pooling is not supported: its windows are random in inference too; use max_pool2d or adaptive_max_pool2d"));
            }
        }

        for (int rank = 1; rank <= 3; rank++)
        {
            AddAny(table, "F", $"max_unpool{Invariant.Text(rank)}d", static _ => throw new UnsupportedException("max_unpool is not supported; use interpolate or conv_transpose2d"));
        }

        Add(table, "F", "lp_pool1d", static c => LpPool(c, 1));
        Add(table, "F", "lp_pool2d", static c => LpPool(c, 2));
        Add(table, "F", "dropout", static c => Dropout(c, "dropout", 0.5));
        Add(table, "F", "alpha_dropout", static c => Dropout(c, "alpha_dropout", 0.5, ("channels", false)));
        Add(table, "F", "feature_alpha_dropout", static c => Dropout(c, "alpha_dropout", 0.5, ("channels", true)));
        Add(table, "F", "unfold", Unfold);
        Add(table, "F", "fold", Fold);
        Add(table, "F", "pad", static c => Pad(c, c["pad"] is Dim all ? Repeated(c, all) : c.Dims("pad"), ModeOf(c["mode"]), c.Number("value", 0)));
        AddNormalizations(table);
        AddResampling(table);
    }

    /// <summary>Runs on a batch of one where the input has no batch dimension.</summary>
    private static int Batched(CallArguments c, int spatial, Func<int, int> function)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        if (type.Rank != spatial + 1)
        {
            return function(c.Self);
        }

        int result = function(c.Graph.Reshape(c.Self, new[] { Dim.One }.Concat(type.Shape).ToEquatableArray()));
        return c.Graph.Reshape(result, c.Graph.TypeOf(result).Shape.Skip(1).ToEquatableArray());
    }

    /// <summary>An operator with two results.</summary>
    private static SymList Both(CallArguments c, int spatial, string op, OpAttributes attributes)
    {
        int indices = -1;
        int values = Batched(c, spatial, x =>
        {
            EquatableArray<int> results = c.Graph.AddNode(op, new[] { x }, attributes);
            indices = results[1];
            return results[0];
        });
        return new SymList([new SymTensor(values), new SymTensor(c.Graph.Reshape(indices, c.Graph.TypeOf(values).Shape))]);
    }

    private static long[] Same(long value, int count) => [.. Enumerable.Repeat(value, count)];

    private static int Convolution(CallArguments c, int spatial)
    {
        int weight = c.Tensor("weight");
        long[] stride = c.Ints(spatial, Same(1, spatial), "strides", "stride");
        long[] dilation = c.Ints(spatial, Same(1, spatial), "dilation");
        long[] kernel = [.. c.Graph.TypeOf(weight).Shape.Skip(2).Select(size => size.Constant ?? throw new UnsupportedException($"conv: the kernel size {size} must be known during the build"))];
        if (kernel.Length != spatial)
        {
            throw new OpException($"conv{Invariant.Text(spatial)}d: the weight {c.Graph.TypeOf(weight).ShapeText()} must have {Invariant.Text(spatial + 2)} dimensions");
        }

        (long[] before, long[] after) = ConvolutionPadding(c, kernel, stride, dilation);
        string mode = ModeOf(c["padding_mode"]);
        bool outside = (mode != "constant" && before.Concat(after).Any(static size => size != 0)) || !before.SequenceEqual(after);
        return Batched(c, spatial, x =>
        {
            int padded = outside ? c.Graph.Add("pad", [x], ("pads", LastFirst(before, after)), ("mode", mode), ("value", 0.0)) : x;
            return c.Graph.Add(
                "conv",
                [padded, weight, c.OptionalTensor("bias")],
                ("stride", stride),
                ("padding", outside ? new long[spatial] : before),
                ("dilation", dilation),
                ("groups", c.Int("groups", 1)));
        });
    }

    private static (long[] Before, long[] After) ConvolutionPadding(CallArguments c, long[] kernel, long[] stride, long[] dilation)
    {
        if (c["padding"] is not SymEnum { Member: string member })
        {
            long[] padding = c.Ints(kernel.Length, new long[kernel.Length], "padding");
            return (padding, padding);
        }

        if (member != "Same")
        {
            return (new long[kernel.Length], new long[kernel.Length]);
        }

        if (stride.Any(static step => step != 1))
        {
            throw new OpException("conv: Padding.Same needs stride 1; give the padding as a number");
        }

        // An odd rest goes to the right, as in PyTorch.
        long[] total = [.. kernel.Select((size, axis) => dilation[axis] * (size - 1))];
        return ([.. total.Select(static sum => sum / 2)], [.. total.Select(static sum => sum - (sum / 2))]);
    }

    private static long[] LastFirst(long[] before, long[] after) =>
        [.. Enumerable.Range(0, before.Length).Reverse().SelectMany(axis => new[] { before[axis], after[axis] })];

    private static int TransposedConvolution(CallArguments c, int spatial)
    {
        if (ModeOf(c["padding_mode"]) != "constant")
        {
            throw new UnsupportedException("conv_transpose: only PaddingModes.Zeros is possible");
        }

        int weight = c.Tensor("weight");
        long[] stride = c.Ints(spatial, Same(1, spatial), "strides", "stride");
        long[] padding = c.Ints(spatial, new long[spatial], "padding");
        long[] dilation = c.Ints(spatial, Same(1, spatial), "dilation");
        return Batched(c, spatial, x => c.Graph.Add(
            "conv_transpose",
            [x, weight, c.OptionalTensor("bias")],
            ("stride", stride),
            ("padding", padding),
            ("output_padding", c["output_size"] is null ? c.Ints(spatial, new long[spatial], "output_padding") : OutputPadding(c, x, weight, stride, padding, dilation)),
            ("dilation", dilation),
            ("groups", c.Int("groups", 1))));
    }

    /// <summary>The output padding that gives the sizes the caller asks for.</summary>
    private static long[] OutputPadding(CallArguments c, int x, int weight, long[] stride, long[] padding, long[] dilation)
    {
        Dim[] wanted = c.Dims("output_size");
        int lead = wanted.Length - stride.Length;
        return lead is 0 or 2
            ? [.. stride.Select((step, axis) =>
            {
                Dim size = c.Graph.TypeOf(x).Shape[axis + 2];
                Dim least = ConvTransposeOp.Size(size, c.Graph.TypeOf(weight).Shape[axis + 2].Constant!.Value, step, padding[axis], 0, dilation[axis]);
                return (wanted[lead + axis] - least).Constant is long rest and >= 0 ? rest
                    : throw new OpException($"conv_transpose: output_size {wanted[lead + axis]} cannot come from {size}: it must be {least} or up to {Invariant.Text(step - 1)} more");
            })]
            : throw new OpException($"conv_transpose: output_size needs {Invariant.Text(stride.Length)} numbers, got {Invariant.Text(wanted.Length)}");
    }

    private static OpAttributes WindowSettings(CallArguments c, int spatial)
    {
        long[] kernel = c.Ints(spatial, [], "kernel_size");
        return kernel.Length == 0
            ? throw new OpException("pooling needs kernel_size")
            : OpAttributes.Of(("kernel", kernel), ("stride", c.Ints(spatial, kernel, "stride", "strides")), ("padding", c.Ints(spatial, new long[spatial], "padding")), ("ceil", c.Flag("ceil_mode")));
    }

    private static OpAttributes MaxPoolSettings(CallArguments c, int spatial) => WindowSettings(c, spatial).With("dilation", c.Ints(spatial, Same(1, spatial), "dilation"));

    private static int Pool(CallArguments c, string op, int spatial)
    {
        OpAttributes attributes = op == "max_pool" ? MaxPoolSettings(c, spatial) : WindowSettings(c, spatial);
        if (op == "max_pool")
        {
            return Batched(c, spatial, x => c.Graph.AddNode(op, new[] { x }, attributes)[0]);
        }

        if (c["divisor_override"] is null)
        {
            return Batched(c, spatial, x => c.Graph.AddNode(op, new[] { x }, attributes.With("count_padding", c.Flag("count_include_pad", true)))[0]);
        }

        if (attributes.Bool("ceil"))
        {
            throw new UnsupportedException("avg_pool: divisor_override together with ceil_mode is not supported; leave one of them out");
        }

        // Without ceil_mode every window has its full size, padding included.
        double window = attributes.Ints("kernel").Aggregate(1.0, static (product, size) => product * size);
        return Batched(c, spatial, x => c.Graph.Times(c.Graph.AddNode(op, new[] { x }, attributes.With("count_padding", true))[0], window / c.Int("divisor_override", 1)));
    }

    private static int Adaptive(CallArguments c, string op, int spatial) =>
        Batched(c, spatial, x => c.Graph.Add(op, [x], ("size", c.Ints(spatial, Same(1, spatial), "output_size"))));

    private static int LpPool(CallArguments c, int spatial)
    {
        OpAttributes window = WindowSettings(c, spatial);
        return Batched(c, spatial, x => c.Graph.Add(
            "lp_pool", [x], ("norm", c.Number("norm_type")), ("kernel", window.Ints("kernel")), ("stride", window.Ints("stride")), ("ceil", window.Bool("ceil"))));
    }

    private static int Dropout(CallArguments c, string op, double usual, params (string, object)[] attributes) => c["training"] switch
    {
        // `training` is the module's own flag: dropout in the training step and nothing in inference. A plain false is the identity, a plain true stays active in inference.
        false => c.Self,
        SymTraining => c.Graph.Add(op, [c.Self], [("p", c.Number("p", usual)), .. attributes]),
        null when op == "alpha_dropout" => c.Self,
        _ => c.Graph.Add(op, [c.Self], [("p", c.Number("p", usual)), ("always", true), .. attributes]),
    };

    private static int Unfold(CallArguments c)
    {
        (string, object)[] settings = FoldSettings(c);
        return Batched(c, 2, x => c.Graph.Add("unfold", [x], settings));
    }

    private static int Fold(CallArguments c)
    {
        (string, object)[] settings = [("size", c.Ints(2, [], "output_size")), .. FoldSettings(c)];
        return Batched(c, 1, x => c.Graph.Add("fold", [x], settings));
    }

    private static (string, object)[] FoldSettings(CallArguments c) =>
    [
        ("kernel", c.Ints(2, [1, 1], "kernel_size")), ("dilation", c.Ints(2, [1, 1], "dilation")), ("padding", c.Ints(2, [0, 0], "padding")), ("stride", c.Ints(2, [1, 1], "stride")),
    ];

    /// <summary>One number pads every dimension, the batch included: that is what TorchSharp's <c>pad(x, 1)</c> does.</summary>
    private static Dim[] Repeated(CallArguments c, Dim all) => [.. Enumerable.Repeat(all, 2 * c.Graph.TypeOf(c.Self).Rank)];

    private static string ModeOf(object? mode) => mode switch
    {
        null or SymEnum { Member: "Zeros" or "Constant" } => "constant",
        SymEnum { Member: "Reflect" } => "reflect",
        SymEnum { Member: "Replicate" } => "replicate",
        SymEnum { Member: "Circular" } => "circular",
        _ => throw new UnsupportedException("the padding mode must be a member of PaddingModes, written as a constant"),
    };

    private static int Pad(CallArguments c, Dim[] pads, string mode, double value)
    {
        long[] known = [.. pads.Select(static size => size.Constant ?? throw new UnsupportedException($"pad: the padding {size} must be known during the build"))];
        return known.All(static size => size == 0) ? c.Self : c.Graph.Add("pad", [c.Self], ("pads", known), ("mode", mode), ("value", value));
    }
}
