using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>A layer type that one expression describes.</summary>
internal sealed class SimpleModule(string name, Func<ModuleCall, object?> apply, Func<Arguments, IEnumerable<ModuleTensor>>? tensors = null) : ModuleDefinition
{
    public override string Name => name;

    public static SimpleModule Of(string name, Func<ModuleCall, int> apply, Func<Arguments, IEnumerable<ModuleTensor>>? tensors = null) => new(name, c => new SymTensor(apply(c)), tensors);

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings) => tensors?.Invoke(settings) ?? [];

    public override object? Apply(ModuleCall c) => apply(c);
}

/// <summary>Convolutions, pooling, padding, resampling and normalisation: TorchSharp's layer types.</summary>
internal static class SpatialModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } = [.. Create()];

    private static IEnumerable<ModuleDefinition> Create()
    {
        for (int spatial = 1; spatial <= 3; spatial++)
        {
            foreach (ModuleDefinition module in OfDimension(spatial, Invariant.Text(spatial) + "d"))
            {
                yield return module;
            }
        }

        yield return SimpleModule.Of("ZeroPad2d", static c => Pad(c, 2, "constant"));
        yield return SimpleModule.Of("LayerNorm", LayerNorm, static a => LayerNormTensors(a));
        yield return SimpleModule.Of(
            "GroupNorm",
            static c => SpatialLowering.GroupNorm(c.Graph, c.Input, c.Settings.Int("num_groups", 1), c.Weight("weight"), c.Weight("bias"), c.Settings.Number("eps", 1e-5)),
            static a => a.Flag("affine", true) ? [ModuleTensor.Parameter("weight", a.Int("num_channels", 0)), ModuleTensor.Parameter("bias", a.Int("num_channels", 0))] : []);
        yield return SimpleModule.Of("LocalResponseNorm", static c => TensorFunctions.LocalResponseNorm(c.Graph, c.Input, c.Settings));
        yield return SimpleModule.Of("Identity", static c => c.Input);
        yield return SimpleModule.Of("Flatten", static c => Function(c, "Tensor.flatten"));
        yield return SimpleModule.Of("Unflatten", static c => Function(c, "Tensor.unflatten", ("sizes", c.Settings["unflattened_size"])));
        yield return SimpleModule.Of("Dropout", static c => c.Graph.Add("dropout", [c.Input], ("p", c.Settings.Number("p", 0.5))));
        yield return SimpleModule.Of("PixelShuffle", static c => SpatialLowering.PixelShuffle(c.Graph, c.Input, c.Settings.Int("upscale_factor", 1)));
        yield return SimpleModule.Of("PixelUnshuffle", static c => SpatialLowering.PixelUnshuffle(c.Graph, c.Input, c.Settings.Int("downscale_factor", 1)));
        yield return SimpleModule.Of("ChannelShuffle", static c => SpatialLowering.ChannelShuffle(c.Graph, c.Input, c.Settings.Int("groups", 1)));
        yield return SimpleModule.Of("Upsample", static c => SpatialLowering.Resize(c.Graph, c.Input, c.Settings, (c.Settings["mode"] as SymEnum)?.Member ?? "Nearest"));
        yield return SimpleModule.Of("Unfold", static c => TensorFunctions.Patches(c.Graph, c.Input, c.Settings));
        yield return SimpleModule.Of("Fold", static c => TensorFunctions.Folded(c.Graph, c.Input, c.Settings));
    }

    private static IEnumerable<ModuleDefinition> OfDimension(int d, string suffix)
    {
        yield return SimpleModule.Of("Conv" + suffix, c => SpatialLowering.Convolution(c.Graph, c.Input, c.Weight("weight"), c.Weight("bias"), c.Settings, d), a => ConvTensors(a, d, transposed: false));
        yield return SimpleModule.Of("ConvTranspose" + suffix, c => SpatialLowering.ConvTranspose(c.Graph, c.Input, c.Weight("weight"), c.Weight("bias"), c.Settings, d), a => ConvTensors(a, d, transposed: true));
        yield return SimpleModule.Of("BatchNorm" + suffix, c => SpatialLowering.BatchNorm(c.Graph, CheckedRank(c, d), c.Weight, c.Settings.Number("eps", 1e-5), c.Settings.Number("momentum", 0.1)), BatchNormTensors);
        yield return SimpleModule.Of("InstanceNorm" + suffix, c => InstanceNorm(c), InstanceNormTensors);
        yield return SimpleModule.Of("MaxPool" + suffix, c => SpatialLowering.Pool(c.Graph, c.Input, c.Settings, max: true, d));
        yield return SimpleModule.Of("AvgPool" + suffix, c => SpatialLowering.Pool(c.Graph, c.Input, c.Settings, max: false, d));
        yield return SimpleModule.Of("AdaptiveAvgPool" + suffix, c => SpatialLowering.AdaptivePool(c.Graph, c.Input, c.Settings, max: false, d));
        yield return SimpleModule.Of("AdaptiveMaxPool" + suffix, c => SpatialLowering.AdaptivePool(c.Graph, c.Input, c.Settings, max: true, d));
        yield return SimpleModule.Of("ConstantPad" + suffix, c => Pad(c, d, "constant"));
        yield return SimpleModule.Of("ReflectionPad" + suffix, c => Pad(c, d, "reflect"));
        yield return SimpleModule.Of("ReplicationPad" + suffix, c => Pad(c, d, "replicate"));
        yield return SimpleModule.Of("Dropout" + suffix, static c => c.Graph.Add("dropout", [c.Input], ("p", c.Settings.Number("p", 0.5)), ("channels", true)));
    }

    /// <summary>Calls a tensor function with a module's settings.</summary>
    internal static int Function(ModuleCall c, string key, params (string Name, object? Value)[] more)
    {
        var arguments = c.Settings.Given.ToDictionary(static name => name, name => c.Settings[name]);
        arguments["this"] = new SymTensor(c.Input);
        foreach ((string name, object? value) in more)
        {
            arguments[name] = value;
        }

        arguments.Remove("inplace");
        return TensorFunctions.TryGet(key, out Func<CallArguments, object?> function) && function(new CallArguments(c.Graph, arguments)) is SymTensor result
            ? result.Id
            : throw new InvalidOperationException(key + " is not in the table");
    }

    private static IEnumerable<ModuleTensor> ConvTensors(Arguments a, int spatial, bool transposed)
    {
        long groups = a.Int("groups", 1);
        (long inputs, long outputs) = (a.Int("in_channels", 0), a.Int("out_channels", 0));
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0)
        {
            throw new OpException($"{Invariant.Text(inputs)} input and {Invariant.Text(outputs)} output channels must both be multiples of groups = {Invariant.Text(groups)}");
        }

        Dim[] kernel = [.. a.Ints(spatial, [], "kernel_size").Select(static size => (Dim)size)];
        yield return ModuleTensor.Parameter("weight", transposed ? [inputs, outputs / groups, .. kernel] : [outputs, inputs / groups, .. kernel]);
        if (a.Flag("bias", true))
        {
            yield return ModuleTensor.Parameter("bias", outputs);
        }
    }

    private static IEnumerable<ModuleTensor> BatchNormTensors(Arguments a)
    {
        long features = a.Int("num_features", 0);
        if (a.Flag("affine", true))
        {
            yield return ModuleTensor.Parameter("weight", features);
            yield return ModuleTensor.Parameter("bias", features);
        }

        if (a.Flag("track_running_stats", true))
        {
            yield return ModuleTensor.Buffer("running_mean", features);
            yield return ModuleTensor.Buffer("running_var", features);
            yield return new ModuleTensor("num_batches_tracked", TensorType.Scalar(DType.Int64), ValueKind.Buffer);
        }
    }

    private static IEnumerable<ModuleTensor> InstanceNormTensors(Arguments a) =>
        a.Flag("affine") || a.Flag("track_running_stats") ? BatchNormTensors(new Arguments(new Dictionary<string, object?>
        {
            ["num_features"] = a["num_features"],
            ["affine"] = a.Flag("affine"),
            ["track_running_stats"] = a.Flag("track_running_stats"),
        })) : [];

    private static int CheckedRank(ModuleCall c, int spatial)
    {
        TensorType x = c.Graph.TypeOf(c.Input);
        bool fits = spatial == 1 ? x.Rank is 2 or 3 : x.Rank == spatial + 2;
        return fits ? c.Input : throw new OpException($"BatchNorm{Invariant.Text(spatial)}d needs {(spatial == 1 ? "[N, C] or [N, C, L]" : spatial == 2 ? "[N, C, H, W]" : "[N, C, D, H, W]")}, got {x.ShapeText()}");
    }

    private static int InstanceNorm(ModuleCall c)
    {
        if (c.Settings.Flag("track_running_stats"))
        {
            throw new UnsupportedException("InstanceNorm with track_running_stats is not supported; leave it out");
        }

        return SpatialLowering.GroupNorm(c.Graph, c.Input, c.Graph.TypeOf(c.Input).Shape[1], c.Weight("weight"), c.Weight("bias"), c.Settings.Number("eps", 1e-5));
    }

    private static IEnumerable<ModuleTensor> LayerNormTensors(Arguments a)
    {
        if (!a.Flag("elementwise_affine", true))
        {
            yield break;
        }

        yield return ModuleTensor.Parameter("weight", a.Dims("normalized_shape"));
        if (a.Flag("bias", true))
        {
            yield return ModuleTensor.Parameter("bias", a.Dims("normalized_shape"));
        }
    }

    private static int LayerNorm(ModuleCall c) =>
        SpatialLowering.LayerNorm(c.Graph, c.Input, c.Settings.Dims("normalized_shape"), c.Weight("weight"), c.Weight("bias"), c.Settings.Number("eps", 1e-5));

    private static int Pad(ModuleCall c, int spatial, string mode) =>
        c.Graph.Add("pad", [c.Input], ("pads", c.Settings.Ints(2 * spatial, [], "padding")), ("mode", mode), ("value", c.Settings.Number("value", 0)));
}
