using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Arithmetic of 64-bit integers, which models use for indices, positions and masks. Operands repeat by strides of 0; results lie by rows. Truth values are floats, 0 or 1.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Integers
{
    /// <summary>Numbers that are worth a worker.</summary>
    private const nint Worth = 16384;

    private interface IFunction
    {
        static abstract long Of(long a, long b);
    }

    private interface ITest
    {
        static abstract bool Of(long a, long b);
    }

    /// <summary>Sums.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Add(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<AddFunction>(a, b, sizes, aStrides, bStrides, result, Worth);

    /// <summary>Differences.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Subtract(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<SubtractFunction>(a, b, sizes, aStrides, bStrides, result, Worth);

    /// <summary>Products.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Multiply(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<MultiplyFunction>(a, b, sizes, aStrides, bStrides, result, Worth);

    /// <summary>The larger ones.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Maximum(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<MaximumFunction>(a, b, sizes, aStrides, bStrides, result, Worth);

    /// <summary>The smaller ones.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Minimum(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<MinimumFunction>(a, b, sizes, aStrides, bStrides, result, Worth);

    /// <summary>Quotients, rounded down. On the calling thread alone, as a divisor of 0 throws.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    /// <exception cref="DivideByZeroException">A divisor is 0.</exception>
    public static void FloorDivide(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<FloorDivideFunction>(a, b, sizes, aStrides, bStrides, result, nint.MaxValue);

    /// <summary>Remainders with the sign of the divisor. On the calling thread alone, as a divisor of 0 throws.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    /// <exception cref="DivideByZeroException">A divisor is 0.</exception>
    public static void Remainder(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result) => Compute<RemainderFunction>(a, b, sizes, aStrides, bStrides, result, nint.MaxValue);

    /// <summary>Whether the first are smaller.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Less(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Floats result) => Compare<LessTest>(a, b, sizes, aStrides, bStrides, result);

    /// <summary>Whether the first are not larger.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void LessOrEqual(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Floats result) => Compare<LessOrEqualTest>(a, b, sizes, aStrides, bStrides, result);

    /// <summary>Whether both are equal.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Equal(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Floats result) => Compare<EqualTest>(a, b, sizes, aStrides, bStrides, result);

    /// <summary>Whether both differ.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void NotEqual(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Floats result) => Compare<NotEqualTest>(a, b, sizes, aStrides, bStrides, result);

    /// <summary>Takes each number from one of two operands.</summary>
    /// <param name="condition">Truth values.</param>
    /// <param name="a">Taken where the condition is true.</param>
    /// <param name="b">Taken elsewhere.</param>
    /// <param name="sizes">Sizes of the result, at most 8 dimensions.</param>
    /// <param name="conditionStrides">Strides of the condition.</param>
    /// <param name="aStrides">Strides of the first operand.</param>
    /// <param name="bStrides">Strides of the second.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Select(Floats condition, Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> conditionStrides, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result)
    {
        var body = new SelectLine { Condition = condition, A = a, B = b, Result = result };
        StridedLoop.Run(body, sizes, aStrides, bStrides, conditionStrides, Worth);
    }

    /// <summary>Magnitudes.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Result.</param>
    public static void Abs(Longs x, nint count, Longs result)
    {
        for (nint i = 0; i < count; i++)
        {
            result[i] = x[i] < 0 ? unchecked(-x[i]) : x[i];
        }
    }

    /// <summary>-1, 0 or 1.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Result.</param>
    public static void Sign(Longs x, nint count, Longs result)
    {
        for (nint i = 0; i < count; i++)
        {
            result[i] = Math.Sign(x[i]);
        }
    }

    /// <summary>Fills with a number.</summary>
    /// <param name="target">Receives it.</param>
    /// <param name="count">How many.</param>
    /// <param name="value">The number.</param>
    public static void Fill(Longs target, nint count, long value) => new Span<long>(target, (int)count).Fill(value);

    /// <summary>As floats, rounded to nearest.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Result.</param>
    public static void ToFloats(Longs x, nint count, Floats result)
    {
        for (nint i = 0; i < count; i++)
        {
            result[i] = x[i];
        }
    }

    /// <summary>From floats, towards zero; also from truth values.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Result.</param>
    public static void FromFloats(Floats x, nint count, Longs result)
    {
        for (nint i = 0; i < count; i++)
        {
            // What no integer holds becomes the least one, as on processors of the x86 family, whose instruction PyTorch uses.
            float value = x[i];
            result[i] = value is >= -9.2233720368547758E18f and < 9.2233720368547758E18f ? (long)value : long.MinValue;
        }
    }

    /// <summary>Whether numbers are not 0.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Truth values.</param>
    public static void ToTruth(Longs x, nint count, Floats result)
    {
        for (nint i = 0; i < count; i++)
        {
            result[i] = x[i] != 0 ? 1 : 0;
        }
    }

    /// <summary>Sums the middle dimension of <c>[outer, length, inner]</c>.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the summed one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Sum(Longs x, nint outer, nint length, nint inner, Longs result)
    {
        new Span<long>(result, (int)(outer * inner)).Clear();
        for (nint row = 0; row < outer * length; row++)
        {
            long* target = result + (row / length * inner);
            for (nint i = 0; i < inner; i++)
            {
                target[i] = unchecked(target[i] + x[(row * inner) + i]);
            }
        }
    }

    /// <summary>Finds the largest numbers along the middle dimension of <c>[outer, length, inner]</c>.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is reduced.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Max(Longs x, nint outer, nint length, nint inner, Longs result)
    {
        new Span<long>(result, (int)(outer * inner)).Fill(long.MinValue);
        for (nint row = 0; row < outer * length; row++)
        {
            long* target = result + (row / length * inner);
            for (nint i = 0; i < inner; i++)
            {
                target[i] = Math.Max(target[i], x[(row * inner) + i]);
            }
        }
    }

    private static void Compute<TFunction>(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Longs result, nint worth)
        where TFunction : unmanaged, IFunction => StridedLoop.Run(new FunctionLine<TFunction> { A = a, B = b, Result = result }, sizes, aStrides, bStrides, bStrides, worth);

    private static void Compare<TTest>(Longs a, Longs b, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> aStrides, ReadOnlySpan<nint> bStrides, Floats result)
        where TTest : unmanaged, ITest => StridedLoop.Run(new TestLine<TTest> { A = a, B = b, Result = result }, sizes, aStrides, bStrides, bStrides, Worth);

    private struct FunctionLine<TFunction> : IStridedLine
        where TFunction : unmanaged, IFunction
    {
        public long* A;
        public long* B;
        public long* Result;

        public readonly void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count)
        {
            for (nint i = 0; i < count; i++)
            {
                Result[result + i] = TFunction.Of(A[a + (i * aStep)], B[b + (i * bStep)]);
            }
        }
    }

    private struct TestLine<TTest> : IStridedLine
        where TTest : unmanaged, ITest
    {
        public long* A;
        public long* B;
        public float* Result;

        public readonly void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count)
        {
            for (nint i = 0; i < count; i++)
            {
                Result[result + i] = TTest.Of(A[a + (i * aStep)], B[b + (i * bStep)]) ? 1 : 0;
            }
        }
    }

    private struct SelectLine : IStridedLine
    {
        public float* Condition;
        public long* A;
        public long* B;
        public long* Result;

        public readonly void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count)
        {
            for (nint i = 0; i < count; i++)
            {
                Result[result + i] = Condition[c + (i * cStep)] != 0 ? A[a + (i * aStep)] : B[b + (i * bStep)];
            }
        }
    }

    private readonly struct AddFunction : IFunction
    {
        public static long Of(long a, long b) => unchecked(a + b);
    }

    private readonly struct SubtractFunction : IFunction
    {
        public static long Of(long a, long b) => unchecked(a - b);
    }

    private readonly struct MultiplyFunction : IFunction
    {
        public static long Of(long a, long b) => unchecked(a * b);
    }

    private readonly struct MaximumFunction : IFunction
    {
        public static long Of(long a, long b) => Math.Max(a, b);
    }

    private readonly struct MinimumFunction : IFunction
    {
        public static long Of(long a, long b) => Math.Min(a, b);
    }

    private readonly struct FloorDivideFunction : IFunction
    {
        public static long Of(long a, long b)
        {
            (long quotient, long rest) = Math.DivRem(a, b);
            return rest != 0 && (rest < 0) != (b < 0) ? quotient - 1 : quotient;
        }
    }

    private readonly struct RemainderFunction : IFunction
    {
        public static long Of(long a, long b)
        {
            long rest = a % b;
            return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
        }
    }

    private readonly struct LessTest : ITest
    {
        public static bool Of(long a, long b) => a < b;
    }

    private readonly struct LessOrEqualTest : ITest
    {
        public static bool Of(long a, long b) => a <= b;
    }

    private readonly struct EqualTest : ITest
    {
        public static bool Of(long a, long b) => a == b;
    }

    private readonly struct NotEqualTest : ITest
    {
        public static bool Of(long a, long b) => a != b;
    }
}
