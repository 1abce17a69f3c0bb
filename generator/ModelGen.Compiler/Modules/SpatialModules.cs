namespace ModelGen.Compiler.Modules;

/// <summary>Convolutions, pooling, padding, resampling and normalisation: TorchSharp's layer types.</summary>
internal static class SpatialModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } =
    [
        .. Ranks().Select(static spatial => new ConvModule(spatial, transposed: false)),
        .. Ranks().Select(static spatial => new ConvModule(spatial, transposed: true)),
        .. Ranks().Select(static spatial => new BatchNormModule(spatial)),
        .. Ranks().Select(static spatial => new InstanceNormModule(spatial)),
        new LayerNormModule(),
        new GroupNormModule(),
        .. Pools(),
        .. Pads(),
        .. Simple(),
    ];

    private static IEnumerable<int> Ranks() => [1, 2, 3];

    private static IEnumerable<ModuleDefinition> Pools()
    {
        foreach (int spatial in Ranks())
        {
            string suffix = Invariant.Text(spatial) + "d";
            yield return new FunctionModule("MaxPool" + suffix, "F.max_pool" + suffix);
            yield return new FunctionModule("AvgPool" + suffix, "F.avg_pool" + suffix);
            yield return new FunctionModule("MaxUnpool" + suffix, "F.max_unpool" + suffix);
            yield return new FunctionModule("AdaptiveAvgPool" + suffix, "F.adaptive_avg_pool" + suffix);
            yield return new FunctionModule("AdaptiveMaxPool" + suffix, "F.adaptive_max_pool" + suffix);
            yield return new DropoutModule("Dropout" + suffix, "channel_dropout", spatial);
        }

        yield return new FunctionModule("FractionalMaxPool2d", "F.fractional_max_pool2d");
        yield return new FunctionModule("FractionalMaxPool3d", "F.fractional_max_pool3d");
        yield return new FunctionModule("LPPool1d", "F.lp_pool1d");
        yield return new FunctionModule("LPPool2d", "F.lp_pool2d");
    }

    private static IEnumerable<ModuleDefinition> Pads()
    {
        foreach (int spatial in Ranks())
        {
            string suffix = Invariant.Text(spatial) + "d";
            yield return new PadModule("ConstantPad" + suffix, "Constant", spatial);
            yield return new PadModule("ReflectionPad" + suffix, "Reflect", spatial);
            yield return new PadModule("ReplicationPad" + suffix, "Replicate", spatial);
        }

        yield return new PadModule("ZeroPad2d", "Constant", 2);
    }

    private static IEnumerable<ModuleDefinition> Simple() =>
    [
        new IdentityModule(),
        new FunctionModule("Flatten", "Tensor.flatten", ("start_dim", (Ir.Dim)1)),
        new UnflattenModule(),
        new DropoutModule("Dropout", "dropout"),
        new DropoutModule("AlphaDropout", "alpha_dropout"),
        new DropoutModule("FeatureAlphaDropout", "alpha_dropout", channels: true),
        new FunctionModule("Upsample", "F.interpolate"),
        new FunctionModule("PixelShuffle", "F.pixel_shuffle"),
        new FunctionModule("PixelUnshuffle", "F.pixel_unshuffle"),
        new FunctionModule("ChannelShuffle", "F.channel_shuffle"),
        new FunctionModule("LocalResponseNorm", "F.local_response_norm"),
        new FunctionModule("Unfold", "F.unfold"),
        new FunctionModule("Fold", "F.fold"),
    ];
}
