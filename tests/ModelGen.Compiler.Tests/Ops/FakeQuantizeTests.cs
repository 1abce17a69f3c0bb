using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.Ops;

/// <summary>Fake quantization and its gradient, which no finite difference shows, against the formulas written out.</summary>
public sealed class FakeQuantizeTests
{
    // Compiled once for all cases: float64 on libtorch's operators, float32 on kernels.
    private static readonly Dim[][] Scales = [[], [5, 1], [7]];

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Library = new(static () => GeneratedCode.Compile([.. Scales.Select(static shape => Build(shape, DType.Float64))]));

    private static readonly Lazy<IReadOnlyList<LoweredFunction?>> Kernels = new(static () => LoweredCode.Compile([.. Scales.Select(static shape => Build(shape, DType.Float32))]));

    [Theory]
    [InlineData(0, 0.1, 0)]
    [InlineData(0, 0.1, 3)]
    [InlineData(0, 0.0, 3)]
    [InlineData(1, 0.07, 5)]
    [InlineData(2, 0.09, 0)]
    public void ValueAndGradient_AreThoseOfTheFormulas(int shape, double size, double zero)
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(shape + 1);
        long[] scaleShape = [.. Scales[shape].Select(static dim => dim.Constant!.Value)];
        Tensor x = randn([5, 7], ScalarType.Float32);
        Tensor scale = (rand(scaleShape, ScalarType.Float32) + 0.5) * size;

        // A tie, numbers far outside on both sides, and the ends of the range.
        double first = scale.reshape(-1)[0].ToDouble();
        foreach ((long column, double value) in new[] { (0L, 2.5 * first), (1L, 100), (2L, -100), (3L, (15 - zero) * first), (4L, (0 - zero) * first) })
        {
            x[0, column] = shape == 2 ? value * scale[column].ToDouble() / first : value;
        }

        Tensor weights = randn([5, 7], ScalarType.Float32);
        (double[] values, double[] gradient, double[] scaleGradient) = Expected(x, scale, zero, weights);
        Tensor[] operands = [x, scale, tensor((float)(0 - zero)), tensor((float)(15 - zero)), weights];
        LoweredFunction lowered = Kernels.Value[shape]!;
        Assert.Empty(lowered.LibraryCalls);
        Close(lowered.Run(operands), 1e-5);
        Close(Library.Value[shape]([.. operands.Select(static operand => operand.to_type(ScalarType.Float64))]), 1e-12);

