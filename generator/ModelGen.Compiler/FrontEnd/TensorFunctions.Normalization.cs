using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Normalisations.</content>
internal static partial class TensorFunctions
{
    private static void AddNormalizations(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "F", "layer_norm", static c => LayerNorm(c));
        Add(table, "F", "group_norm", static c => c.Graph.Add(
            "group_norm", [c.Self, c.OptionalTensor("weight"), c.OptionalTensor("bias")], ("groups", c.Int("num_groups", 1)), ("eps", c.Number("eps", 1e-5))));
        Add(table, "F", "batch_norm", static c => BatchNorm(c));
        Add(table, "F", "instance_norm", static c => InstanceNorm(c));
        Add(table, "F", "local_response_norm", static c => c.Graph.Add(
            "local_response_norm", [c.Self], ("size", c.Int("size", 1)), ("alpha", c.Number("alpha", 1e-4)), ("beta", c.Number("beta", 0.75)), ("k", c.Number("k", 1))));
        Add(table, "F", "normalize", Normalize);
    }

    private static int LayerNorm(CallArguments c)
    {
        int weight = c.OptionalTensor("weight");
        int bias = c.OptionalTensor("bias");
        Dim[] shape = weight >= 0 ? [.. c.Graph.TypeOf(weight).Shape] : c.Dims("normalized_shape");
        if (c["normalized_shape"] is not null && !c.Dims("normalized_shape").SequenceEqual(shape))
        {
            throw new OpException($"layer_norm: normalized_shape {c.Dims("normalized_shape").ToEquatableArray()} differs from the weight {c.Graph.TypeOf(weight).ShapeText()}");
        }

        DType dtype = c.Graph.TypeOf(c.Self).DType;
        int Filled(double value) => c.Graph.Add("expand", [c.Graph.Constant(value, dtype)], ("shape", shape));
        return c.Graph.Add("layer_norm", [c.Self, weight >= 0 ? weight : Filled(1), bias >= 0 ? bias : Filled(0)], ("eps", c.Number("eps", 1e-5)));
    }

    private static int BatchNorm(CallArguments c)
    {
        int mean = c.OptionalTensor("running_mean");
        int variance = c.OptionalTensor("running_var");
        int weight = c.OptionalTensor("weight");
        int bias = c.OptionalTensor("bias");
        double eps = c.Number("eps", 1e-5);
        bool running = mean >= 0 && variance >= 0;
        switch (c["training"])
        {
            case SymTraining when running:
                return c.Graph.Add("batch_norm", [c.Self, weight, bias, mean, variance, c.OptionalTensor("num_batches_tracked")], ("eps", eps), ("momentum", c.Number("momentum", 0.1)));
            case SymTraining or true when mean < 0 && variance < 0:
                return c.Graph.Add("batch_statistics_norm", [c.Self, weight, bias], ("eps", eps));
            case true:
                throw new UnsupportedException("batch_norm with 'training: true' would move the running statistics in evaluation too; pass the module's flag: training");
            default:
                break;
        }

        if (!running)
        {
            throw new OpException("batch_norm in evaluation needs running_mean and running_var");
        }

        // Frozen statistics: a scale and a shift per channel, in training too.
        TensorType type = c.Graph.TypeOf(c.Self);
        Dim[] channel = [.. type.Shape.Select(static (dim, axis) => axis == 1 ? dim : Dim.One)];
        int scale = c.Graph.Unary("rsqrt", c.Graph.Plus(variance, eps));
        scale = weight >= 0 ? c.Graph.Times(scale, weight) : scale;
        int normal = c.Graph.Times(c.Graph.Minus(c.Self, c.Graph.Reshape(mean, channel)), c.Graph.Reshape(scale, channel));
        return bias >= 0 ? c.Graph.Plus(normal, c.Graph.Reshape(bias, channel)) : normal;
    }

    private static int InstanceNorm(CallArguments c)
    {
        if (c["running_mean"] is not null || c["running_var"] is not null || !c.Flag("use_input_stats", true))
        {
            throw new UnsupportedException("instance_norm with running statistics is supported only as the layer InstanceNorm1d, 2d or 3d");
        }

        return c.Graph.Add("instance_norm", [c.Self, c.OptionalTensor("weight"), c.OptionalTensor("bias")], ("eps", c.Number("eps", 1e-5)));
    }

    /// <summary>Divides by the p-norm along a dimension.</summary>
    private static int Normalize(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        double p = c.Number("p", 2);
        long[] axes = [OpContext.Axis("normalize", c.Int("dim", 1), type.Rank)];
        if (p is not (1 or 2))
        {
            throw new UnsupportedException("normalize is supported for p = 1 and p = 2");
        }

        double eps = c.Number("eps", 1e-12);
        if (p == 1)
        {
            int sum = c.Graph.Sum(c.Graph.Unary("abs", c.Self), axes, keep: true);
            return c.Graph.Over(c.Self, c.Graph.Add("maximum", [sum, c.Graph.Constant(eps, type.DType)]));
        }

        // The bound is taken before the root, whose gradient at 0 is not a number.
        int squares = c.Graph.Sum(c.Graph.Unary("square", c.Self), axes, keep: true);
        return c.Graph.Over(c.Self, c.Graph.Unary("sqrt", c.Graph.Add("maximum", [squares, c.Graph.Constant(eps * eps, type.DType)])));
    }
}
