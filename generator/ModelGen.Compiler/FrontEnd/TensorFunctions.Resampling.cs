using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Resampling and moves between channels and space.</content>
internal static partial class TensorFunctions
{
    private static void AddResampling(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "F", "interpolate", static c => Interpolate(c, ResizeModeOf(c["mode"])));
        Add(table, "F", "upsample", static c => Interpolate(c, ResizeModeOf(c["mode"])));
        Add(table, "F", "upsample_bilinear", static c => Interpolate(c, "linear"));
        Add(table, "F", "upsample_nearest", static c => Interpolate(c, "nearest"));
        for (int spatial = 1; spatial <= 3; spatial++)
        {
            Add(table, "F", $"upsample_nearest{Invariant.Text(spatial)}d", static c => Interpolate(c, "nearest"));
        }

        Add(table, "F", "pixel_shuffle", PixelShuffle);
        Add(table, "F", "pixel_unshuffle", PixelUnshuffle);
        Add(table, "Ft", "channel_shuffle", ChannelShuffle);
        Add(table, "F", "grid_sample", static c => c.Graph.Add(
            "grid_sample",
            [c.Self, c.Tensor("grid")],
            ("mode", c["mode"] is SymEnum { Member: "Nearest" } ? "nearest" : "linear"),
            ("padding", c["padding_mode"] switch { SymEnum { Member: "Border" } => "border", SymEnum { Member: "Reflection" } => "reflection", _ => "zeros" }),
            ("align_corners", c.Flag("align_corners"))));
        Add(table, "F", "affine_grid", static c => c.Graph.Add("affine_grid", [c.Tensor("theta")], ("size", c.Dims("size")), ("align_corners", c.Flag("align_corners"))));
    }

    private static string ResizeModeOf(object? mode) => mode switch
    {
        null or SymEnum { Member: "Nearest" } => "nearest",
        SymEnum { Member: "NearestExact" } => "nearest-exact",
        SymEnum { Member: "Linear" or "Bilinear" or "Trilinear" } => "linear",
        SymEnum { Member: "Bicubic" } => "cubic",
        SymEnum { Member: "Area" } => "area",
        _ => throw new UnsupportedException("the interpolation mode must be written as a constant"),
    };

    private static int Interpolate(CallArguments c, string mode)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        int spatial = type.Rank - 2;
        int expected = c["mode"] is SymEnum { Member: string member } ? member switch { "Linear" => 1, "Bilinear" or "Bicubic" => 2, "Trilinear" => 3, _ => spatial } : spatial;
        if (spatial is < 1 or > 3 || spatial != expected)
        {
            throw new OpException($"interpolate: {type.ShapeText()} does not fit the mode; it needs {ConvOp.Layout(Math.Max(1, Math.Min(3, expected)))}");
        }

        if (c.Flag("antialias"))
        {
            throw new UnsupportedException("interpolate: antialias is not supported");
        }

        object? sizes = c.Any("size", "outputSizes", "outputSize");
        double[] scale = Numbers(c.Any("scale_factor", "scaleFactors", "scaleFactor"));
        if ((sizes is null) == (scale.Length == 0))
        {
            throw new OpException("interpolate needs either size or scale_factor");
        }

        if (scale.Length > 0 && scale.Length != spatial)
        {
            throw new OpException($"interpolate: scale_factor needs {Invariant.Text(spatial)} number(s) for {type.ShapeText()}, got {Invariant.Text(scale.Length)}");
        }

        Dim[] size = sizes is null ? [.. scale.Select((factor, axis) => Scaled(type.Shape[axis + 2], factor))] : c.Dims("size", "outputSizes", "outputSize");
        if (mode == "area")
        {
            long[] known = [.. size.Select(static length => length.Constant ?? throw new UnsupportedException($"interpolate: area mode needs a known output size, not {length}"))];
            return c.Graph.Add("adaptive_avg_pool", [c.Self], ("size", known));
        }

        return c.Graph.Add(
            "resize",
            [c.Self],
            ("size", size),
            ("mode", mode),
            ("scale", c.Flag("recompute_scale_factor") ? "" : string.Join(", ", scale.Select(Invariant.Text))),
            ("align_corners", mode is "linear" or "cubic" && c.Flag("align_corners")));
    }

    private static double[] Numbers(object? value) => value switch
    {
        null => [],
        SymList list => [.. list.Items.Select(Number)],
        _ => [Number(value)],
    };

    private static double Number(object? value) => value switch
    {
        double number => number,
        Dim { Constant: long whole } => whole,
        _ => throw new UnsupportedException("scale_factor must be known during the build"),
    };

    /// <summary>A size times a factor, rounded down.</summary>
    private static Dim Scaled(Dim size, double factor)
    {
        if (size.Constant is long known)
        {
            return (long)(known * factor);
        }

        // A factor with a short binary fraction scales a symbolic size exactly.
        const long Parts = 1024;
        return factor > 0 && factor * Parts == Math.Floor(factor * Parts) && factor < 1024
            ? Reduced(size, (long)(factor * Parts), Parts)
            : throw new UnsupportedException($"interpolate: the symbolic size {size} times {Invariant.Text(factor)} is not known during the build; write a number for it in [Shape], or use a factor such as 2, 1.5 or 0.25");
    }

    private static Dim Reduced(Dim size, long numerator, long denominator)
    {
        while (denominator > 1 && numerator % 2 == 0)
        {
            numerator /= 2;
            denominator /= 2;
        }

        return Dim.FloorDivide(size * numerator, denominator);
    }

    private static int PixelShuffle(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long r = c.Int("upscale_factor", 1);
        int lead = type.Rank - 3;
        if (lead < 0 || Dim.DivideExactly(type.Shape[lead], r * r) is not { } channels)
        {
            throw new OpException($"pixel_shuffle needs [..., C, H, W] with C a multiple of {Invariant.Text(r * r)}, got {type.ShapeText()}");
        }

        (Dim height, Dim width) = (type.Shape[lead + 1], type.Shape[lead + 2]);
        Dim[] front = [.. type.Shape.Take(lead)];
        int split = c.Graph.Reshape(c.Self, (Dim[])[.. front, channels, r, r, height, width]);
        int moved = c.Graph.Permute(split, Order(lead, 0, 3, 1, 4, 2));
        return c.Graph.Reshape(moved, (Dim[])[.. front, channels, height * r, width * r]);
    }

    private static int PixelUnshuffle(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long r = c.Int("downscale_factor", 1);
        int lead = type.Rank - 3;
        if (lead < 0 || Dim.DivideExactly(type.Shape[lead + 1], r) is not { } height || Dim.DivideExactly(type.Shape[lead + 2], r) is not { } width)
        {
            throw new OpException($"pixel_unshuffle needs [..., C, H, W] with H and W multiples of {Invariant.Text(r)}, got {type.ShapeText()}");
        }

        Dim[] front = [.. type.Shape.Take(lead)];
        int split = c.Graph.Reshape(c.Self, (Dim[])[.. front, type.Shape[lead], height, r, width, r]);
        int moved = c.Graph.Permute(split, Order(lead, 0, 2, 4, 1, 3));
        return c.Graph.Reshape(moved, (Dim[])[.. front, type.Shape[lead] * (r * r), height, width]);
    }

    private static int ChannelShuffle(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long groups = c.Int("groups", 1);
        if (type.Rank < 3 || Dim.DivideExactly(type.Shape[1], groups) is not { } each)
        {
            throw new OpException($"channel_shuffle needs [N, C, ...] with C a multiple of {Invariant.Text(groups)} groups, got {type.ShapeText()}");
        }

        Dim[] rest = [.. type.Shape.Skip(2)];
        int split = c.Graph.Reshape(c.Self, (Dim[])[type.Shape[0], groups, each, .. rest]);
        long[] order = [0, 2, 1, .. Enumerable.Range(3, rest.Length).Select(static axis => (long)axis)];
        return c.Graph.Reshape(c.Graph.Permute(split, order), type.Shape);
    }

    private static long[] Order(int lead, params long[] axes) => [.. Enumerable.Range(0, lead).Select(static axis => (long)axis), .. axes.Select(axis => axis + lead)];
}
