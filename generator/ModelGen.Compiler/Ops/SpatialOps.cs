using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>Convolutions, pooling, padding, resampling and normalisation: the operators that are the library's own.</summary>
internal static class SpatialOps
{
    public static IReadOnlyList<OpDefinition> All { get; } =
    [
        new LibraryOp("conv_transpose", ConvTransposeType, static c =>
            $"Kernels.ConvTranspose({c[0]}, {c[1]}, {c[2]}, {c.Ints("stride")}, {c.Ints("padding")}, {c.Ints("output_padding")}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Int("groups"))})")
        {
            Kind = FusionKind.Anchor,
            Onnx = static c => c.Node(
                "ConvTranspose",
                c.Has(2) ? [c.Input(0), c.Input(1), c.Input(2)] : [c.Input(0), c.Input(1)],
                OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
                OnnxContext.Ints("pads", c.Attributes.Ints("padding").Concat(c.Attributes.Ints("padding"))),
                OnnxContext.Ints("output_padding", c.Attributes.Ints("output_padding")),
                OnnxContext.Ints("dilations", c.Attributes.Ints("dilation")),
                OnnxContext.Int("group", c.Attributes.Int("groups"))),
            OperationsPerElement = static op => op[1].Shape.Skip(2).Aggregate(op[1].Shape[0] * 2, static (product, dim) => product * dim),
        },
        Pool3d("max_pool3d", "MaxPool"),
        Pool3d("avg_pool3d", "AveragePool"),
        new LibraryOp("adaptive_max_pool", AdaptiveType, static c => $"F.adaptive_max_pool{Invariant.Text(c.Type(0).Rank - 2)}d({c[0]}, {c.Ints("size")})")
        {
            Kind = FusionKind.Reduction,
            NoOnnx = "ONNX has no adaptive pooling; sizes that divide evenly are exported as ordinary pooling",
        },
        new LibraryOp("adaptive_avg_pool3d", AdaptiveType, static c => $"F.adaptive_avg_pool3d({c[0]}, {c.Ints("size")})")
        {
            Kind = FusionKind.Reduction,
            Onnx = static c => c.Node("GlobalAveragePool", [c.Input(0)]),
            OnnxProblem = static op => op.Attributes.Ints("size").All(static size => size == 1) ? null : "adaptive_avg_pool3d has an ONNX form only for an output size of 1",
        },
        new LibraryOp("pad", PadType, static c => $"Kernels.Pad({c[0]}, {c.Ints("pads")}, \"{c.Attributes.String("mode")}\", {Invariant.Text(c.Attributes.Double("value"))})")
        {
            Kind = FusionKind.Injective,
            Onnx = PadOnnx,
        },
        new LibraryOp("resize", ResizeType, static c =>
            $"Kernels.Resize({c[0]}, {CSharpContext.Longs(c.Attributes.Dims("size"))}, \"{c.Attributes.String("mode")}\", {Invariant.Text(c.Attributes.Bool("align_corners"))})")
        {
            Onnx = ResizeOnnx,
            OperationsPerElement = static _ => 8,
        },
        new LibraryOp("local_response_norm", static op => new[] { op[0] }, static c =>
            $"F.local_response_norm({c[0]}, {Invariant.Text(c.Attributes.Int("size"))}, {Number(c, "alpha")}, {Number(c, "beta")}, {Number(c, "k")})")
        {
            Onnx = static c => c.Node(
                "LRN", [c.Input(0)], OnnxContext.Float("alpha", c.Attributes.Double("alpha")), OnnxContext.Float("beta", c.Attributes.Double("beta")), OnnxContext.Float("bias", c.Attributes.Double("k")), OnnxContext.Int("size", c.Attributes.Int("size"))),
            OperationsPerElement = static op => op.Attributes.Int("size") + 4,
        },
        new LibraryOp("unfold_patches", UnfoldType, static c => $"F.unfold({c[0]}, {Pair(c, "kernel")}, {Pair(c, "dilation")}, {Pair(c, "padding")}, {Pair(c, "stride")})")
        {
            NoOnnx = "ONNX Runtime has no operator that cuts an image into patches; use a convolution instead",
        },
        new LibraryOp("fold_patches", FoldType, static c => $"F.fold({c[0]}, {Pair(c, "size")}, {Pair(c, "kernel")}, {Pair(c, "dilation")}, {Pair(c, "padding")}, {Pair(c, "stride")})")
        {
            NoOnnx = "its ONNX form (Col2Im) is not in ONNX Runtime for all sizes; use a transposed convolution instead",
        },
        new LibraryOp("grid_sample", GridType, static c =>
            $"F.grid_sample({c[0]}, {c[1]}, GridSampleMode.{c.Attributes.String("mode")}, GridSamplePaddingMode.{c.Attributes.String("padding")}, {Invariant.Text(c.Attributes.Bool("align_corners"))})")
        {
            Onnx = static c => c.Node(
                "GridSample",
                [c.Input(0), c.Input(1)],
                OnnxContext.Text("mode", c.Attributes.String("mode") == "Nearest" ? "nearest" : "linear"),
                OnnxContext.Text("padding_mode", c.Attributes.String("padding").ToLowerInvariant()),
                OnnxContext.Int("align_corners", c.Attributes.Bool("align_corners") ? 1 : 0)),
        },
    ];

