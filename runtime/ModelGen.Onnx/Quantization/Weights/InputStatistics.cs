using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>What the inputs of one product look like: means, and second moments for adaptive rounding. One for each group of a grouped convolution.</summary>
internal sealed class InputStatistics
{
    private readonly IntegerProduct product;
    private readonly long[] kernel;
    private readonly bool moments;
    private readonly int groups;
    private readonly int inputs;
    private readonly Random random = new(1);

    public InputStatistics(IntegerProduct product, TensorProto weights, int inputs, bool moments)
    {
        this.product = product;
        this.moments = moments;
        this.inputs = inputs;
        bool convolution = product.Node.OpType == "Conv";
        groups = convolution ? (int)product.Node.Int("group", 1) : 1;
        kernel = convolution ? [.. weights.Dims.Skip(2)] : [];
        FloatMeans = new double[groups][];
        IntegerMeans = new double[groups][];
        Moments = new float[groups][];
        for (int group = 0; group < groups; group++)
        {
            FloatMeans[group] = new double[inputs];
            IntegerMeans[group] = new double[inputs];
            Moments[group] = moments ? new float[checked(inputs * inputs)] : [];
        }
    }

    /// <summary>Rows seen.</summary>
    public long Count { get; private set; }

    /// <summary>Sums of the float inputs.</summary>
    public double[][] FloatMeans { get; }

    /// <summary>Sums of the inputs after quantization.</summary>
    public double[][] IntegerMeans { get; }

    /// <summary>Sums of products of the inputs after quantization.</summary>
    public float[][] Moments { get; }

    /// <summary>Adds inputs at random places of a sample.</summary>
    /// <param name="values">The product's input.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="grid">Its quantization; null for none.</param>
    /// <param name="rows">Number of places.</param>
    public void Add(ReadOnlySpan<float> values, long[] shape, IntegerGrid? grid, int rows)
    {
        float[] patches = new float[checked(rows * inputs)];
        (int count, Action<float[], int> fill) = product.Node.OpType == "Conv" ? Convolution(values.ToArray(), shape, rows) : Matrix(values.ToArray(), shape, rows);
        for (int group = 0; group < groups; group++)
        {
            fill(patches, group);
            for (int i = 0; i < count * inputs; i++)
            {
                float value = patches[i];
                float integer = grid is { } integers ? integers.Round(value) : value;
                FloatMeans[group][i % inputs] += value;
                IntegerMeans[group][i % inputs] += integer;
                patches[i] = integer;
            }

            if (moments)
            {
                SecondMoments.Add(patches, count, inputs, Moments[group]);
            }
        }

        Count += count;
    }

    private (int Count, Action<float[], int> Fill) Matrix(float[] values, long[] shape, int rows)
    {
        int places = values.Length / inputs;
        int[] chosen = Choose(places, rows);
        bool transposed = product.Node.Int("transA") != 0;
        return transposed || shape[^1] != inputs
            ? throw new NotSupportedException($"The input of '{product.Node.Name}' has the shape [{string.Join(", ", shape)}], but its weights take {inputs} values.")
            : (chosen.Length, (patches, _) =>
            {
                for (int i = 0; i < chosen.Length; i++)
                {
                    values.AsSpan(chosen[i] * inputs, inputs).CopyTo(patches.AsSpan(i * inputs));
                }
            });
    }

    private (int Count, Action<float[], int> Fill) Convolution(float[] values, long[] shape, int rows)
    {
        int rank = kernel.Length;
        long[] ones = [.. Enumerable.Repeat(1L, rank)];
        long[] strides = product.Node.Ints("strides", ones);
        long[] dilations = product.Node.Ints("dilations", ones);
        string auto = product.Node.Text("auto_pad", "NOTSET");
        long[] pads = product.Node.Ints("pads", new long[2 * rank]);
        long[] outputs = new long[rank];
        for (int i = 0; i < rank; i++)
        {
            long extent = ((kernel[i] - 1) * dilations[i]) + 1;
            if (auto is "SAME_UPPER" or "SAME_LOWER")
            {
                outputs[i] = (shape[i + 2] + strides[i] - 1) / strides[i];
                long total = Math.Max(0, ((outputs[i] - 1) * strides[i]) + extent - shape[i + 2]);
                pads[i] = auto == "SAME_UPPER" ? total / 2 : total - (total / 2);
            }
            else
            {
                outputs[i] = ((shape[i + 2] + (auto == "VALID" ? 0 : pads[i] + pads[i + rank]) - extent) / strides[i]) + 1;
            }
        }

        long spatial = outputs.Aggregate(1L, static (product, size) => product * size);
        int[] chosen = Choose(checked((int)(shape[0] * spatial)), rows);
        int channels = (int)shape[1] / groups;
        long plane = shape.Skip(2).Aggregate(1L, static (product, size) => product * size);
        int taps = (int)kernel.Aggregate(1L, static (product, size) => product * size);
        return (chosen.Length, (patches, group) =>
        {
            Span<long> offsets = stackalloc long[taps];
            for (int i = 0; i < chosen.Length; i++)
            {
                Taps(chosen[i] % spatial, outputs, shape, strides, dilations, pads, offsets);
                long image = ((chosen[i] / spatial * shape[1]) + (group * channels)) * plane;
                Span<float> patch = patches.AsSpan(i * inputs, inputs);
                for (int channel = 0; channel < channels; channel++)
                {
                    for (int tap = 0; tap < taps; tap++)
                    {
                        patch[(channel * taps) + tap] = offsets[tap] < 0 ? 0 : values[image + (channel * plane) + offsets[tap]];
                    }
                }
            }
        });
    }

    // Where in a plane each weight of the kernel looks for one output; -1 for padding.
    private void Taps(long output, long[] outputs, long[] shape, long[] strides, long[] dilations, long[] pads, Span<long> offsets)
    {
        Span<long> origin = stackalloc long[kernel.Length];
        for (int i = kernel.Length - 1; i >= 0; i--)
        {
            origin[i] = (output % outputs[i] * strides[i]) - pads[i];
            output /= outputs[i];
        }

        for (int tap = 0; tap < offsets.Length; tap++)
        {
            long rest = tap;
            long offset = 0;
            long stride = 1;
            for (int i = kernel.Length - 1; i >= 0; i--)
            {
                long place = origin[i] + (rest % kernel[i] * dilations[i]);
                rest /= kernel[i];
                if (place < 0 || place >= shape[i + 2])
                {
                    offset = -1;
                    break;
                }

                offset += place * stride;
                stride *= shape[i + 2];
            }

            offsets[tap] = offset;
        }
    }

    private int[] Choose(int places, int rows) => places <= rows ? [.. Enumerable.Range(0, places)] : [.. Enumerable.Range(0, rows).Select(_ => random.Next(places))];
}
