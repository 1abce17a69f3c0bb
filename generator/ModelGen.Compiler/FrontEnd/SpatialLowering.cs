using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>What spatial functions and layers write into the graph; both forms of an operation share one lowering.</summary>
internal static class SpatialLowering
{
    /// <summary>A tensor of ones, for normalisations without a weight.</summary>
    public static int Filled(GraphBuilder g, double value, DType type, params Dim[] shape) => g.Add("expand", [g.Constant(value, type)], ("shape", shape));

    /// <summary>Runs a 2-D operator on a 1-D signal: <c>[N, C, L]</c> as <c>[N, C, 1, L]</c>.</summary>
    public static int AsImage(GraphBuilder g, int x, Func<int, int> operation)
    {
        EquatableArray<Dim> shape = g.TypeOf(x).Shape;
        if (shape.Count != 3)
        {
            throw new OpException($"1-D pooling needs [N, C, L], got {g.TypeOf(x).ShapeText()}");
        }

        int result = operation(g.Reshape(x, new[] { shape[0], shape[1], 1, shape[2] }));
        EquatableArray<Dim> pooled = g.TypeOf(result).Shape;
        return g.Reshape(result, new[] { pooled[0], pooled[1], pooled[3] });
    }

    public static int Convolution(GraphBuilder g, int x, int weight, int bias, Arguments a, int spatial)
    {
        // PyTorch takes images without a batch too.
        if (g.TypeOf(x).Rank == spatial + 1)
        {
            int single = Convolution(g, g.Reshape(x, g.TypeOf(x).Shape.Prepend(Dim.One).ToEquatableArray()), weight, bias, a, spatial);
            return g.Reshape(single, g.TypeOf(single).Shape.Skip(1).ToEquatableArray());
        }

        long[] ones = [.. Enumerable.Repeat(1L, spatial)];
        long[] stride = a.Ints(spatial, ones, "stride", "strides");
        long[] dilation = a.Ints(spatial, ones, "dilation");
        EquatableArray<Dim> shape = g.TypeOf(weight).Shape;
        long[] kernel = [.. shape.Skip(2).Select(static size => size.Constant!.Value)];
        long[] padding = a["padding"] switch
        {
            SymEnum { Member: "Valid" } => new long[spatial],
            SymEnum { Member: "Same" } => Same(kernel, stride, dilation),
            _ => a.Ints(spatial, new long[spatial], "padding"),
        };
        string mode = a["padding_mode"] is SymEnum { Member: string member } ? member : "Zeros";
        if (mode != "Zeros" && padding.Any(static pad => pad > 0))
        {
            x = g.Add("pad", [x], ("pads", padding.Reverse().SelectMany(static pad => new[] { pad, pad }).ToArray()), ("mode", PadMode(mode)), ("value", 0.0));
            padding = new long[spatial];
        }

        if (a["padding"] is SymEnum { Member: "Same" } && kernel.Select((size, axis) => dilation[axis] * (size - 1)).Any(static total => total % 2 != 0))
        {
            // An even kernel pads one more on the right, as PyTorch does.
            long[] pads = [.. kernel.Select((size, axis) => dilation[axis] * (size - 1)).Reverse().SelectMany(static total => new[] { total / 2, total - (total / 2) })];
            x = g.Add("pad", [x], ("pads", pads), ("mode", "constant"), ("value", 0.0));
            padding = new long[spatial];
        }

        return g.Add("conv", [x, weight, bias], ("stride", stride), ("padding", padding), ("dilation", dilation), ("groups", a.Int("groups", 1)));
    }

    public static int ConvTranspose(GraphBuilder g, int x, int weight, int bias, Arguments a, int spatial)
    {
        long[] ones = [.. Enumerable.Repeat(1L, spatial)];
        if (a["padding_mode"] is SymEnum { Member: not "Zeros" } mode)
        {
            throw new UnsupportedException($"a transposed convolution pads with zeros only, not {mode.Member}");
        }

        return g.Add(
            "conv_transpose",
            [x, weight, bias],
            ("stride", a.Ints(spatial, ones, "stride", "strides")),
            ("padding", a.Ints(spatial, new long[spatial], "padding")),
            ("output_padding", a.Ints(spatial, new long[spatial], "output_padding")),
            ("dilation", a.Ints(spatial, ones, "dilation")),
            ("groups", a.Int("groups", 1)));
    }

