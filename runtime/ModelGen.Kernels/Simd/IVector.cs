using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// A register of floats. Kernels are written once over this interface and compiled by the JIT for each width, at no cost: every member is inlined.
/// A mask is a vector whose lanes have all bits set (true) or none (false).
/// </summary>
/// <typeparam name="TSelf">The implementing type.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe interface IVector<TSelf>
    where TSelf : unmanaged, IVector<TSelf>
{
    /// <summary>Number of lanes: 16, 8 or 4.</summary>
    static abstract int Count { get; }

    /// <summary>Number of registers that the hardware has at this width: 32 or 16.</summary>
    static abstract int Registers { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>The same number in all lanes.</summary>
    static abstract TSelf All(float value);

    /// <summary>Loads all lanes; no alignment is needed.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Loads the first lanes and zeroes the others; memory after them is not touched.</summary>
    /// <param name="source">First number.</param>
    /// <param name="count">Number of lanes, 0 to <see cref="Count"/>.</param>
    static abstract TSelf LoadFirst(float* source, int count);

    /// <summary>Loads bytes as numbers 0 to 255.</summary>
    static abstract TSelf LoadBytes(byte* source);

    /// <summary>Loads bfloat16 numbers.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>Loads 32-bit integers as floats, rounded to nearest.</summary>
    static abstract TSelf LoadInt32(int* source);

    /// <summary>Stores all lanes.</summary>
    void Store(float* target);

    /// <summary>Stores the first lanes; memory after them is not touched.</summary>
    /// <param name="target">Place of the first number.</param>
    /// <param name="count">Number of lanes, 0 to <see cref="Count"/>.</param>
    void StoreFirst(float* target, int count);

    /// <summary>Stores whole numbers from 0 to 255 as bytes.</summary>
    void StoreBytes(byte* target);

    /// <summary>Stores bfloat16 numbers, rounded to nearest even; NaN stays NaN.</summary>
    void StoreBFloat16(ushort* target);

    /// <summary>Lanes rounded to bfloat16, to nearest even; NaN stays NaN.</summary>
    static abstract TSelf RoundToBFloat16(TSelf a);

    /// <summary>Sum of each pair of lanes.</summary>
    static abstract TSelf operator +(TSelf a, TSelf b);

    /// <summary>Difference of each pair of lanes.</summary>
    static abstract TSelf operator -(TSelf a, TSelf b);

    /// <summary>Product of each pair of lanes.</summary>
    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>Quotient of each pair of lanes.</summary>
    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>Negated lanes.</summary>
    static abstract TSelf operator -(TSelf a);

    /// <summary>Bits set in both.</summary>
    static abstract TSelf operator &(TSelf a, TSelf b);

    /// <summary>Bits set in either.</summary>
    static abstract TSelf operator |(TSelf a, TSelf b);

    /// <summary>Bits set in one alone.</summary>
    static abstract TSelf operator ^(TSelf a, TSelf b);

    /// <summary>Inverted bits.</summary>
    static abstract TSelf operator ~(TSelf a);

    /// <summary>a * b + c, rounded once where the hardware can.</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    /// <summary>The smaller of each pair; b where either is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The larger of each pair; b where either is NaN, so <c>Max(Zero, x)</c> is PyTorch's relu.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>Absolute values.</summary>
    static abstract TSelf Abs(TSelf a);

    /// <summary>Square roots, rounded correctly.</summary>
    static abstract TSelf Sqrt(TSelf a);

    /// <summary>Largest whole number not above.</summary>
    static abstract TSelf Floor(TSelf a);

    /// <summary>Smallest whole number not below.</summary>
    static abstract TSelf Ceiling(TSelf a);

    /// <summary>Nearest whole number, halves to even.</summary>
    static abstract TSelf Round(TSelf a);

    /// <summary>Whole number towards zero.</summary>
    static abstract TSelf Truncate(TSelf a);

    /// <summary>a times two to the power of n.</summary>
    /// <param name="a">Finite or not.</param>
    /// <param name="n">Whole numbers from -252 to 254.</param>
    static abstract TSelf Scale(TSelf a, TSelf n);

    /// <summary>Mask of a &lt; b; false where either is NaN.</summary>
    static abstract TSelf Less(TSelf a, TSelf b);

    /// <summary>Mask of a &lt;= b; false where either is NaN.</summary>
    static abstract TSelf LessOrEqual(TSelf a, TSelf b);

    /// <summary>Mask of a = b; false where either is NaN.</summary>
    static abstract TSelf Equal(TSelf a, TSelf b);

    /// <summary>Lanes of a where the mask is true, of b elsewhere.</summary>
    static abstract TSelf Select(TSelf mask, TSelf a, TSelf b);

    /// <summary>Natural logarithms.</summary>
    static abstract TSelf Log(TSelf a);

    /// <summary>Sines of angles in radians.</summary>
    static abstract TSelf Sin(TSelf a);

    /// <summary>Cosines of angles in radians.</summary>
    static abstract TSelf Cos(TSelf a);

    /// <summary>The same 32 bits in all lanes.</summary>
    static abstract TSelf AllBits(uint value);

    /// <summary>The whole numbers 0, 1, 2 ... as 32-bit integers (bits, not floats).</summary>
    static abstract TSelf LaneNumbers { get; }

    /// <summary>Sum of lanes regarded as 32-bit integers.</summary>
    static abstract TSelf AddInt32(TSelf a, TSelf b);

    /// <summary>Products of lanes regarded as unsigned 32-bit integers.</summary>
    /// <param name="a">Factor.</param>
    /// <param name="b">Factor.</param>
    /// <param name="high">Upper 32 bits of the products.</param>
    /// <returns>Lower 32 bits of the products.</returns>
    static abstract TSelf MultiplyUInt32(TSelf a, TSelf b, out TSelf high);

    /// <summary>Numbers in [0, 1): the upper 24 bits of each lane, times 2^-24.</summary>
    static abstract TSelf UnitInterval(TSelf bits);

    /// <summary>Sum of all lanes, in a fixed order.</summary>
    static abstract float Sum(TSelf a);

    /// <summary>The largest of all lanes; any number where one is NaN.</summary>
    static abstract float Largest(TSelf a);

    /// <summary>Copies a block of <see cref="Count"/> by <see cref="Count"/> numbers, rows becoming columns.</summary>
    /// <param name="source">First number.</param>
    /// <param name="sourceStride">Distance of source rows.</param>
    /// <param name="target">First number.</param>
    /// <param name="targetStride">Distance of target rows.</param>
    static abstract void Transpose(float* source, nint sourceStride, float* target, nint targetStride);
}
