using System.Runtime.CompilerServices;

namespace ModelGen.Kernels.Tests;

/// <summary>Every member of <see cref="IVector{V}"/> against numbers one by one, with NaN, infinities, zeros of both signs and denormals.</summary>
public sealed unsafe class SimdTests
{
    private static readonly float[] Special =
        [0, -0f, 1, -1, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 3, 1e-3f, -7.25f, 1e10f, -1e20f, float.Epsilon, -float.Epsilon, 1e-41f, 1.17549421e-38f, 1.17549435e-38f, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 8388607.5f, 16777216];

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void ArithmeticIsThatOfFloats(int bits) => Widths.Run(bits, new Arithmetic());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void BitsComparisonsAndSelection(int bits) => Widths.Run(bits, new Masks());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void LoadsAndStoresTouchOnlyTheirOwn(int bits) => Widths.Run(bits, new Places());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void BytesIntegersAndShortFloats(int bits) => Widths.Run(bits, new Conversions());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void SumsAndTransposition(int bits) => Widths.Run(bits, new Blocks());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void ScaleMultipliesByPowersOfTwo(int bits) => Widths.Run(bits, new Powers());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void IntegersInLanes(int bits) => Widths.Run(bits, new Integers());

    /// <summary>All special numbers and many of random bits, a whole number of vectors.</summary>
    internal static float[] Numbers(int random, int seed)
    {
        var source = new Random(seed);
        var numbers = new List<float>(Special);
        for (int i = 0; i < random; i++)
        {
            numbers.Add(BitConverter.Int32BitsToSingle(source.Next(int.MinValue, int.MaxValue)));
        }

        while (numbers.Count % 16 != 0)
        {
            numbers.Add(2);
        }

        return [.. numbers];
    }

    private static V Of<V>(ReadOnlySpan<float> numbers)
        where V : unmanaged, IVector<V>
    {
        fixed (float* start = numbers)
        {
            return V.Load(start);
        }
    }

    private static float[] Lanes<V>(V vector)
        where V : unmanaged, IVector<V>
    {
        float[] lanes = new float[V.Count];
        fixed (float* start = lanes)
        {
            vector.Store(start);
        }

        return lanes;
    }

    private static uint[] Words<V>(V vector)
        where V : unmanaged, IVector<V> => [.. Lanes(vector).Select(BitConverter.SingleToUInt32Bits)];