        void Close(Tensor[] results, double tolerance)
        {
            foreach ((double[] expected, Tensor actual) in new[] { values, gradient, scaleGradient }.Zip(results))
            {
                double largest = Math.Max(1, expected.Max(Math.Abs));
                Assert.All(expected.Zip(actual.to_type(ScalarType.Float64).contiguous().data<double>().ToArray()), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / largest, 0, tolerance));
            }
        }
    }

    [Fact]
    public void NaN_StaysNaN_AndHasNoGradient()
    {
        using IDisposable scope = NewDisposeScope();
        Tensor x = full([5, 7], float.NaN);
        Tensor[] operands = [x, tensor(0.1f), tensor(0f), tensor(15f), ones([5, 7])];
        foreach (Tensor[] results in new[] { Kernels.Value[0]!.Run(operands), Library.Value[0]([.. operands.Select(static operand => operand.to_type(ScalarType.Float64))]) })
        {
            Assert.True(results[0].isnan().all().ToBoolean());
            Assert.True((results[1] == 0).all().ToBoolean());
        }
    }

    /// <summary>The limit and the floor hold, and stop gradients that lead beyond them, but none that leads back.</summary>
    [Fact]
    public void LearnedScale_StaysInItsRange()
    {
        using IDisposable scope = NewDisposeScope();
        double[] factors = [1, 1.5, -3, -3, 40, 40, 2, 1.25];
        double[] references = [0.1, 0.2, 0.64, 0.64, 0.1, 0.1, 0, 0.4];
        double[] limits = [1, 1, 1, 1, 1, 1, 1, 0.5];
        double[] outer = [2, -3, 5, -5, 7, -7, 11, -13];
        double[] values = [0.1, 0.3, 0.01, 0.01, 1, 1, 0, 0.5];
        double[] rates = [0.5, 2, 3, 0.25, 0.1, 1, 1, 1];
        double[] gradient = [10, -30, 0, -1.25 / 0.64, 7, 0, 0, 0];
        Tensor[] operands = [.. new[] { factors, references, limits, rates, outer }.Select(static numbers => tensor(numbers))];
        Graph Graph(DType dtype)
        {
            var builder = new GraphBuilder("case");
            int[] inputs = [.. new[] { "factors", "references", "limits", "rates", "outer" }.Select(name => builder.AddValue(name, new TensorType(dtype, new Dim[] { 8 }), ValueKind.Input))];
            int result = builder.Add("learned_scale", inputs[..4]);
            GraphBuilder differentiated = Differentiate.Gradients(builder.Build(builder.Sum(builder.Times(result, inputs[4]), [0], keep: false)), [inputs[0]], out Dictionary<int, int> gradients);
            return PassPipeline.AfterAutodiff.Run(differentiated.Build(result, gradients[inputs[0]]));
        }

        LoweredFunction lowered = LoweredCode.Compile([Graph(DType.Float32)])[0]!;
        Assert.Empty(lowered.LibraryCalls);
        foreach (Tensor[] results in new[] { lowered.Run([.. operands.Select(static operand => operand.to_type(ScalarType.Float32))]), GeneratedCode.Compile([Graph(DType.Float64)])[0](operands) })
        {
            Assert.All(values.Zip(Doubles(results[0])), static pair => Assert.Equal(pair.First, pair.Second, 1e-6));
            Assert.All(gradient.Zip(Doubles(results[1])), static pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    private static (double[] Values, double[] Gradient, double[] ScaleGradient) Expected(Tensor x, Tensor scale, double zero, Tensor weights)
    {
        double[] numbers = Doubles(x);
        double[] scales = Doubles(scale.expand(5, 7));
        double[] outer = Doubles(weights);
        double[] values = new double[numbers.Length];
        double[] gradient = new double[numbers.Length];
        double[] shares = new double[numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (scales[i] <= 0)
            {
                (values[i], gradient[i]) = (numbers[i], outer[i]);
                continue;
            }

            (double low, double high) = (0 - zero, 15 - zero);
            double integer = Math.Round(numbers[i] / scales[i], MidpointRounding.ToEven);
            values[i] = Math.Clamp(integer, low, high) * scales[i];
            gradient[i] = integer >= low && integer <= high ? outer[i] : 0;
            shares[i] = outer[i] * (integer < low ? low : integer > high ? high : integer - (numbers[i] / scales[i]));
        }

        // Summed over what shares a scale, then multiplied by the factor of Build.
        int groups = (int)scale.numel();
        double[] sums = new double[groups];
        for (int i = 0; i < shares.Length; i++)
        {
            sums[groups == 1 ? 0 : groups == 5 ? i / 7 : i % 7] += shares[i] * 0.125;
        }

        return (values, gradient, sums);
    }

    private static double[] Doubles(Tensor tensor) => tensor.to_type(ScalarType.Float64).contiguous().data<double>().ToArray();

    /// <summary>The result, and its gradient for a weighted sum.</summary>
    private static Graph Build(Dim[] scale, DType dtype)
    {
        var builder = new GraphBuilder("case");
        int Input(string name, Dim[] shape) => builder.AddValue(name, new TensorType(dtype, shape), ValueKind.Input);
        int[] operands = [Input("x", [5, 7]), Input("scale", scale), Input("low", []), Input("high", [])];
        int weights = Input("weights", [5, 7]);
        int result = builder.Add("fake_quantize", operands, ("scale_factor", 0.125));
        int loss = builder.Sum(builder.Times(result, weights), [0, 1], keep: false);
        GraphBuilder differentiated = Differentiate.Gradients(builder.Build(loss), [operands[0], operands[1]], out Dictionary<int, int> gradients);
        return PassPipeline.AfterAutodiff.Run(differentiated.Build(result, gradients[operands[0]], gradients[operands[1]]));
    }
}
