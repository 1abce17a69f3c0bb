namespace ModelGen.Kernels.Tests;

/// <summary>Pooling and its gradients against loops in float64.</summary>
public sealed class PoolingTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Max(int bits) => Widths.Run(bits, new MaxBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Average(int bits) => Widths.Run(bits, new AverageBody());

    private static PoolShape Random(Random random, bool dilated)
    {
        (nint kh, nint kw) = (1 + random.Next(4), 1 + random.Next(4));
        (nint dy, nint dx) = dilated && random.Next(3) == 0 ? (2, 1 + random.Next(3)) : (1, 1);
        (nint sy, nint sx) = (1 + random.Next(3), 1 + random.Next(3));
        (nint py, nint px) = (random.Next((int)(kh / 2) + 1), random.Next((int)(kw / 2) + 1));
        (nint h, nint w) = ((dy * (kh - 1)) + 1 + random.Next(12), (dx * (kw - 1)) + 1 + random.Next(12));
        bool ceil = random.Next(2) == 0;
        nint Outputs(nint size, nint k, nint s, nint p, nint d)
        {
            nint span = size + (2 * p) - (d * (k - 1)) - 1;
            nint outputs = ((ceil ? span + s - 1 : span) / s) + 1;
            return ceil && (outputs - 1) * s >= size + p ? outputs - 1 : outputs;
        }

        nint channels = 1 + random.Next(random.Next(2, 50));
        return new PoolShape(1 + random.Next(3), h, w, channels, Outputs(h, kh, sy, py, dy), Outputs(w, kw, sx, px, dx))
        {
            KernelHeight = kh, KernelWidth = kw, StrideY = sy, StrideX = sx, PadTop = py, PadLeft = px, DilationY = dy, DilationX = dx, CountPadding = random.Next(2) == 0,
        };
    }

    private sealed class MaxBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(61);
            for (int i = 0; i < 80; i++)
            {
                PoolShape s = Random(random, dilated: true);
                using var x = TestMemory.Random(s.Batch * s.Height * s.Width * s.Channels, random);
                foreach (ref float value in x.Span)
                {
                    // Equal numbers, and some that are none.
                    value = random.Next(40) == 0 ? float.NaN : MathF.Round(value * 2);
                }

                using var y = new TestMemory(s.Batch * s.OutputHeight * s.OutputWidth * s.Channels);
                using var dy = TestMemory.Random(y.Count, random);
                using var dx = new TestMemory(x.Count);
                MaxPool<V>.Forward(s, x.Floats, y.Floats);
                MaxPool<V>.Backward(s, x.Floats, dy.Floats, dx.Floats);
                double[] expected = new double[x.Count];
                for (nint o = 0; o < y.Count; o++)
                {
                    (nint c, nint column, nint row, nint image) = (o % s.Channels, o / s.Channels % s.OutputWidth, o / s.Channels / s.OutputWidth % s.OutputHeight, o / s.Channels / s.OutputWidth / s.OutputHeight);
                    nint best = -1;
                    for (nint a = 0; a < s.KernelHeight; a++)
                    {
                        for (nint b = 0; b < s.KernelWidth; b++)
                        {
                            (nint yy, nint xx) = ((row * s.StrideY) - s.PadTop + (a * s.DilationY), (column * s.StrideX) - s.PadLeft + (b * s.DilationX));
                            if (yy < 0 || xx < 0 || yy >= s.Height || xx >= s.Width)
                            {
                                continue;
                            }

                            nint at = (((((image * s.Height) + yy) * s.Width) + xx) * s.Channels) + c;
                            best = best < 0 || (!float.IsNaN(x[best]) && (float.IsNaN(x[at]) || x[at] > x[best])) ? at : best;
                        }
                    }

                    if (best < 0)
                    {
                        Assert.Equal(float.NegativeInfinity, y[o]);
                        continue;
                    }

                    Assert.Equal(x[best], y[o]);
                    expected[best] += dy[o];
                }

                for (int j = 0; j < expected.Length; j++)
                {
                    Assert.Equal(expected[j], dx[j], 1e-5);
                }
            }
        }
    }

    private sealed class AverageBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(62);
            for (int i = 0; i < 80; i++)
            {
                PoolShape s = Random(random, dilated: false);
                if (i % 3 == 0)
                {
                    s = new PoolShape(2, 1 + random.Next(9), 1 + random.Next(9), 1 + random.Next(40), 1 + random.Next(7), 1 + random.Next(7)) { Adaptive = true };
                }

                using var x = TestMemory.Random(s.Batch * s.Height * s.Width * s.Channels, random);
                using var y = new TestMemory(s.Batch * s.OutputHeight * s.OutputWidth * s.Channels);
                using var dy = TestMemory.Random(y.Count, random);
                using var dx = new TestMemory(x.Count);
                AveragePool<V>.Forward(s, x.Floats, y.Floats);
                AveragePool<V>.Backward(s, dy.Floats, dx.Floats);
                double[] expected = new double[x.Count];
                for (nint o = 0; o < y.Count; o++)
                {
                    (nint c, nint column, nint row, nint image) = (o % s.Channels, o / s.Channels % s.OutputWidth, o / s.Channels / s.OutputWidth % s.OutputHeight, o / s.Channels / s.OutputWidth / s.OutputHeight);
                    (nint top, nint bottom) = ((row * s.StrideY) - s.PadTop, Math.Min((row * s.StrideY) - s.PadTop + s.KernelHeight, s.Height + s.PadTop));
                    (nint left, nint right) = ((column * s.StrideX) - s.PadLeft, Math.Min((column * s.StrideX) - s.PadLeft + s.KernelWidth, s.Width + s.PadLeft));
                    if (s.Adaptive)
                    {
                        (top, bottom) = ((nint)Math.Floor(row * (double)s.Height / s.OutputHeight), (nint)Math.Ceiling((row + 1) * (double)s.Height / s.OutputHeight));
                        (left, right) = ((nint)Math.Floor(column * (double)s.Width / s.OutputWidth), (nint)Math.Ceiling((column + 1) * (double)s.Width / s.OutputWidth));
                    }

                    List<nint> places = [];
                    for (nint yy = Math.Max(0, top); yy < Math.Min(bottom, s.Height); yy++)
                    {
                        for (nint xx = Math.Max(0, left); xx < Math.Min(right, s.Width); xx++)
                        {
                            places.Add((((((image * s.Height) + yy) * s.Width) + xx) * s.Channels) + c);
                        }
                    }

                    double counted = s.CountPadding && !s.Adaptive ? (bottom - top) * (right - left) : places.Count;
                    Assert.Equal(places.Sum(place => (double)x[place]) / counted, y[o], 1e-5);
                    places.ForEach(place => expected[place] += dy[o] / counted);
                }

                for (int j = 0; j < expected.Length; j++)
                {
                    Assert.Equal(expected[j], dx[j], 1e-5);
                }
            }
        }
    }
}