    public static int Pool(GraphBuilder g, int x, Arguments a, bool max, int spatial)
    {
        if (a["divisor_override"] is not null)
        {
            throw new UnsupportedException("divisor_override is not supported; multiply the result instead");
        }

        if (g.TypeOf(x).Rank == spatial + 1)
        {
            int single = Pool(g, g.Reshape(x, g.TypeOf(x).Shape.Prepend(Dim.One).ToEquatableArray()), a, max, spatial);
            return g.Reshape(single, g.TypeOf(single).Shape.Skip(1).ToEquatableArray());
        }

        long[] kernel = a.Ints(spatial, [], "kernel_size");
        long[] stride = a.Ints(spatial, kernel, "stride", "strides");
        long[] padding = a.Ints(spatial, new long[spatial], "padding");
        long[] dilation = a.Ints(spatial, [.. Enumerable.Repeat(1L, spatial)], "dilation");
        if (spatial == 1)
        {
            return AsImage(g, x, image => Pooled(image, [1, .. kernel], [1, .. stride], [0, .. padding], [1, .. dilation]));
        }

        return Pooled(x, kernel, stride, padding, dilation);

        int Pooled(int image, long[] k, long[] s, long[] p, long[] d)
        {
            string op = (max ? "max_pool" : "avg_pool") + (spatial == 3 ? "3d" : "");
            (string, object)[] shared = [("kernel", k), ("stride", s), ("padding", p), ("ceil", a.Flag("ceil_mode"))];
            return max ? g.Add(op, [image], [.. shared, ("dilation", d)]) : g.Add(op, [image], [.. shared, ("count_padding", a.Flag("count_include_pad", true))]);
        }
    }

    public static int AdaptivePool(GraphBuilder g, int x, Arguments a, bool max, int spatial)
    {
        if (g.TypeOf(x).Rank == spatial + 1)
        {
            int single = AdaptivePool(g, g.Reshape(x, g.TypeOf(x).Shape.Prepend(Dim.One).ToEquatableArray()), a, max, spatial);
            return g.Reshape(single, g.TypeOf(single).Shape.Skip(1).ToEquatableArray());
        }

        long[] size = a.Ints(spatial, [], "output_size");
        if (spatial == 1)
        {
            return AsImage(g, x, image => Adapted(image, [1, .. size]));
        }

        return Adapted(x, size);

        int Adapted(int image, long[] to)
        {
            Dim[] from = [.. g.TypeOf(image).Shape.Skip(2)];
            if (max && from.Length == 2 && from.Select((dim, axis) => dim.Constant is long known && known % to[axis] == 0).All(static even => even))
            {
                long[] kernel = [.. from.Select((dim, axis) => dim.Constant!.Value / to[axis])];
                return g.Add("max_pool", [image], ("kernel", kernel), ("stride", kernel), ("padding", new long[2]), ("dilation", new long[] { 1, 1 }), ("ceil", false));
            }

            return g.Add(max ? "adaptive_max_pool" : spatial == 3 ? "adaptive_avg_pool3d" : "adaptive_avg_pool", [image], ("size", to));
        }
    }

    public static string PadMode(string mode) => mode switch { "Reflect" => "reflect", "Replicate" => "replicate", "Circular" => "circular", _ => "constant" };

