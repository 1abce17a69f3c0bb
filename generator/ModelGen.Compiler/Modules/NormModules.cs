using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>What batch and instance normalisation own: weight and bias when affine, statistics when they are tracked.</summary>
internal abstract class StatisticsNormModule(int spatial, bool affine, bool tracked) : ModuleDefinition
{
    protected int Spatial => spatial;

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings)
    {
        FunctionModule.RequireFloat32(settings);
        long channels = settings.Int("num_features", 0);
        if (settings.Flag("affine", affine))
        {
            yield return ModuleTensor.Parameter("weight", channels);
            yield return ModuleTensor.Parameter("bias", channels);
        }

        if (settings.Flag("track_running_stats", tracked))
        {
            yield return ModuleTensor.Buffer("running_mean", channels);
            yield return ModuleTensor.Buffer("running_var", channels);
            yield return new ModuleTensor("num_batches_tracked", TensorType.Scalar(DType.Int64), ValueKind.Buffer);
        }
    }

    protected void CheckChannels(ModuleCall c, int axis)
    {
        TensorType type = c.Graph.TypeOf(c.Input);
        long channels = c.Settings.Int("num_features", 0);
        if (!Dim.CanBe(type.Shape[axis], channels))
        {
            throw new OpException($"{Name} over {Invariant.Text(channels)} channels does not fit the input {type.ShapeText()}");
        }
    }
}

/// <summary>BatchNorm1d to 3d.</summary>
internal sealed class BatchNormModule(int spatial) : StatisticsNormModule(spatial, affine: true, tracked: true)
{
    public override string Name => $"BatchNorm{Invariant.Text(Spatial)}d";

    public override object? Apply(ModuleCall c)
    {
        TensorType x = c.Graph.TypeOf(c.Input);
        if (x.Rank != Spatial + 2 && !(Spatial == 1 && x.Rank == 2))
        {
            throw new OpException($"{Name} needs {(Spatial == 1 ? "[N, C] or " : "")}{ConvOp.Layout(Spatial)}, got {x.ShapeText()}");
        }

        CheckChannels(c, 1);
        double eps = c.Settings.Number("eps", 1e-5);
        return new SymTensor(c.Weight("running_mean") < 0
            ? c.Graph.Add("batch_statistics_norm", [c.Input, c.Weight("weight"), c.Weight("bias")], ("eps", eps))
            : c.Graph.Add(
                "batch_norm",
                [c.Input, c.Weight("weight"), c.Weight("bias"), c.Weight("running_mean"), c.Weight("running_var"), c.Weight("num_batches_tracked")],
                ("eps", eps),
                ("momentum", c.Settings.Number("momentum", 0.1))));
    }
}

/// <summary>InstanceNorm1d to 3d.</summary>
internal sealed class InstanceNormModule(int spatial) : StatisticsNormModule(spatial, affine: false, tracked: false)
{
    public override string Name => $"InstanceNorm{Invariant.Text(Spatial)}d";

    public override object? Apply(ModuleCall c)
    {
        TensorType x = c.Graph.TypeOf(c.Input);
        if (x.Rank != Spatial + 2 && x.Rank != Spatial + 1)
        {
            throw new OpException($"{Name} needs {ConvOp.Layout(Spatial)} with or without the batch, got {x.ShapeText()}");
        }

        // A single sample is a batch of one.
        bool single = x.Rank == Spatial + 1;
        CheckChannels(c, single ? 0 : 1);
        int input = single ? c.Graph.Reshape(c.Input, new[] { Dim.One }.Concat(x.Shape).ToEquatableArray()) : c.Input;
        (string, object)[] settings = [("eps", c.Settings.Number("eps", 1e-5)), ("momentum", c.Settings.Number("momentum", 0.1))];
        int result = c.Weight("running_mean") < 0
            ? c.Graph.Add("instance_norm", [input, c.Weight("weight"), c.Weight("bias")], settings)
            : c.Graph.Add("instance_norm_running", [input, c.Weight("weight"), c.Weight("bias"), c.Weight("running_mean"), c.Weight("running_var")], settings);
        return new SymTensor(single ? c.Graph.Reshape(result, x.Shape) : result);
    }
}

/// <summary>Layer normalisation over trailing dimensions.</summary>
internal sealed class LayerNormModule : ModuleDefinition
{
    public override string Name => "LayerNorm";

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings)
    {
        FunctionModule.RequireFloat32(settings);
        if (!settings.Flag("elementwise_affine", true))
        {
            yield break;
        }

        Dim[] shape = settings.Dims("normalized_shape");
        yield return ModuleTensor.Parameter("weight", shape);
        if (settings.Flag("bias", true))
        {
            yield return ModuleTensor.Parameter("bias", shape);
        }
    }

    public override object? Apply(ModuleCall c) => FunctionModule.Call(c, "F.layer_norm", ("weight", FunctionModule.Weight(c, "weight")), ("bias", FunctionModule.Weight(c, "bias")));
}

/// <summary>Group normalisation.</summary>
internal sealed class GroupNormModule : ModuleDefinition
{
    public override string Name => "GroupNorm";

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings)
    {
        FunctionModule.RequireFloat32(settings);
        long channels = settings.Int("num_channels", 0);
        if (settings.Flag("affine", true))
        {
            yield return ModuleTensor.Parameter("weight", channels);
            yield return ModuleTensor.Parameter("bias", channels);
        }
    }

    public override object? Apply(ModuleCall c)
    {
        TensorType type = c.Graph.TypeOf(c.Input);
        long channels = c.Settings.Int("num_channels", 0);
        return type.Rank >= 2 && Dim.CanBe(type.Shape[1], channels)
            ? FunctionModule.Call(c, "F.group_norm", ("weight", FunctionModule.Weight(c, "weight")), ("bias", FunctionModule.Weight(c, "bias")))
            : throw new OpException($"GroupNorm over {Invariant.Text(channels)} channels does not fit the input {type.ShapeText()}");
    }
}