    private static bool Same(float a, float b) => float.IsNaN(a) ? float.IsNaN(b) : BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b);

    private static void Pairs<V>(string name, Func<V, V, V> ours, Func<float, float, float> exact, bool bits = false)
        where V : unmanaged, IVector<V>
    {
        float[] numbers = Numbers(150, 1);
        float[] others = new float[V.Count];
        for (int i = 0; i < numbers.Length; i += V.Count)
        {
            for (int shift = 0; shift < numbers.Length; shift++)
            {
                for (int lane = 0; lane < V.Count; lane++)
                {
                    others[lane] = numbers[(i + lane + shift) % numbers.Length];
                }

                float[] results = Lanes(ours(Of<V>(numbers.AsSpan(i)), Of<V>(others)));
                for (int lane = 0; lane < V.Count; lane++)
                {
                    float expected = exact(numbers[i + lane], others[lane]);
                    bool same = bits ? BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(results[lane]) : Same(expected, results[lane]);
                    if (!same)
                    {
                        Assert.Fail($"{name}({numbers[i + lane]:R}, {others[lane]:R}) is {results[lane]:R} instead of {expected:R}");
                    }
                }
            }
        }
    }

    private static void Each<V>(string name, Func<V, V> ours, Func<float, float> exact)
        where V : unmanaged, IVector<V>
    {
        float[] numbers = Numbers(3000, 2);
        for (int i = 0; i < numbers.Length; i += V.Count)
        {
            float[] results = Lanes(ours(Of<V>(numbers.AsSpan(i))));
            for (int lane = 0; lane < V.Count; lane++)
            {
                float expected = exact(numbers[i + lane]);
                Assert.True(Same(expected, results[lane]), $"{name}({numbers[i + lane]:R}) is {results[lane]:R} instead of {expected:R}");
            }
        }
    }

    private static float Bits(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private sealed class Arithmetic : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Assert.Equal(Unsafe.SizeOf<V>() / sizeof(float), V.Count);
            Assert.True(V.Registers is 16 or 32);
            Assert.All(Words(V.Zero), static bits => Assert.Equal(0u, bits));
            Assert.All(Lanes(V.All(-3.25f)), static lane => Assert.Equal(-3.25f, lane));
            Pairs<V>("+", static (a, b) => a + b, static (a, b) => a + b);
            Pairs<V>("-", static (a, b) => a - b, static (a, b) => a - b);
            Pairs<V>("*", static (a, b) => a * b, static (a, b) => a * b);
            Pairs<V>("/", static (a, b) => a / b, static (a, b) => a / b);
            Pairs<V>("Min", V.Min, static (a, b) => a < b ? a : b);
            Pairs<V>("Max", V.Max, static (a, b) => a > b ? a : b);
            Each<V>("-", static a => -a, static a => -a);
            Each<V>("Abs", V.Abs, MathF.Abs);
            Each<V>("Sqrt", V.Sqrt, MathF.Sqrt);
            Each<V>("Floor", V.Floor, MathF.Floor);
            Each<V>("Ceiling", V.Ceiling, MathF.Ceiling);
            Each<V>("Round", V.Round, static a => MathF.Round(a, MidpointRounding.ToEven));
            Each<V>("Truncate", V.Truncate, MathF.Truncate);
            Pairs<V>("Fma", static (a, b) => V.Fma(a, b, V.All(0.75f)), static (a, b) => MathF.FusedMultiplyAdd(a, b, 0.75f));
            Pairs<V>("Fma of c", static (a, b) => V.Fma(V.All(-3), a, b), static (a, b) => MathF.FusedMultiplyAdd(-3, a, b));
        }
    }

    private sealed class Masks : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Pairs<V>("&", static (a, b) => a & b, static (a, b) => Bits(Bits(a) & Bits(b)), bits: true);
            Pairs<V>("|", static (a, b) => a | b, static (a, b) => Bits(Bits(a) | Bits(b)), bits: true);
            Pairs<V>("^", static (a, b) => a ^ b, static (a, b) => Bits(Bits(a) ^ Bits(b)), bits: true);
            Pairs<V>("~", static (a, b) => ~a & b, static (a, b) => Bits(~Bits(a) & Bits(b)), bits: true);
            Pairs<V>("<", V.Less, static (a, b) => Bits(a < b ? ~0u : 0), bits: true);
            Pairs<V>("<=", V.LessOrEqual, static (a, b) => Bits(a <= b ? ~0u : 0), bits: true);
            Pairs<V>("=", V.Equal, static (a, b) => Bits(a == b ? ~0u : 0), bits: true);
            Pairs<V>("Select", static (a, b) => V.Select(V.Less(a, V.Zero), a, b), static (a, b) => a < 0 ? a : b, bits: true);
        }
    }

    private sealed class Places : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            float[] source = [.. Enumerable.Range(1, 40).Select(static i => (float)i)];
            fixed (float* start = source)
            {
                for (int offset = 0; offset < 20; offset++)
                {
                    Assert.Equal(source.AsSpan(offset, V.Count).ToArray(), Lanes(V.Load(start + offset)));
                }

                for (int count = 0; count <= V.Count; count++)
                {
                    float[] expected = new float[V.Count];
                    source.AsSpan(3, count).CopyTo(expected);
                    Assert.Equal(expected, Lanes(V.LoadFirst(start + 3, count)));
                    using var target = new TestMemory(count);
                    V.Load(start).StoreFirst(target.Floats, count);
                    Assert.True(target.Span.SequenceEqual(source.AsSpan(0, count)));
                }
            }
        }
    }

    private sealed class Conversions : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            byte[] bytes = [.. Enumerable.Range(0, 256).Select(static i => (byte)i)];
            byte* stored = stackalloc byte[V.Count + 1];
            fixed (byte* start = bytes)
            {
                for (int i = 0; i + V.Count <= 256; i++)
                {
                    V loaded = V.LoadBytes(start + i);
                    Assert.Equal(bytes.Skip(i).Take(V.Count).Select(static value => (float)value), Lanes(loaded));
                    stored[V.Count] = 77;
                    loaded.StoreBytes(stored);
                    Assert.True(new ReadOnlySpan<byte>(stored, V.Count).SequenceEqual(bytes.AsSpan(i, V.Count)));
                    Assert.Equal(77, stored[V.Count]);
                }
            }

            int[] integers = [0, 1, -1, int.MaxValue, int.MinValue, 16777217, -16777219, 123456789, 255, 7, 8, 9, 10, 11, 12, 13];
            fixed (int* start = integers)
            {
                for (int i = 0; i < 16; i += V.Count)
                {
                    Assert.Equal(integers.Skip(i).Take(V.Count).Select(static value => (float)value), Lanes(V.LoadInt32(start + i)));
                }
            }

            float[] numbers = [.. Numbers(4000, 3), 1.00390625f, 1.01171875f, Bits(0x3F808000u), Bits(0x3F818000u), Bits(0x3F80FFFFu), Bits(0x7F7FFFFFu), Bits(0x7F800001u), Bits(0xFFC00001u), Bits(0x00008000u), Bits(0x00018000u), 1, 2, 3, 4, 5, 6];
            ushort* halves = stackalloc ushort[V.Count + 1];
            for (int i = 0; i < numbers.Length; i += V.Count)
            {
                halves[V.Count] = 777;
                Of<V>(numbers.AsSpan(i)).StoreBFloat16(halves);
                Assert.Equal(777, halves[V.Count]);
                float[] back = Lanes(V.LoadBFloat16(halves));
                for (int lane = 0; lane < V.Count; lane++)
                {
                    float number = numbers[i + lane];
                    Assert.Equal((uint)halves[lane] << 16, Bits(back[lane]));
                    if (float.IsNaN(number))
                    {
                        Assert.True(float.IsNaN(back[lane]));
                        continue;
                    }

                    // Nearest of the two neighbours; the even one when both are as near. One past the largest number counts as infinity.
                    uint down = Bits(number) & 0xFFFF0000u;
                    uint rest = Bits(number) & 0xFFFFu;
                    bool up = rest > 0x8000 || (rest == 0x8000 && (down & 0x10000) != 0);
                    Assert.Equal(up ? down + 0x10000 : down, Bits(back[lane]));
                }
            }
        }
    }

    private sealed class Blocks : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(4);
            for (int round = 0; round < 50; round++)
            {
                using TestMemory lanes = TestMemory.Random(V.Count, random);
                double sum = 0;
                double size = 0;
                foreach (float lane in lanes.Span)
                {
                    sum += lane;
                    size += Math.Abs(lane);
                }

                Assert.InRange(V.Sum(V.Load(lanes.Floats)), sum - (3e-7 * size), sum + (3e-7 * size));
                Assert.Equal(lanes.Span.ToArray().Max(), V.Largest(V.Load(lanes.Floats)));
            }

            Assert.True(float.IsNaN(V.Sum(Of<V>([float.NaN, .. new float[15]]))));
            Assert.True(float.IsNaN(V.Sum(Of<V>([float.PositiveInfinity, 0, 0, float.NegativeInfinity, .. new float[12]]))));
            foreach ((int from, int to) in ((int, int)[])[(V.Count, V.Count), (V.Count + 3, V.Count + 5), (40, 17)])
            {
                using TestMemory source = TestMemory.Random(((V.Count - 1) * from) + V.Count, random);
                using var target = new TestMemory(((V.Count - 1) * to) + V.Count);
                V.Transpose(source.Floats, from, target.Floats, to);
                for (int i = 0; i < V.Count; i++)
                {
                    for (int j = 0; j < to && (i * to) + j < target.Count; j++)
                    {
                        float expected = j < V.Count ? source[(j * from) + i] : float.NaN;
                        Assert.True(Same(expected, target[(i * to) + j]));
                    }
                }
            }
        }
    }

    private sealed class Powers : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            float[] numbers = [1, -1.5f, 0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1.17549435e-38f, 1e-41f, float.MaxValue, 1.9999999f, -3, 0.7f, 1.25f, 1.1f, 1e3f];
            for (int n = -252; n <= 254; n++)
            {
                for (int i = 0; i < 16; i += V.Count)
                {
                    float[] results = Lanes(V.Scale(Of<V>(numbers.AsSpan(i)), V.All(n)));
                    for (int lane = 0; lane < V.Count; lane++)
                    {
                        // The narrow forms multiply twice, so a result below the normal numbers may be rounded twice.
                        double exact = numbers[i + lane] * Math.Pow(2, n);
                        Assert.True(Same((float)exact, results[lane]) || Math.Abs(exact - results[lane]) <= float.Epsilon, $"{numbers[i + lane]} * 2^{n} is {results[lane]}");
                    }
                }
            }
        }
    }

    private sealed class Integers : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Assert.All(Words(V.AllBits(0xFFC12345)), static word => Assert.Equal(0xFFC12345, word));
            Assert.Equal(Enumerable.Range(0, V.Count).Select(static i => (uint)i), Words(V.LaneNumbers));
            Pairs<V>("AddInt32", V.AddInt32, static (a, b) => Bits(Bits(a) + Bits(b)), bits: true);
            Pairs<V>("MultiplyUInt32", static (a, b) => V.MultiplyUInt32(a, b, out _), static (a, b) => Bits(Bits(a) * Bits(b)), bits: true);
            Pairs<V>(
                "MultiplyUInt32, upper half",
                static (a, b) =>
                {
                    V.MultiplyUInt32(a, b, out V high);
                    return high;
                },
                static (a, b) => Bits((uint)(((ulong)Bits(a) * Bits(b)) >> 32)),
                bits: true);
            Each<V>("UnitInterval", V.UnitInterval, static a => (Bits(a) >> 8) / 16777216f);
        }
    }
}
