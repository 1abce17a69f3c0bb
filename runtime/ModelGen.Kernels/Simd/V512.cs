using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Kernels;

/// <summary>Sixteen floats: AVX-512.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct V512 : IVector<V512>
{
    private readonly Vector512<float> v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal V512(Vector512<float> v) => this.v = v;

    /// <inheritdoc/>
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    /// <inheritdoc/>
    public static int Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 32;
    }

    /// <inheritdoc/>
    public static V512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<float>.Zero);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 All(float value) => new(Vector512.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Load(float* source) => new(Vector512.Load(source));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LoadFirst(float* source, int count) => new(Avx512F.MaskLoad(source, First(count), Vector512<float>.Zero));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LoadBytes(byte* source) => new(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(source))));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LoadBFloat16(ushort* source) => new(Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load(source)), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LoadInt32(int* source) => new(Vector512.ConvertToSingle(Vector512.Load(source)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => v.Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst(float* target, int count) => Avx512F.MaskStore(target, First(count), v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(byte* target) => Avx512F.ConvertToVector128Byte(Vector512.ConvertToInt32Native(v)).Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target) => Avx512F.ConvertToVector256UInt16(Rounded()).Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 RoundToBFloat16(V512 a) => new(Vector512.ShiftLeft(a.Rounded(), 16).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator +(V512 a, V512 b) => new(a.v + b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator -(V512 a, V512 b) => new(a.v - b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator *(V512 a, V512 b) => new(a.v * b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator /(V512 a, V512 b) => new(a.v / b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator &(V512 a, V512 b) => new(a.v & b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator |(V512 a, V512 b) => new(a.v | b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator ^(V512 a, V512 b) => new(a.v ^ b.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator -(V512 a) => new(-a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator ~(V512 a) => new(~a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Fma(V512 a, V512 b, V512 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Min(V512 a, V512 b) => new(Avx512F.Min(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Max(V512 a, V512 b) => new(Avx512F.Max(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Abs(V512 a) => new(Vector512.Abs(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Sqrt(V512 a) => new(Vector512.Sqrt(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Floor(V512 a) => new(Vector512.Floor(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Ceiling(V512 a) => new(Vector512.Ceiling(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Round(V512 a) => new(Vector512.Round(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Truncate(V512 a) => new(Vector512.Truncate(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Scale(V512 a, V512 n) => new(Avx512F.Scale(a.v, n.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Less(V512 a, V512 b) => new(Vector512.LessThan(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LessOrEqual(V512 a, V512 b) => new(Vector512.LessThanOrEqual(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Equal(V512 a, V512 b) => new(Vector512.Equals(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Select(V512 mask, V512 a, V512 b) => new(Vector512.ConditionalSelect(mask.v, a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Log(V512 a) => new(Vector512.Log(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Sin(V512 a) => new(Vector512.Sin(a.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Cos(V512 a) => new(Vector512.Cos(a.v));

    /// <inheritdoc/>
    public static V512 LaneNumbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<uint>.Indices.AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 AllBits(uint value) => new(Vector512.Create(value).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 AddInt32(V512 a, V512 b) => new((a.v.AsUInt32() + b.v.AsUInt32()).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 MultiplyUInt32(V512 a, V512 b, out V512 high)
    {
        Vector512<uint> x = a.v.AsUInt32();
        Vector512<uint> y = b.v.AsUInt32();
        Vector512<ulong> even = Avx512F.Multiply(x, y);
        Vector512<ulong> odd = Avx512F.Multiply(Vector512.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32(), Vector512.ShiftRightLogical(y.AsUInt64(), 32).AsUInt32());
        Vector512<ulong> lower = Vector512.Create(0xFFFFFFFFul);
        high = new(Vector512.ConditionalSelect(lower, Vector512.ShiftRightLogical(even, 32), odd).AsSingle());
        return new(Vector512.ConditionalSelect(lower, even, Vector512.ShiftLeft(odd, 32)).AsSingle());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 UnitInterval(V512 bits) => new(Vector512.ConvertToSingle(Vector512.ShiftRightLogical(bits.v.AsUInt32(), 8).AsInt32()) * Vector512.Create(1f / (1 << 24)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(V512 a) => Vector512.Sum(a.v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(V512 a) => V256.Largest(V256.Max(new V256(a.v.GetLower()), new V256(a.v.GetUpper())));

    /// <inheritdoc/>
    public static void Transpose(float* source, nint sourceStride, float* target, nint targetStride)
    {
        Vector512<float> r0 = Vector512.Load(source);
        Vector512<float> r1 = Vector512.Load(source + sourceStride);
        Vector512<float> r2 = Vector512.Load(source + (2 * sourceStride));
        Vector512<float> r3 = Vector512.Load(source + (3 * sourceStride));
        Vector512<float> r4 = Vector512.Load(source + (4 * sourceStride));
        Vector512<float> r5 = Vector512.Load(source + (5 * sourceStride));
        Vector512<float> r6 = Vector512.Load(source + (6 * sourceStride));
        Vector512<float> r7 = Vector512.Load(source + (7 * sourceStride));
        Vector512<float> r8 = Vector512.Load(source + (8 * sourceStride));
        Vector512<float> r9 = Vector512.Load(source + (9 * sourceStride));
        Vector512<float> r10 = Vector512.Load(source + (10 * sourceStride));
        Vector512<float> r11 = Vector512.Load(source + (11 * sourceStride));
        Vector512<float> r12 = Vector512.Load(source + (12 * sourceStride));
        Vector512<float> r13 = Vector512.Load(source + (13 * sourceStride));
        Vector512<float> r14 = Vector512.Load(source + (14 * sourceStride));
        Vector512<float> r15 = Vector512.Load(source + (15 * sourceStride));
        Vector512<float> t0 = Avx512F.UnpackLow(r0, r1);
        Vector512<float> t1 = Avx512F.UnpackHigh(r0, r1);
        Vector512<float> t2 = Avx512F.UnpackLow(r2, r3);
        Vector512<float> t3 = Avx512F.UnpackHigh(r2, r3);
        Vector512<float> t4 = Avx512F.UnpackLow(r4, r5);
        Vector512<float> t5 = Avx512F.UnpackHigh(r4, r5);
        Vector512<float> t6 = Avx512F.UnpackLow(r6, r7);
        Vector512<float> t7 = Avx512F.UnpackHigh(r6, r7);
        Vector512<float> t8 = Avx512F.UnpackLow(r8, r9);
        Vector512<float> t9 = Avx512F.UnpackHigh(r8, r9);
        Vector512<float> t10 = Avx512F.UnpackLow(r10, r11);
        Vector512<float> t11 = Avx512F.UnpackHigh(r10, r11);
        Vector512<float> t12 = Avx512F.UnpackLow(r12, r13);
        Vector512<float> t13 = Avx512F.UnpackHigh(r12, r13);
        Vector512<float> t14 = Avx512F.UnpackLow(r14, r15);
        Vector512<float> t15 = Avx512F.UnpackHigh(r14, r15);
        Vector512<float> u0 = Avx512F.Shuffle(t0, t2, 0x44);
        Vector512<float> u1 = Avx512F.Shuffle(t0, t2, 0xEE);
        Vector512<float> u2 = Avx512F.Shuffle(t1, t3, 0x44);
        Vector512<float> u3 = Avx512F.Shuffle(t1, t3, 0xEE);
        Vector512<float> u4 = Avx512F.Shuffle(t4, t6, 0x44);
        Vector512<float> u5 = Avx512F.Shuffle(t4, t6, 0xEE);
        Vector512<float> u6 = Avx512F.Shuffle(t5, t7, 0x44);
        Vector512<float> u7 = Avx512F.Shuffle(t5, t7, 0xEE);
        Vector512<float> u8 = Avx512F.Shuffle(t8, t10, 0x44);
        Vector512<float> u9 = Avx512F.Shuffle(t8, t10, 0xEE);
        Vector512<float> u10 = Avx512F.Shuffle(t9, t11, 0x44);
        Vector512<float> u11 = Avx512F.Shuffle(t9, t11, 0xEE);
        Vector512<float> u12 = Avx512F.Shuffle(t12, t14, 0x44);
        Vector512<float> u13 = Avx512F.Shuffle(t12, t14, 0xEE);
        Vector512<float> u14 = Avx512F.Shuffle(t13, t15, 0x44);
        Vector512<float> u15 = Avx512F.Shuffle(t13, t15, 0xEE);
        Vector512<float> a0 = Avx512F.Shuffle4x128(u0, u4, 0x88);
        Vector512<float> b0 = Avx512F.Shuffle4x128(u0, u4, 0xDD);
        Vector512<float> c0 = Avx512F.Shuffle4x128(u8, u12, 0x88);
        Vector512<float> d0 = Avx512F.Shuffle4x128(u8, u12, 0xDD);
        Vector512<float> a1 = Avx512F.Shuffle4x128(u1, u5, 0x88);
        Vector512<float> b1 = Avx512F.Shuffle4x128(u1, u5, 0xDD);
        Vector512<float> c1 = Avx512F.Shuffle4x128(u9, u13, 0x88);
        Vector512<float> d1 = Avx512F.Shuffle4x128(u9, u13, 0xDD);
        Vector512<float> a2 = Avx512F.Shuffle4x128(u2, u6, 0x88);
        Vector512<float> b2 = Avx512F.Shuffle4x128(u2, u6, 0xDD);
        Vector512<float> c2 = Avx512F.Shuffle4x128(u10, u14, 0x88);
        Vector512<float> d2 = Avx512F.Shuffle4x128(u10, u14, 0xDD);
        Vector512<float> a3 = Avx512F.Shuffle4x128(u3, u7, 0x88);
        Vector512<float> b3 = Avx512F.Shuffle4x128(u3, u7, 0xDD);
        Vector512<float> c3 = Avx512F.Shuffle4x128(u11, u15, 0x88);
        Vector512<float> d3 = Avx512F.Shuffle4x128(u11, u15, 0xDD);
        Avx512F.Shuffle4x128(a0, c0, 0x88).Store(target);
        Avx512F.Shuffle4x128(a1, c1, 0x88).Store(target + targetStride);
        Avx512F.Shuffle4x128(a2, c2, 0x88).Store(target + (2 * targetStride));
        Avx512F.Shuffle4x128(a3, c3, 0x88).Store(target + (3 * targetStride));
        Avx512F.Shuffle4x128(b0, d0, 0x88).Store(target + (4 * targetStride));
        Avx512F.Shuffle4x128(b1, d1, 0x88).Store(target + (5 * targetStride));
        Avx512F.Shuffle4x128(b2, d2, 0x88).Store(target + (6 * targetStride));
        Avx512F.Shuffle4x128(b3, d3, 0x88).Store(target + (7 * targetStride));
        Avx512F.Shuffle4x128(a0, c0, 0xDD).Store(target + (8 * targetStride));
        Avx512F.Shuffle4x128(a1, c1, 0xDD).Store(target + (9 * targetStride));
        Avx512F.Shuffle4x128(a2, c2, 0xDD).Store(target + (10 * targetStride));
        Avx512F.Shuffle4x128(a3, c3, 0xDD).Store(target + (11 * targetStride));
        Avx512F.Shuffle4x128(b0, d0, 0xDD).Store(target + (12 * targetStride));
        Avx512F.Shuffle4x128(b1, d1, 0xDD).Store(target + (13 * targetStride));
        Avx512F.Shuffle4x128(b2, d2, 0xDD).Store(target + (14 * targetStride));
        Avx512F.Shuffle4x128(b3, d3, 0xDD).Store(target + (15 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> First(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    /// <summary>The upper halves of all lanes, rounded to nearest even; a NaN keeps its upper half, made quiet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<uint> Rounded()
    {
        Vector512<uint> bits = v.AsUInt32();
        Vector512<uint> upper = Vector512.ShiftRightLogical(bits, 16);
        Vector512<uint> rounded = Vector512.ShiftRightLogical(bits + Vector512.Create(0x7FFFu) + (upper & Vector512.Create(1u)), 16);
        return Vector512.ConditionalSelect(Vector512.Equals(v, v).AsUInt32(), rounded, upper | Vector512.Create(0x40u));
    }
}