    public static int Resize(GraphBuilder g, int x, Arguments a, string mode)
    {
        TensorType type = g.TypeOf(x);
        int spatial = type.Rank - 2;
        mode = mode.ToLowerInvariant();
        bool align = a["align_corners"] is true;
        if (mode is not ("nearest" or "linear" or "bilinear" or "bicubic" or "trilinear" or "area") || a.Flag("antialias"))
        {
            throw new UnsupportedException($"interpolate in mode {mode}{(a.Flag("antialias") ? " with antialias" : "")} is not supported");
        }

        Dim[] size;
        if (a.Any("size", "outputSizes", "outputSize") is { } given)
        {
            Dim[] dims = a.Dims("size", "outputSizes", "outputSize");
            size = dims.Length == spatial ? dims : dims.Length == 1 ? [.. Enumerable.Repeat(dims[0], spatial)] : throw new OpException($"interpolate: {Invariant.Text(dims.Length)} sizes do not fit the input {type.ShapeText()}");
        }
        else
        {
            double[] scales = a.Any("scale_factor", "scaleFactors", "scaleFactor") switch
            {
                SymList list => [.. list.Items.Select(static item => item is double number ? number : item is Dim { Constant: long whole } ? whole : throw new UnsupportedException("scale_factor must be known during the build"))],
                double one => [one],
                Dim { Constant: long one } => [one],
                _ => throw new OpException("interpolate needs size or scale_factor"),
            };
            scales = scales.Length == 1 ? [.. Enumerable.Repeat(scales[0], spatial)] : scales;
            size = [.. scales.Select((scale, axis) => Scaled(type.Shape[axis + 2], scale))];
        }

        if (mode == "area")
        {
            return g.Add("adaptive_avg_pool", [x], ("size", size.Select(static dim => dim.Constant ?? throw new UnsupportedException("area interpolation needs a known size")).ToArray()));
        }

        return g.Add("resize", [x], ("size", size), ("mode", mode), ("align_corners", align));
    }

    public static int PixelShuffle(GraphBuilder g, int x, long factor)
    {
        EquatableArray<Dim> s = g.TypeOf(x).Shape;
        if (s.Count != 4 || Dim.DivideExactly(s[1], factor * factor) is not { } channels)
        {
            throw new OpException($"pixel_shuffle by {Invariant.Text(factor)} needs [N, C * {Invariant.Text(factor * factor)}, H, W], got {g.TypeOf(x).ShapeText()}");
        }

        int split = g.Reshape(x, new Dim[] { s[0], channels, factor, factor, s[2], s[3] });
        return g.Reshape(g.Permute(split, 0, 1, 4, 2, 5, 3), new[] { s[0], channels, s[2] * factor, s[3] * factor });
    }

    public static int PixelUnshuffle(GraphBuilder g, int x, long factor)
    {
        EquatableArray<Dim> s = g.TypeOf(x).Shape;
        if (s.Count != 4 || Dim.DivideExactly(s[2], factor) is not { } height || Dim.DivideExactly(s[3], factor) is not { } width)
        {
            throw new OpException($"pixel_unshuffle by {Invariant.Text(factor)} needs [N, C, H, W] with sizes that it divides, got {g.TypeOf(x).ShapeText()}");
        }

        int split = g.Reshape(x, new[] { s[0], s[1], height, factor, width, factor });
        return g.Reshape(g.Permute(split, 0, 1, 3, 5, 2, 4), new[] { s[0], s[1] * (factor * factor), height, width });
    }

    public static int ChannelShuffle(GraphBuilder g, int x, long groups)
    {
        EquatableArray<Dim> s = g.TypeOf(x).Shape;
        if (s.Count < 3 || Dim.DivideExactly(s[1], groups) is not { } each)
        {
            throw new OpException($"channel_shuffle into {Invariant.Text(groups)} groups does not fit {g.TypeOf(x).ShapeText()}");
        }

        Dim[] rest = [.. s.Skip(2)];
        int split = g.Reshape(x, new[] { s[0], groups, each }.Concat(rest).ToEquatableArray());
        long[] order = [0, 2, 1, .. Enumerable.Range(3, rest.Length).Select(static axis => (long)axis)];
        return g.Reshape(g.Permute(split, order), s);
    }

    /// <summary>Normalisation over groups of channels: (x - mean) / sqrt(var + eps), then weight and bias per channel (Wu and He, arXiv:1803.08494).</summary>
    public static int GroupNorm(GraphBuilder g, int x, Dim groups, int weight, int bias, double eps)
    {
        TensorType type = g.TypeOf(x);
        OpContext.RequireFloat("group_norm", type);
        if (type.Rank < 2 || Dim.DivideExactly(type.Shape[1], groups) is null)
        {
            throw new OpException($"group_norm into {groups} groups needs [N, C, ...] with a number of channels that it divides, got {type.ShapeText()}");
        }

        Dim each = type.Shape.Skip(1).Aggregate(Dim.One, static (product, dim) => product * dim);
        int grouped = g.Reshape(x, new[] { type.Shape[0], groups, Dim.DivideExactly(each, groups)! });
        int normal = Standardized(g, grouped, [2], eps);
        return Affine(g, g.Reshape(normal, type.Shape), weight, bias);
    }

