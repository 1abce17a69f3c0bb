using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// How batch normalisation in training is shared between kernels: convolutions measure what they write, convolutions that read a normalised tensor normalise what they read, and
/// gradients of convolutions add up what the gradient of a normalisation needs.
/// </summary>
internal static class BatchNormLowering
{
    /// <summary>Room for numbers of each channel: channels are rounded up to 16 by kernels.</summary>
    public static Place Numbers(KernelContext k, Dim channels, int perChannel) => k.Work(new TensorType(DType.Float32, new[] { (channels + 15) * perChannel }));

    /// <summary>The C# text of a normalisation.</summary>
    /// <param name="k">Where it is used.</param>
    /// <param name="node">The normalisation or its gradient, which say what activation follows.</param>
    /// <param name="numbers">Mean, factor and bias.</param>
    public static string Normal(KernelContext k, Node node, Place numbers)
    {
        string channels = k.TypeOf(node.Outputs[0]).Shape[1].ToCSharp();
        string activation = node.Attributes.Has("activation") ? node.Attributes.String("activation") : "";
        return activation switch
        {
            "relu" => $"BatchNormal.Relu({k.Read(numbers)}, {channels})",
            "clamp" => $"BatchNormal.Clamp({k.Read(numbers)}, {channels}, {PointwiseContext.Number(node.Attributes.Double("min"))}, {PointwiseContext.Number(node.Attributes.Double("max"))})",
            _ => $"BatchNormal.Plain({k.Read(numbers)}, {channels})",
        };
    }

    /// <summary>Whether all readers of a normalised tensor are convolutions that can normalise it themselves, so that it need not be written.</summary>
    /// <param name="k">The normalisation.</param>
    public static bool IsReadNormalised(KernelContext k) => !k.HasEpilogue && k.ReadersOf(0) is { Count: > 0 } readers && readers.All(reader => CanNormalise(k, reader, k.Output(0)));

    /// <summary>Notes that a tensor is not written: its readers take the operand of the normalisation.</summary>
    public static void Replace(KernelContext k, Place operand, Place numbers) => k.Keep(Key("normalised", k.Output(0)), [operand, numbers]);

    /// <summary>The image that a convolution reads, and the text of its normalisation; null where it is as it is in memory.</summary>
    /// <param name="k">The convolution or its gradient.</param>
    /// <param name="operand">Number of the operand.</param>
    /// <param name="order">Order of its dimensions.</param>
    public static (string Image, string? Normal) Image(KernelContext k, int operand, EquatableArray<long> order) =>
        k.Kept(Key("normalised", k.Inputs[operand])) is [Place image, Place numbers]
            ? (k.Read(image), Normal(k, k.ProducerOf(k.Inputs[operand]), numbers))
            : (k.Read(k.OrderedOperand(operand, order)), null);

    /// <summary>A place for the statistics of a convolution's result where a normalisation reads it; null otherwise.</summary>
    public static Place? Statistics(KernelContext k)
    {
        if (!k.IsStep || k.HasEpilogue || !k.ReadersOf(0).Any(reader => reader.Op == "batch_norm_train" && reader.Inputs[0] == k.Output(0)))
        {
            return null;
        }

        Place statistics = Numbers(k, k.ResultType().Shape[1], 2);
        k.Keep(Key("statistics", k.Output(0)), [statistics]);
        return statistics;
    }

    /// <summary>Statistics of a normalisation's operand that the operator before has measured.</summary>
    public static Place? Measured(KernelContext k) => k.Kept(Key("statistics", k.Inputs[0])) is [Place statistics] ? statistics : null;

    /// <summary>Keeps the numbers of a normalisation for its gradient.</summary>
    public static void KeepNumbers(KernelContext k, Place numbers) => k.Keep(Key("normal", k.Output(1)), [numbers]);

    /// <summary>The numbers of the normalisation that a gradient belongs to.</summary>
    /// <param name="k">Where they are used.</param>
    /// <param name="gradient">The gradient of a normalisation.</param>
    public static Place NumbersOf(KernelContext k, Node gradient) => k.Kept(Key("normal", gradient.Inputs[3]))![0];

    /// <summary>The gradient of a normalisation that alone reads a gradient of an image; null where there is none.</summary>
    /// <param name="k">The gradient of a convolution.</param>
    /// <param name="result">Which result is the gradient of the image.</param>
    public static Node? GradientAfter(KernelContext k, int result) =>
        k.ReadersOf(result) is [{ Op: "batch_norm_backward" } reader] && reader.Inputs[0] == k.Output(result) && k.Kept(Key("normal", reader.Inputs[3])) is not null ? reader : null;

    /// <summary>Keeps the sums that the gradient of a normalisation needs.</summary>
    public static void KeepSlopes(KernelContext k, int result, Place slopes) => k.Keep(Key("slopes", k.Output(result)), [slopes]);

    /// <summary>Sums that the operator before has added up.</summary>
    public static Place? Slopes(KernelContext k) => k.Kept(Key("slopes", k.Inputs[0])) is [Place slopes] ? slopes : null;

    private static string Key(string what, int value) => $"{what} {Invariant.Text(value)}";

    /// <summary>Depthwise convolutions, and those of 1 x 1 without stride and padding that read floats: what is rounded is rounded once, before it is read.</summary>
    private static bool CanNormalise(KernelContext k, Node reader, int value)
    {
        int image = reader.Op switch { "conv" => 0, "conv_backward" => 1, _ => -1 };
        if (image < 0 || reader.Attributes.Bool(MarkBFloat16.Mark) || reader.Inputs[image] != value || reader.Inputs.Count(input => input == value) != 1
            || (image == 1 && reader.Attributes.Ints("mask") is var mask && mask[1] == 0))
        {
            return false;
        }

        EquatableArray<Dim> weight = k.TypeOf(reader.Inputs[image + 1]).Shape;
        long groups = reader.Attributes.Int("groups");
        bool All(string attribute, long wanted) => reader.Attributes.Ints(attribute).All(setting => setting == wanted);
        return weight.Count is 3 or 4
            && ((groups > 1 && weight[0].Constant == groups && weight[1].Constant == 1)
                || (groups == 1 && weight.Skip(2).All(static size => size.Constant == 1) && All("stride", 1) && All("padding", 0)));
    }
}
