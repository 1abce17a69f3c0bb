using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Kernels;

/// <summary>Eight floats: AVX2.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct V256 : IVector<V256>
{
    private readonly Vector256<float> v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal V256(Vector256<float> v) => this.v = v;

    /// <inheritdoc/>
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    /// <inheritdoc/>
    public static int Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    /// <inheritdoc/>
    public static V256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<float>.Zero);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 All(float value) => new(Vector256.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Load(float* source) => new(Vector256.Load(source));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LoadFirst(float* source, int count) => new(Avx.MaskLoad(source, First(count)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LoadBytes(byte* source) => new(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(source)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LoadBFloat16(ushort* source) => new(Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(source), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LoadInt32(int* source) => new(Vector256.ConvertToSingle(Vector256.Load(source)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => v.Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst(float* target, int count) => Avx.MaskStore(target, First(count), v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(byte* target)
    {
        Vector256<int> whole = Vector256.ConvertToInt32Native(v);
        Vector128<short> words = Vector128.Narrow(whole.GetLower(), whole.GetUpper());
        Unsafe.WriteUnaligned(target, Vector128.Narrow(words, words).AsUInt64().ToScalar());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target)
    {
        Vector256<uint> rounded = Rounded();
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store(target);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 RoundToBFloat16(V256 a) => new(Vector256.ShiftLeft(a.Rounded(), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator +(V256 a, V256 b) => new(a.v + b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator -(V256 a, V256 b) => new(a.v - b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator *(V256 a, V256 b) => new(a.v * b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator /(V256 a, V256 b) => new(a.v / b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator &(V256 a, V256 b) => new(a.v & b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator |(V256 a, V256 b) => new(a.v | b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator ^(V256 a, V256 b) => new(a.v ^ b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator -(V256 a) => new(-a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator ~(V256 a) => new(~a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Fma(V256 a, V256 b, V256 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Min(V256 a, V256 b) => new(Avx.Min(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Max(V256 a, V256 b) => new(Avx.Max(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Abs(V256 a) => new(Vector256.Abs(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Sqrt(V256 a) => new(Vector256.Sqrt(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Floor(V256 a) => new(Vector256.Floor(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Ceiling(V256 a) => new(Vector256.Ceiling(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Round(V256 a) => new(Vector256.Round(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Truncate(V256 a) => new(Vector256.Truncate(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Scale(V256 a, V256 n)
    {
        // In two halves, so that the powers stay normal numbers.
        Vector256<int> whole = Vector256.ConvertToInt32Native(n.v);
        Vector256<int> half = Vector256.ShiftRightArithmetic(whole, 1);
        Vector256<int> rest = whole - half;
        Vector256<int> bias = Vector256.Create(127);
        return new(a.v * Vector256.ShiftLeft(half + bias, 23).AsSingle() * Vector256.ShiftLeft(rest + bias, 23).AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Less(V256 a, V256 b) => new(Vector256.LessThan(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LessOrEqual(V256 a, V256 b) => new(Vector256.LessThanOrEqual(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Equal(V256 a, V256 b) => new(Vector256.Equals(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Select(V256 mask, V256 a, V256 b) => new(Vector256.ConditionalSelect(mask.v, a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Log(V256 a) => new(Vector256.Log(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Sin(V256 a) => new(Vector256.Sin(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Cos(V256 a) => new(Vector256.Cos(a.v));

    /// <inheritdoc/>
    public static V256 LaneNumbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<uint>.Indices.AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 AllBits(uint value) => new(Vector256.Create(value).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 AddInt32(V256 a, V256 b) => new((a.v.AsUInt32() + b.v.AsUInt32()).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 MultiplyUInt32(V256 a, V256 b, out V256 high)
    {
        Vector256<uint> x = a.v.AsUInt32();
        Vector256<uint> y = b.v.AsUInt32();
        Vector256<ulong> even = Avx2.Multiply(x, y);
        Vector256<ulong> odd = Avx2.Multiply(Vector256.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32(), Vector256.ShiftRightLogical(y.AsUInt64(), 32).AsUInt32());
        Vector256<ulong> lower = Vector256.Create(0xFFFFFFFFul);
        high = new(Vector256.ConditionalSelect(lower, Vector256.ShiftRightLogical(even, 32), odd).AsSingle());
        return new(Vector256.ConditionalSelect(lower, even, Vector256.ShiftLeft(odd, 32)).AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 UnitInterval(V256 bits) => new(Vector256.ConvertToSingle(Vector256.ShiftRightLogical(bits.v.AsUInt32(), 8).AsInt32()) * Vector256.Create(1f / (1 << 24)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(V256 a) => Vector256.Sum(a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(V256 a) => V128.Largest(V128.Max(new V128(a.v.GetLower()), new V128(a.v.GetUpper())));

    /// <inheritdoc/>
    public static void Transpose(float* source, nint sourceStride, float* target, nint targetStride)
    {
        Vector256<float> r0 = Vector256.Load(source);
        Vector256<float> r1 = Vector256.Load(source + sourceStride);
        Vector256<float> r2 = Vector256.Load(source + (2 * sourceStride));
        Vector256<float> r3 = Vector256.Load(source + (3 * sourceStride));
        Vector256<float> r4 = Vector256.Load(source + (4 * sourceStride));
        Vector256<float> r5 = Vector256.Load(source + (5 * sourceStride));
        Vector256<float> r6 = Vector256.Load(source + (6 * sourceStride));
        Vector256<float> r7 = Vector256.Load(source + (7 * sourceStride));
        Vector256<float> t0 = Avx.UnpackLow(r0, r1);
        Vector256<float> t1 = Avx.UnpackHigh(r0, r1);
        Vector256<float> t2 = Avx.UnpackLow(r2, r3);
        Vector256<float> t3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> t4 = Avx.UnpackLow(r4, r5);
        Vector256<float> t5 = Avx.UnpackHigh(r4, r5);
        Vector256<float> t6 = Avx.UnpackLow(r6, r7);
        Vector256<float> t7 = Avx.UnpackHigh(r6, r7);
        Vector256<float> u0 = Avx.Shuffle(t0, t2, 0x44);
        Vector256<float> u1 = Avx.Shuffle(t0, t2, 0xEE);
        Vector256<float> u2 = Avx.Shuffle(t1, t3, 0x44);
        Vector256<float> u3 = Avx.Shuffle(t1, t3, 0xEE);
        Vector256<float> u4 = Avx.Shuffle(t4, t6, 0x44);
        Vector256<float> u5 = Avx.Shuffle(t4, t6, 0xEE);
        Vector256<float> u6 = Avx.Shuffle(t5, t7, 0x44);
        Vector256<float> u7 = Avx.Shuffle(t5, t7, 0xEE);
        Avx.Permute2x128(u0, u4, 0x20).Store(target);
        Avx.Permute2x128(u1, u5, 0x20).Store(target + targetStride);
        Avx.Permute2x128(u2, u6, 0x20).Store(target + (2 * targetStride));
        Avx.Permute2x128(u3, u7, 0x20).Store(target + (3 * targetStride));
        Avx.Permute2x128(u0, u4, 0x31).Store(target + (4 * targetStride));
        Avx.Permute2x128(u1, u5, 0x31).Store(target + (5 * targetStride));
        Avx.Permute2x128(u2, u6, 0x31).Store(target + (6 * targetStride));
        Avx.Permute2x128(u3, u7, 0x31).Store(target + (7 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> First(int count) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();

    /// <summary>The upper halves of all lanes, rounded to nearest even; a NaN keeps its upper half, made quiet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<uint> Rounded()
    {
        Vector256<uint> bits = v.AsUInt32();
        Vector256<uint> upper = Vector256.ShiftRightLogical(bits, 16);
        Vector256<uint> rounded = Vector256.ShiftRightLogical(bits + Vector256.Create(0x7FFFu) + (upper & Vector256.Create(1u)), 16);
        return Vector256.ConditionalSelect(Vector256.Equals(v, v).AsUInt32(), rounded, upper | Vector256.Create(0x40u));
    }
}
