using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>How the kernels of convolutions keep their tensors, and the text of their sizes. One spatial dimension is an image of height 1.</summary>
internal static class ConvolutionLayout
{
    /// <summary>The dimensions of images, outermost first: <c>[N, H, W, C]</c>.</summary>
    public static EquatableArray<long> ChannelsLast(int spatial) => spatial == 1 ? new long[] { 0, 2, 1 } : new long[] { 0, 2, 3, 1 };

    /// <summary>The dimensions of weights <c>[O, I, KH, KW]</c>, outermost first: <c>[KH, KW, I, O]</c>.</summary>
    public static EquatableArray<long> Weight(int spatial) => spatial == 1 ? new long[] { 2, 1, 0 } : new long[] { 2, 3, 1, 0 };

    /// <summary>The C# text of a <c>ConvolutionShape</c>.</summary>
    /// <param name="image">Shape of the input <c>[N, C, d...]</c>.</param>
    /// <param name="weight">Shape of the weight <c>[O, C / groups, k...]</c>.</param>
    /// <param name="attributes">stride, padding, dilation and groups of the operator.</param>
    public static string Shape(EquatableArray<Dim> image, EquatableArray<Dim> weight, OpAttributes attributes)
    {
        bool line = image.Count == 3;
        string Size(EquatableArray<Dim> shape, int axis) => line && axis == 2 ? "1" : shape[line && axis == 3 ? 2 : axis].ToCSharp();
        var settings = new List<string>();
        void Set(string name, string attribute, int axis, long standard)
        {
            EquatableArray<long> values = attributes.Ints(attribute);
            long value = line ? (axis == 0 ? standard : values[0]) : values[axis];
            if (value != standard)
            {
                settings.Add($"{name} = {Invariant.Text(value)}");
            }
        }

        Set("StrideY", "stride", 0, 1);
        Set("StrideX", "stride", 1, 1);
        Set("PadTop", "padding", 0, 0);
        Set("PadBottom", "padding", 0, 0);
        Set("PadLeft", "padding", 1, 0);
        Set("PadRight", "padding", 1, 0);
        Set("DilationY", "dilation", 0, 1);
        Set("DilationX", "dilation", 1, 1);
        if (attributes.Int("groups") != 1)
        {
            settings.Add($"Groups = {Invariant.Text(attributes.Int("groups"))}");
        }

        string initialiser = settings.Count == 0 ? "" : $" {{ {string.Join(", ", settings)} }}";
        return $"new ConvolutionShape({Size(image, 0)}, {Size(image, 2)}, {Size(image, 3)}, {image[1].ToCSharp()}, {weight[0].ToCSharp()}, {Size(weight, 2)}, {Size(weight, 3)}){initialiser}";
    }
}
