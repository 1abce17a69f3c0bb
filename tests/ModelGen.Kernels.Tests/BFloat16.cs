namespace ModelGen.Kernels.Tests;

/// <summary>Rounding to bfloat16 by its definition: eight significant bits, halves to even.</summary>
internal static class BFloat16
{
    public static double Round(float value)
    {
        if (!float.IsFinite(value) || value == 0)
        {
            return value;
        }

        double unit = Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 7);
        double rounded = Math.Round(value / unit, MidpointRounding.ToEven) * unit;
        return Math.Abs(rounded) >= Math.ScaleB(1, 128) ? Math.CopySign(double.PositiveInfinity, value) : rounded;
    }

    /// <summary>Each width with the kernels that are used there, and with those of machines without the instruction.</summary>
    public static TheoryData<int, bool> Ways
    {
        get
        {
            var data = new TheoryData<int, bool>();
            foreach (int bits in Widths.Supported)
            {
                data.Add(bits, false);
                if (bits == 512 && Hardware.MultipliesBFloat16)
                {
                    data.Add(bits, true);
                }
            }

            return data;
        }
    }
}