    private static string Number(CSharpContext c, string name) => Invariant.Text(c.Attributes.Double(name));

    private static string Pair(CSharpContext c, string name) => "(" + string.Join(", ", c.Attributes.Ints(name).Select(Invariant.Text)) + ")";

    private static EquatableArray<TensorType> ConvTransposeType(OpContext op)
    {
        (TensorType x, TensorType weight) = (op[0], op[1]);
        int spatial = weight.Rank - 2;
        if (x.Rank != weight.Rank)
        {
            throw new OpException($"a {Invariant.Text(spatial)}-D transposed convolution needs an input with {Invariant.Text(weight.Rank)} dimensions [N, C, ...], got {x.ShapeText()}");
        }

        if (!x.Shape[1].Equals(weight.Shape[0]))
        {
            throw new OpException($"conv_transpose: the input {x.ShapeText()} has {x.Shape[1]} channels but the weight {weight.ShapeText()} takes {weight.Shape[0]}");
        }

        OpAttributes a = op.Attributes;
        var shape = new List<Dim> { x.Shape[0], weight.Shape[1] * a.Int("groups") };
        for (int i = 0; i < spatial; i++)
        {
            shape.Add(((x.Shape[i + 2] - 1) * a.Ints("stride")[i]) - (2 * a.Ints("padding")[i]) + ((weight.Shape[i + 2] - 1) * a.Ints("dilation")[i]) + a.Ints("output_padding")[i] + 1);
        }

        return new[] { x.WithShape(shape) };
    }

    private static LibraryOp Pool3d(string name, string onnx) => new(
        name,
        op =>
        {
            TensorType x = op[0];
            if (x.Rank != 5)
            {
                throw new OpException($"{name} needs [N, C, D, H, W], got {x.ShapeText()}");
            }

            string[] axes = ["depth", "height", "width"];
            OpAttributes a = op.Attributes;
            return new[]
            {
                x.WithShape(
                [
                    x.Shape[0],
                    x.Shape[1],
                    .. Enumerable.Range(0, 3).Select(i => ConvOp.Window(name, x.Shape[i + 2], a.Ints("kernel")[i], a.Ints("stride")[i], a.Ints("padding")[i], name == "max_pool3d" ? a.Ints("dilation")[i] : 1, axes[i], a.Bool("ceil"))),
                ]),
            };
        },
        c => name == "max_pool3d"
            ? $"F.max_pool3d({c[0]}, {c.Ints("kernel")}, {c.Ints("stride")}, {c.Ints("padding")}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})"
            : $"F.avg_pool3d({c[0]}, {c.Ints("kernel")}, {c.Ints("stride")}, {c.Ints("padding")}, {Invariant.Text(c.Attributes.Bool("ceil"))}, {Invariant.Text(c.Attributes.Bool("count_padding"))})")
    {
        Kind = FusionKind.Reduction,
        Onnx = c =>
        {
            long[] pads = c.Attributes.Ints("padding").ToArray();
            c.Node(
                onnx,
                [c.Input(0)],
                [
                    OnnxContext.Ints("kernel_shape", c.Attributes.Ints("kernel")),
                    OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
                    OnnxContext.Ints("pads", [.. pads, .. pads]),
                    OnnxContext.Int("ceil_mode", c.Attributes.Bool("ceil") ? 1 : 0),
                    name == "max_pool3d" ? OnnxContext.Ints("dilations", c.Attributes.Ints("dilation")) : OnnxContext.Int("count_include_pad", c.Attributes.Bool("count_padding") ? 1 : 0),
                ]);
        },
    };

    private static EquatableArray<TensorType> AdaptiveType(OpContext op)
    {
        EquatableArray<long> size = op.Attributes.Ints("size");
        return op[0].Rank == size.Count + 2
            ? new[] { op[0].WithShape([op[0].Shape[0], op[0].Shape[1], .. size.Select(static one => (Dim)one)]) }
            : throw new OpException($"adaptive pooling to {size} needs an input with {Invariant.Text(size.Count + 2)} dimensions, got {op[0].ShapeText()}");
    }

