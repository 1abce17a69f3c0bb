using CsCheck;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Tests.Ir;

public sealed class DimTests
{
    private static readonly Dim N = Dim.Symbol("N");
    private static readonly Dim T = Dim.Symbol("T");

    // Random polynomials as a pair: the size, and the same calculation on plain numbers.
    private static readonly Gen<(Dim Dim, Func<long, long, long> Value)> Polynomials = Gen.Recursive<(Dim, Func<long, long, long>)>((depth, inner) => depth > 3
        ? Leaf
        : Gen.OneOf(
            Leaf,
            Gen.Select(inner, inner, Gen.Int[0, 2], static (a, b, op) => op switch
            {
                0 => (a.Item1 + b.Item1, (n, t) => a.Item2(n, t) + b.Item2(n, t)),
                1 => (a.Item1 - b.Item1, (n, t) => a.Item2(n, t) - b.Item2(n, t)),
                _ => ((Dim, Func<long, long, long>))(a.Item1 * b.Item1, (n, t) => a.Item2(n, t) * b.Item2(n, t)),
            })));

    private static Gen<(Dim, Func<long, long, long>)> Leaf => Gen.OneOf(
        Gen.Long[-4, 4].Select(static value => ((Dim, Func<long, long, long>))(value, (_, _) => value)),
        Gen.Const(((Dim, Func<long, long, long>))(N, static (n, _) => n)),
        Gen.Const(((Dim, Func<long, long, long>))(T, static (_, t) => t)));

    [Fact]
    public void Polynomials_EvaluateAsPlainArithmetic() => Gen.Select(Polynomials, Gen.Long[1, 9], Gen.Long[1, 9], Gen.Long[1, 5]).Sample((polynomial, n, t, divisor) =>
    {
        var sizes = new Dictionary<string, long> { ["N"] = n, ["T"] = t };
        long expected = polynomial.Value(n, t);
        Assert.Equal(expected, polynomial.Dim.Evaluate(sizes));
        Assert.Equal((long)Math.Floor((double)expected / divisor), Dim.FloorDivide(polynomial.Dim, divisor).Evaluate(sizes));
        Assert.True(Dim.CanBe(polynomial.Dim, expected), $"{polynomial.Dim} is {expected} for N = {n}, T = {t}");
        Assert.Equal(polynomial.Dim, polynomial.Dim + T - T);
    });

    [Fact]
    public void EqualPolynomials_AreEqual()
    {
        Assert.Equal((N + 1) * (N - 1), (N * N) - 1);
        Assert.Equal("2 * N + 3", (N + N + 3).ToString());
        Assert.Equal("-N * T", (N * T * -1).ToString());
        Assert.Equal("0", (N - N).ToString());
    }

    [Fact]
    public void Division_IsExactWhereItCanBe()
    {
        Assert.Equal(N * 2, Dim.DivideExactly(N * T * 4, T * 2));
        Assert.Null(Dim.DivideExactly(N * 3, 2));
        Assert.Equal(Dim.One, Dim.DivideExactly(N + T, N + T));
        Assert.Equal("floor((T) / 2) + N", Dim.FloorDivide((N * 2) + T, 2).ToString());
        Assert.Equal(-2, Dim.FloorDivide(-3, 2).Constant);
    }

    [Fact]
    public void CertainMismatches_AreKnown()
    {
        Assert.False(Dim.CanBe(3, 4));
        Assert.False(Dim.CanBe(N, 0));
        Assert.False(Dim.CanBe(N + 1, N));
        Assert.True(Dim.CanBe(N, 7));
        Assert.True(Dim.CanBe(N, T));
    }
}
