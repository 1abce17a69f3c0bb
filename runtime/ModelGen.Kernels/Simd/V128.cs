using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Kernels;

/// <summary>Four floats: AdvSimd (Arm) and SSE.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct V128 : IVector<V128>
{
    private readonly Vector128<float> v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal V128(Vector128<float> v) => this.v = v;

    /// <inheritdoc/>
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    /// <inheritdoc/>
    public static int Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => AdvSimd.IsSupported ? 32 : 16;
    }

    /// <inheritdoc/>
    public static V128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 All(float value) => new(Vector128.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Load(float* source) => new(Vector128.Load(source));

    /// <inheritdoc/>
    public static V128 LoadFirst(float* source, int count)
    {
        float* lanes = stackalloc float[4];
        for (int i = 0; i < 4; i++)
        {
            lanes[i] = i < count ? source[i] : 0;
        }

        return new(Vector128.Load(lanes));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 LoadBytes(byte* source) => new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(source)).AsByte())).AsInt32()));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 LoadBFloat16(ushort* source) => new(Vector128.ShiftLeft(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 LoadInt32(int* source) => new(Vector128.ConvertToSingle(Vector128.Load(source)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => v.Store(target);

    /// <inheritdoc/>
    public void StoreFirst(float* target, int count)
    {
        for (int i = 0; i < count; i++)
        {
            target[i] = v[i];
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(byte* target)
    {
        Vector128<short> words = Vector128.Narrow(Vector128.ConvertToInt32Native(v), Vector128<int>.Zero);
        Unsafe.WriteUnaligned(target, Vector128.Narrow(words, words).AsUInt32().ToScalar());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target) => Unsafe.WriteUnaligned(target, Vector128.Narrow(Rounded(), Vector128<uint>.Zero).AsUInt64().ToScalar());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 RoundToBFloat16(V128 a) => new(Vector128.ShiftLeft(a.Rounded(), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator +(V128 a, V128 b) => new(a.v + b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator -(V128 a, V128 b) => new(a.v - b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator *(V128 a, V128 b) => new(a.v * b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator /(V128 a, V128 b) => new(a.v / b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator &(V128 a, V128 b) => new(a.v & b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator |(V128 a, V128 b) => new(a.v | b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator ^(V128 a, V128 b) => new(a.v ^ b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator -(V128 a) => new(-a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator ~(V128 a) => new(~a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Fma(V128 a, V128 b, V128 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Min(V128 a, V128 b) => new(Sse.IsSupported ? Sse.Min(a.v, b.v) : Vector128.ConditionalSelect(Vector128.LessThan(a.v, b.v), a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Max(V128 a, V128 b) => new(Sse.IsSupported ? Sse.Max(a.v, b.v) : Vector128.ConditionalSelect(Vector128.GreaterThan(a.v, b.v), a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Abs(V128 a) => new(Vector128.Abs(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Sqrt(V128 a) => new(Vector128.Sqrt(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Floor(V128 a) => new(Vector128.Floor(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Ceiling(V128 a) => new(Vector128.Ceiling(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Round(V128 a) => new(Vector128.Round(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Truncate(V128 a) => new(Vector128.Truncate(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Scale(V128 a, V128 n)
    {
        // In two halves, so that the powers stay normal numbers.
        Vector128<int> whole = Vector128.ConvertToInt32Native(n.v);
        Vector128<int> half = Vector128.ShiftRightArithmetic(whole, 1);
        Vector128<int> rest = whole - half;
        Vector128<int> bias = Vector128.Create(127);
        return new(a.v * Vector128.ShiftLeft(half + bias, 23).AsSingle() * Vector128.ShiftLeft(rest + bias, 23).AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Less(V128 a, V128 b) => new(Vector128.LessThan(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 LessOrEqual(V128 a, V128 b) => new(Vector128.LessThanOrEqual(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Equal(V128 a, V128 b) => new(Vector128.Equals(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Select(V128 mask, V128 a, V128 b) => new(Vector128.ConditionalSelect(mask.v, a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Log(V128 a) => new(Vector128.Log(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Sin(V128 a) => new(Vector128.Sin(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Cos(V128 a) => new(Vector128.Cos(a.v));

    /// <inheritdoc/>
    public static V128 LaneNumbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<uint>.Indices.AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 AllBits(uint value) => new(Vector128.Create(value).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 AddInt32(V128 a, V128 b) => new((a.v.AsUInt32() + b.v.AsUInt32()).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 MultiplyUInt32(V128 a, V128 b, out V128 high)
    {
        Vector128<uint> x = a.v.AsUInt32();
        Vector128<uint> y = b.v.AsUInt32();
        Vector128<uint> oddX = Vector128.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32();
        Vector128<uint> oddY = Vector128.ShiftRightLogical(y.AsUInt64(), 32).AsUInt32();
        Vector128<ulong> even = Sse2.IsSupported ? Sse2.Multiply(x, y) : (x.AsUInt64() & Vector128.Create(0xFFFFFFFFul)) * (y.AsUInt64() & Vector128.Create(0xFFFFFFFFul));
        Vector128<ulong> odd = Sse2.IsSupported ? Sse2.Multiply(oddX, oddY) : oddX.AsUInt64() * oddY.AsUInt64();
        Vector128<ulong> lower = Vector128.Create(0xFFFFFFFFul);
        high = new(Vector128.ConditionalSelect(lower, Vector128.ShiftRightLogical(even, 32), odd).AsSingle());
        return new(Vector128.ConditionalSelect(lower, even, Vector128.ShiftLeft(odd, 32)).AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 UnitInterval(V128 bits) => new(Vector128.ConvertToSingle(Vector128.ShiftRightLogical(bits.v.AsUInt32(), 8).AsInt32()) * Vector128.Create(1f / (1 << 24)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(V128 a) => Vector128.Sum(a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(V128 a)
    {
        V128 pairs = Max(a, new(Vector128.Shuffle(a.v, Vector128.Create(2, 3, 0, 1))));
        return Max(pairs, new(Vector128.Shuffle(pairs.v, Vector128.Create(1, 0, 3, 2)))).v.ToScalar();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(float* source, nint sourceStride, float* target, nint targetStride)
    {
        Vector128<float> r0 = Vector128.Load(source);
        Vector128<float> r1 = Vector128.Load(source + sourceStride);
        Vector128<float> r2 = Vector128.Load(source + (2 * sourceStride));
        Vector128<float> r3 = Vector128.Load(source + (3 * sourceStride));
        Vector128<float> a = Low(r0, r2);
        Vector128<float> b = High(r0, r2);
        Vector128<float> c = Low(r1, r3);
        Vector128<float> d = High(r1, r3);
        Low(a, c).Store(target);
        High(a, c).Store(target + targetStride);
        Low(b, d).Store(target + (2 * targetStride));
        High(b, d).Store(target + (3 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) => Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) => Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);

    /// <summary>The upper halves of all lanes, rounded to nearest even; a NaN keeps its upper half, made quiet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<uint> Rounded()
    {
        Vector128<uint> bits = v.AsUInt32();
        Vector128<uint> upper = Vector128.ShiftRightLogical(bits, 16);
        Vector128<uint> rounded = Vector128.ShiftRightLogical(bits + Vector128.Create(0x7FFFu) + (upper & Vector128.Create(1u)), 16);
        return Vector128.ConditionalSelect(Vector128.Equals(v, v).AsUInt32(), rounded, upper | Vector128.Create(0x40u));
    }
}