    /// <summary>Pads come as PyTorch gives them: pairs from the last dimension on.</summary>
    private static EquatableArray<TensorType> PadType(OpContext op)
    {
        TensorType x = op[0];
        EquatableArray<long> pads = op.Attributes.Ints("pads");
        if (pads.Count % 2 != 0 || pads.Count > x.Rank * 2)
        {
            throw new OpException($"pad: {pads} does not fit {x.ShapeText()}; give two numbers per dimension, the last dimension first");
        }

        Dim[] shape = [.. x.Shape];
        for (int i = 0; i < pads.Count / 2; i++)
        {
            int axis = x.Rank - 1 - i;
            shape[axis] = shape[axis] + pads[2 * i] + pads[(2 * i) + 1];
            if (shape[axis].Constant < 0 || (op.Attributes.String("mode") == "reflect" && x.Shape[axis].Constant is long size && (pads[2 * i] >= size || pads[(2 * i) + 1] >= size)))
            {
                throw new OpException($"pad: {pads} does not fit dimension {Invariant.Text(axis)} of {x.ShapeText()}; reflection needs pads smaller than the size");
            }
        }

        return new[] { x.WithShape(shape) };
    }

    private static void PadOnnx(OnnxContext c)
    {
        int rank = c.Type(0).Rank;
        EquatableArray<long> pads = c.Attributes.Ints("pads");
        long[] before = new long[rank];
        long[] after = new long[rank];
        for (int i = 0; i < pads.Count / 2; i++)
        {
            before[rank - 1 - i] = pads[2 * i];
            after[rank - 1 - i] = pads[(2 * i) + 1];
        }

        string mode = c.Attributes.String("mode") switch { "replicate" => "edge", "circular" => "wrap", string same => same };
        string list = c.Longs([.. before.Concat(after).Select(Invariant.Text)]);
        c.Node("Pad", mode == "constant" ? [c.Input(0), list, c.Scalar(c.Attributes.Double("value"))] : [c.Input(0), list], OnnxContext.Text("mode", mode));
    }

    private static EquatableArray<TensorType> ResizeType(OpContext op)
    {
        EquatableArray<Dim> size = op.Attributes.Dims("size");
        int spatial = op.Attributes.String("mode") switch { "linear" => 1, "bilinear" or "bicubic" or "area" => 2, "trilinear" => 3, _ => size.Count };
        return op[0].Rank == size.Count + 2 && size.Count == spatial
            ? new[] { op[0].WithShape([op[0].Shape[0], op[0].Shape[1], .. size]) }
            : throw new OpException($"interpolate in mode {op.Attributes.String("mode")} to {size} does not fit the input {op[0].ShapeText()}");
    }

    private static void ResizeOnnx(OnnxContext c)
    {
        string mode = c.Attributes.String("mode");
        bool nearest = mode == "nearest";
        string coordinates = nearest ? "asymmetric" : c.Attributes.Bool("align_corners") ? "align_corners" : "half_pixel";
        List<string> attributes = [OnnxContext.Text("mode", nearest ? "nearest" : mode == "bicubic" ? "cubic" : "linear"), OnnxContext.Text("coordinate_transformation_mode", coordinates)];
        if (nearest)
        {
            attributes.Add(OnnxContext.Text("nearest_mode", "floor"));
        }

        if (mode == "bicubic")
        {
            attributes.Add(OnnxContext.Float("cubic_coeff_a", -0.75));
        }

        c.Node("Resize", [c.Input(0), "\"\"", "\"\"", c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])], [.. attributes]);
    }

    private static EquatableArray<TensorType> UnfoldType(OpContext op)
    {
        TensorType x = op[0];
        OpAttributes a = op.Attributes;
        if (x.Rank != 4)
        {
            throw new OpException($"unfold needs [N, C, H, W], got {x.ShapeText()}");
        }

        Dim patches = Enumerable.Range(0, 2).Aggregate(Dim.One, (product, i) => product * ConvOp.Window("unfold", x.Shape[i + 2], a.Ints("kernel")[i], a.Ints("stride")[i], a.Ints("padding")[i], a.Ints("dilation")[i], i == 0 ? "height" : "width"));
        return new[] { x.WithShape([x.Shape[0], x.Shape[1] * (a.Ints("kernel")[0] * a.Ints("kernel")[1]), patches]) };
    }

    private static EquatableArray<TensorType> FoldType(OpContext op)
    {
        TensorType x = op[0];
        EquatableArray<long> kernel = op.Attributes.Ints("kernel");
        EquatableArray<long> size = op.Attributes.Ints("size");
        return x.Rank == 3 && Dim.DivideExactly(x.Shape[1], kernel[0] * kernel[1]) is { } channels
            ? new[] { x.WithShape([x.Shape[0], channels, size[0], size[1]]) }
            : throw new OpException($"fold needs [N, C * {Invariant.Text(kernel[0] * kernel[1])}, patches], got {x.ShapeText()}");
    }

    private static EquatableArray<TensorType> GridType(OpContext op) => op[0].Rank == 4 && op[1].Rank == 4 && op[1].Shape[3].Constant == 2
        ? new[] { op[0].WithShape([op[0].Shape[0], op[0].Shape[1], op[1].Shape[1], op[1].Shape[2]]) }
        : throw new OpException($"grid_sample needs an image [N, C, H, W] and a grid [N, h, w, 2], got {op[0].ShapeText()} and {op[1].ShapeText()}");
}