    /// <summary>(x - mean) / sqrt(var + eps) over axes, with the biased variance.</summary>
    public static int Standardized(GraphBuilder g, int x, long[] axes, double eps)
    {
        int centred = g.Minus(x, g.Add("mean", [x], ("axes", axes), ("keep", true)));
        int variance = g.Add("mean", [g.Unary("square", centred)], ("axes", axes), ("keep", true));
        return g.Times(centred, g.Unary("rsqrt", g.Plus(variance, eps)));
    }

    public static int LayerNorm(GraphBuilder g, int x, Dim[] shape, int weight, int bias, double eps)
    {
        DType type = g.TypeOf(x).DType;
        weight = weight < 0 ? Filled(g, 1, type, shape) : weight;
        bias = bias < 0 ? Filled(g, 0, type, shape) : bias;
        return g.Add("layer_norm", [x, weight, bias], ("eps", eps));
    }

    /// <summary>Batch normalisation; without running statistics the batch's own are used in inference too.</summary>
    public static int BatchNorm(GraphBuilder g, int x, Func<string, int> tensor, double eps, double momentum)
    {
        TensorType type = g.TypeOf(x);
        if (type.Rank < 2)
        {
            throw new OpException($"batch_norm needs [N, C, ...], got {type.ShapeText()}");
        }

        Dim channels = type.Shape[1];
        (int weight, int bias, int mean) = (tensor("weight"), tensor("bias"), tensor("running_mean"));
        if (mean < 0)
        {
            long[] axes = [0, .. Enumerable.Range(2, type.Rank - 2).Select(static axis => (long)axis)];
            return Affine(g, Standardized(g, x, axes, eps), weight, bias);
        }

        weight = weight < 0 ? Filled(g, 1, type.DType, channels) : weight;
        bias = bias < 0 ? Filled(g, 0, type.DType, channels) : bias;
        return g.Add("batch_norm", [x, weight, bias, mean, tensor("running_var"), tensor("num_batches_tracked")], ("eps", eps), ("momentum", momentum));
    }

    /// <summary>Scale and shift per channel.</summary>
    private static int Affine(GraphBuilder g, int x, int weight, int bias)
    {
        EquatableArray<Dim> PerChannel(int value) => g.TypeOf(x).Shape.Select((_, axis) => axis == 1 ? g.TypeOf(value).Shape[0] : Dim.One).ToEquatableArray();
        x = weight < 0 ? x : g.Times(x, g.Reshape(weight, PerChannel(weight)));
        return bias < 0 ? x : g.Plus(x, g.Reshape(bias, PerChannel(bias)));
    }

    private static long[] Same(long[] kernel, long[] stride, long[] dilation) =>
        stride.Any(static step => step != 1)
            ? throw new OpException("padding Same needs stride 1")
            : [.. kernel.Select((size, axis) => dilation[axis] * (size - 1) / 2)];

    /// <summary>The size after scaling. PyTorch samples with the factor itself, which agrees with the sizes only when the product is whole.</summary>
    private static Dim Scaled(Dim size, double scale)
    {
        if (scale == Math.Floor(scale) && scale >= 1)
        {
            return size * (long)scale;
        }

        double inverse = 1 / scale;
        if (Math.Abs(inverse - Math.Round(inverse)) < 1e-9 && Dim.DivideExactly(size, (long)Math.Round(inverse)) is { } divided)
        {
            return divided;
        }

        double product = (size.Constant ?? throw new UnsupportedException($"scale_factor {Invariant.Text(scale)} of the symbolic size {size} is not supported; give that size as a number in [Shape]")) * scale;
        return Math.Abs(product - Math.Round(product)) < 1e-6
            ? (Dim)(long)Math.Round(product)
            : throw new UnsupportedException($"scale_factor {Invariant.Text(scale)} does not give a whole size for {size}; give the output size instead");
    }
}
