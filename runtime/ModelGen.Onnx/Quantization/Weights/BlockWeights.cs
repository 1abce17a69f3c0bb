namespace ModelGen.Onnx.Quantization;

/// <summary>Weights in blocks along the inputs of each output channel.</summary>
internal sealed class BlockWeights
{
    private readonly int bits;
    private readonly int blockSize;
    private readonly byte[] integers;
    private readonly byte[]? zeroPoints;

    private BlockWeights(WeightMatrix weights, WeightQuantizationOptions options)
    {
        (bits, blockSize, Outputs, Inputs) = (options.Bits, options.BlockSize, weights.Outputs, weights.Inputs);
        Blocks = (Inputs + blockSize - 1) / blockSize;
        integers = new byte[Outputs * Blocks * blockSize];
        Scales = new float[Outputs * Blocks];
        zeroPoints = options.Symmetric ? null : new byte[Outputs * Blocks];
        Array.Fill(integers, (byte)Middle);
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int Blocks { get; }

    public int BlockBytes => blockSize * bits / 8;

    /// <summary>Scales, <c>[Outputs, Blocks]</c>.</summary>
    public float[] Scales { get; }

    /// <summary>Weights, <c>[Outputs, Blocks, BlockBytes]</c>.</summary>
    public byte[] Packed => Pack(integers, integers.Length);

    /// <summary>Zero points, <c>[Outputs, bytes of a row of blocks]</c>; null when all are the middle of the range.</summary>
    public byte[]? PackedZeroPoints => zeroPoints is null ? null : [.. Enumerable.Range(0, Outputs).SelectMany(output => Pack(zeroPoints.AsSpan(output * Blocks, Blocks), Blocks))];

    // Zero points that are not given mean this, in MatMulNBits.
    private int Middle => 1 << (bits - 1);

    private int Highest => (1 << bits) - 1;

    public static BlockWeights Quantize(WeightMatrix weights, WeightQuantizationOptions options, InputStatistics? statistics)
    {
        var blocks = new BlockWeights(weights, options);
        AdaptiveRounding? rounding = statistics is { Count: > 0 } ? new AdaptiveRounding(statistics.Moments[0], weights.Inputs, statistics.Count) : null;
        Parallel.For(0, weights.Outputs, output =>
        {
            for (int block = 0; block < blocks.Blocks; block++)
            {
                blocks.Fit(weights.Row(output), output, block, rounding is null);
            }

            if (rounding is not null)
            {
                blocks.Round(weights.Row(output), output, rounding);
            }
        });
        return blocks;
    }

    /// <summary>The weight that an integer stands for.</summary>
    public double Value(int output, int input)
    {
        int block = (output * Blocks) + (input / blockSize);
        return (double)Scales[block] * (integers[(output * Blocks * blockSize) + input] - (zeroPoints?[block] ?? Middle));
    }

    // Of scales that reach the block's ends fully or to part, the one with the least squared error.
    private void Fit(ReadOnlySpan<float> row, int output, int block, bool round)
    {
        ReadOnlySpan<float> values = row[(block * blockSize)..Math.Min(row.Length, (block + 1) * blockSize)];
        float min = 0;
        float max = 0;
        foreach (float value in values)
        {
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        }

        double least = double.PositiveInfinity;
        float best = 1;
        int bestZero = Middle;
        for (int step = 0; step < (bits == 4 ? 16 : 1); step++)
        {
            foreach ((float scale, int zero) in Candidates(min, max, 1 - (step * 0.02f)))
            {
                double error = 0;
                foreach (float value in values)
                {
                    double difference = value - ((Math.Clamp(MathF.Round(value / scale) + zero, 0, Highest) - zero) * scale);
                    error += difference * difference;
                }

                if (error < least)
                {
                    (least, best, bestZero) = (error, scale, zero);
                }
            }
        }

        int at = (output * Blocks) + block;
        Scales[at] = best;
        if (zeroPoints is not null)
        {
            zeroPoints[at] = (byte)bestZero;
        }

        for (int i = 0; round && i < values.Length; i++)
        {
            integers[(at * blockSize) + i] = (byte)Math.Clamp(MathF.Round(values[i] / best) + bestZero, 0, Highest);
        }
    }

    private IEnumerable<(float Scale, int Zero)> Candidates(float min, float max, float share)
    {
        if (zeroPoints is not null)
        {
            float scale = (max - min) * share / Highest;
            yield return scale < WeightQuantizer.SmallestScale ? (1, Middle) : (scale, (int)Math.Clamp(MathF.Round(-min * share / scale), 0, Highest));
            yield break;
        }

        // The range of integers has one more below the middle than above; the larger end may take either side.
        float largest = Math.Max(max, -min) * share;
        if (largest / Middle < WeightQuantizer.SmallestScale)
        {
            yield return (1, Middle);
            yield break;
        }

        yield return (largest / (Middle - 1), Middle);
        yield return (-min >= max ? largest / Middle : -largest / Middle, Middle);
    }

    private void Round(ReadOnlySpan<float> row, int output, AdaptiveRounding rounding)
    {
        // Zero points become part of the limits: signed integers around them.
        sbyte[] signed = new sbyte[Inputs];
        int first = output * Blocks;
        rounding.Round(row, input => Scales[first + (input / blockSize)], signed, input => (0 - Zero(first, input), Highest - Zero(first, input)));
        for (int input = 0; input < Inputs; input++)
        {
            integers[(first * blockSize) + input] = (byte)(signed[input] + Zero(first, input));
        }
    }

    private int Zero(int first, int input) => zeroPoints?[first + (input / blockSize)] ?? Middle;

    private byte[] Pack(ReadOnlySpan<byte> values, int count)
    {
        if (bits == 8)
        {
            return values.ToArray();
        }

        byte[] packed = new byte[(count + 1) / 2];
        for (int i = 0; i < count; i++)
        {
            packed[i / 2] |= (byte)(values[i] << (i % 2 * 4));
        }

        return packed;
    }
}
