namespace ModelGen.Compiler.Tests.Ops;

/// <content>Convolutions, pooling, padding, resampling, normalisation.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Spatial() => [.. SpatialWindows(), .. SpatialResampling(), .. SpatialNorms()];

    private static IEnumerable<GradientCase> SpatialWindows()
    {
        (string, object) Same(string name, int spatial, long value) => (name, Enumerable.Repeat(value, spatial).ToArray());
        (string, object)[] Window(int spatial, long kernel, long stride, long padding, bool ceil) => [Same("kernel", spatial, kernel), Same("stride", spatial, stride), Same("padding", spatial, padding), ("ceil", ceil)];
        (string, object)[] Convolution(int spatial, long stride, long padding, long dilation, long groups) =>
            [Same("stride", spatial, stride), Same("padding", spatial, padding), Same("dilation", spatial, dilation), ("groups", groups)];
        yield return new("conv", [F(1, 2, 4, 4, 3), F(2, 1, 2, 3, 2), F(2)], Convolution(3, 1, 1, 1, 2));
        yield return new("conv_transpose", [F(2, 3, 5), F(3, 2, 3), F(2)], [.. Convolution(1, 2, 1, 1, 1), Same("output_padding", 1, 1)]);
        yield return new("conv_transpose", [F(1, 4, 3, 4), F(4, 1, 2, 3)], [.. Convolution(2, 2, 0, 1, 2), Same("output_padding", 2, 0)]);
        yield return new("conv_transpose", [F(1, 2, 2, 2, 3), F(2, 2, 2, 2, 2), F(2)], [.. Convolution(3, 1, 0, 1, 1), Same("output_padding", 3, 0)]);
        yield return new("max_pool", [F(2, 2, 7)], [.. Window(1, 3, 2, 1, true), Same("dilation", 1, 1)]);
        yield return new("max_pool", [F(1, 2, 4, 4, 5)], [.. Window(3, 2, 2, 0, false), Same("dilation", 3, 1)]);
        yield return new("max_pool_indices", [F(1, 2, 5, 6)], [.. Window(2, 2, 2, 0, false), Same("dilation", 2, 1)]);
        yield return new("avg_pool", [F(2, 2, 7)], [.. Window(1, 3, 2, 1, false), ("count_padding", false)]);
        yield return new("avg_pool", [F(1, 2, 4, 4, 5)], [.. Window(3, 2, 2, 0, true), ("count_padding", true)]);
        yield return new("adaptive_avg_pool", [F(2, 2, 7)], Same("size", 1, 3));
        yield return new("adaptive_avg_pool", [F(1, 2, 4, 5, 3)], Same("size", 3, 2));
        foreach (int spatial in new[] { 1, 2 })
        {
            yield return new("adaptive_max_pool", [F([2, 2, .. Enumerable.Repeat(5L, spatial)])], Same("size", spatial, 2));
        }

        yield return new("adaptive_max_pool_indices", [F(2, 2, 5, 4)], Same("size", 2, 2));
        yield return new("lp_pool", [P(2, 2, 7)], ("norm", 2.0), Same("kernel", 1, 3), Same("stride", 1, 2), ("ceil", false));
        yield return new("lp_pool", [P(1, 2, 5, 6)], ("norm", 3.0), Same("kernel", 2, 2), Same("stride", 2, 2), ("ceil", false));
        (string, object)[] fold = [("kernel", new long[] { 2, 3 }), ("dilation", new long[] { 1, 1 }), ("padding", new long[] { 0, 1 }), ("stride", new long[] { 1, 2 })];
        yield return new("unfold", [F(2, 2, 4, 5)], fold);
        yield return new("fold", [F(2, 12, 9)], [("size", new long[] { 4, 5 }), .. fold]);
    }

    private static IEnumerable<GradientCase> SpatialResampling()
    {
        foreach (string mode in new[] { "constant", "reflect", "replicate", "circular" })
        {
            yield return new("pad", [F(1, 2, 4, 5)], ("pads", new long[] { 1, 2, 0, 1 }), ("mode", mode), ("value", 0.0));
        }

        yield return new("pad", [F(3, 4)], ("pads", new long[] { -1, 2 }), ("mode", "constant"), ("value", 1.5));
        foreach (string mode in new[] { "nearest", "nearest-exact", "linear", "cubic" })
        {
            yield return new("resize", [F(1, 2, 3, 4)], ("size", Dims(5, 7)), ("mode", mode), ("scale", ""), ("align_corners", false));
        }

        yield return new("resize", [F(2, 2, 4)], ("size", Dims(6)), ("mode", "linear"), ("scale", "1.7"), ("align_corners", false));
        yield return new("resize", [F(1, 1, 2, 3, 2)], ("size", Dims(3, 4, 4)), ("mode", "linear"), ("scale", ""), ("align_corners", true));
        yield return new("grid_sample", [F(1, 2, 4, 5), U(1, 3, 3, 2)], ("mode", "linear"), ("padding", "zeros"), ("align_corners", false));
        yield return new("affine_grid", [F(2, 2, 3)], ("size", Dims(2, 1, 3, 4)), ("align_corners", true));
    }

    private static IEnumerable<GradientCase> SpatialNorms()
    {
        Operand count = new([], "c");
        yield return new("batch_norm_train", [F(3, 2, 4), F(2), F(2), U(2), U(2), count], ("eps", 1e-5), ("momentum", 0.1));
        yield return new("group_norm", [F(2, 4, 3), F(4), F(4)], ("groups", 2L), ("eps", 1e-5));
        yield return new("group_norm", [F(2, 4, 3, 2)], ("groups", 4L), ("eps", 1e-5));
        yield return new("instance_norm", [F(2, 3, 5), F(3), F(3)], ("eps", 1e-5));
        yield return new("instance_norm", [F(2, 3, 2, 3)], ("eps", 1e-5));
        yield return new("batch_statistics_norm", [F(4, 3), F(3), F(3)], ("eps", 1e-5));
        yield return new("batch_statistics_norm", [F(3, 2, 4)], ("eps", 1e-5));
        yield return new("local_response_norm", [F(2, 4, 3)], ("size", 3L), ("alpha", 0.5), ("beta", 0.75), ("k", 1.0));
    }
}
