namespace ModelGen.Onnx.Quantization;

/// <summary>Smallest and largest value of a tensor.</summary>
internal readonly record struct ValueRange(float Min, float Max)
{
    public ValueRange Union(ValueRange other) => new(Math.Min(Min, other.Min), Math.Max(Max, other.Max));

    /// <summary>Scale and zero point for an integer type; 0 is always represented exactly.</summary>
    /// <param name="type">UInt8, Int8, UInt16 or Int16.</param>
    /// <param name="bounds">Bounds that no representable number may cross, because a Clip with these bounds is to vanish; null for none.</param>
    public IntegerGrid Grid(OnnxType type, ValueRange? bounds = null)
    {
        (int lowest, int highest) = Limits(type);
        float min = Math.Min(Min, 0);
        float max = Math.Max(Max, 0);
        float scale = (float)(((double)max - min) / ((double)highest - lowest));
        if (scale < WeightQuantizer.SmallestScale)
        {
            return new IntegerGrid(1, lowest, type);
        }

        int zero = (int)Math.Clamp(Math.Round(lowest - ((double)min / scale)), lowest, highest);
        if (bounds is { } inside)
        {
            scale = Math.Min(scale, new IntegerGrid(scale, zero, type).LargestScale(inside));
        }

        return new IntegerGrid(scale, zero, type);
    }

    public static (int Lowest, int Highest) Limits(OnnxType type) => type switch
    {
        OnnxType.UInt8 => (byte.MinValue, byte.MaxValue),
        OnnxType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        OnnxType.UInt16 => (ushort.MinValue, ushort.MaxValue),
        _ => (short.MinValue, short.MaxValue),
    };
}

/// <summary>The numbers that an integer type stands for: <c>(integer - ZeroPoint) * Scale</c>.</summary>
internal readonly record struct IntegerGrid(float Scale, int ZeroPoint, OnnxType Type)
{
    /// <summary>The largest scale at which no representable number crosses the bounds; infinite where they are.</summary>
    public float LargestScale(ValueRange bounds)
    {
        (int lowest, int highest) = ValueRange.Limits(Type);
        float below = ZeroPoint > lowest ? bounds.Min / (lowest - ZeroPoint) : float.PositiveInfinity;
        float above = highest > ZeroPoint ? bounds.Max / (highest - ZeroPoint) : float.PositiveInfinity;
        float scale = Math.Min(below, above);
        while ((highest - ZeroPoint) * scale > bounds.Max || (lowest - ZeroPoint) * scale < bounds.Min)
        {
            scale = MathF.BitDecrement(scale);
        }

        return scale;
    }

    /// <summary>The representable number nearest to a value, as QuantizeLinear and DequantizeLinear give it.</summary>
    public float Round(float value)
    {
        (int lowest, int highest) = ValueRange.Limits(Type);
        return (Math.Clamp((int)Math.Clamp(MathF.Round(value / Scale), -1e6f, 1e6f) + ZeroPoint, lowest, highest) - ZeroPoint) * Scale;
    }
}
