using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.Ops;

/// <summary>Every gradient rule against central finite differences in float64, through the generated code.</summary>
public sealed class GradientTests
{
    private const double Step = 1e-6;
    private const double Tolerance = 1e-6;

    // Compiled once for all cases.
    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Functions = new(static () => GeneratedCode.Compile([.. GradientCase.All.Select(Build)]));

    public static TheoryData<int, string> Cases() => TheoryRows.Of(GradientCase.All.Select(static test => test.ToString()));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradient_EqualsFiniteDifferences(int index, string name)
    {
        GradientCase test = GradientCase.All[index];
        random.manual_seed(index + 1);
        Tensor[] values = [.. test.Operands.Select(static operand => operand.Sample())];
        values = [.. values, randn(WeightShape(test), ScalarType.Float64)];
        Func<Tensor[], Tensor[]> function = Functions.Value[index];
        Tensor[] results = function(values);
        int gradient = 1;
        for (int i = 0; i < test.Operands.Length; i++)
        {
            if (test.Operands[i].IsDifferentiable)
            {
                Check(function, values, i, results[gradient++], $"{name}, operand {i}");
            }
        }
    }

    [Fact]
    public void EveryDifferentiableOperator_HasACase()
    {
        // Rounding has no finite difference that shows its straight-through gradient: FakeQuantizeTests.
        HashSet<string> covered = [.. GradientCase.All.Select(static test => test.Op), "fake_quantize", "learned_scale"];
        Assert.Empty(OpRegistry.All.Where(op => op.NotDifferentiable is null && !covered.Contains(op.Name)).Select(static op => op.Name));
    }

    private static void Check(Func<Tensor[], Tensor[]> function, Tensor[] values, int operand, Tensor gradient, string what)
    {
        double[] actual = gradient.data<double>().ToArray();
        double[] flat = values[operand].data<double>().ToArray();
        double[] expected = new double[flat.Length];
        for (int i = 0; i < flat.Length; i++)
        {
            double original = flat[i];
            expected[i] = (Loss(original + Step) - Loss(original - Step)) / (2 * Step);
            flat[i] = original;

            double Loss(double value)
            {
                flat[i] = value;
                Tensor[] changed = [.. values];
                changed[operand] = tensor(flat, values[operand].shape);
                return function(changed)[0].ToDouble();
            }
        }

        double scale = Math.Max(1, expected.Max(Math.Abs));
        double error = expected.Zip(actual, static (a, b) => Math.Abs(a - b)).Max() / scale;
        Assert.True(error < Tolerance * 10, $"{what}: relative error {error:G3}\nexpected {string.Join(" ", expected.Select(static x => x.ToString("G5")))}\nactual   {string.Join(" ", actual.Select(static x => x.ToString("G5")))}");
    }

    private static long[] WeightShape(GradientCase test) => [.. OpRegistry.Get(test.Op).Infer(Context(test))[0].Shape.Select(static dim => dim.Constant!.Value)];

    private static OpContext Context(GradientCase test) => new(test.Op, OpAttributes.Of(test.Attributes), [.. test.Operands.Select(static operand => operand.Type)]);

    /// <summary>The weighted sum of the operator's result, and its gradients.</summary>
    private static Graph Build(GradientCase test)
    {
        var builder = new GraphBuilder("case");
        int[] inputs = [.. test.Operands.Select((operand, index) => builder.AddValue("x" + index, operand.Type, ValueKind.Input))];
        int result = builder.AddNode(test.Op, inputs, OpAttributes.Of(test.Attributes))[0];
        int weights = builder.AddValue("weights", builder.TypeOf(result), ValueKind.Input);
        int product = builder.Times(result, weights);
        int rank = builder.TypeOf(product).Rank;
        int loss = rank == 0 ? product : builder.Sum(product, [.. Enumerable.Range(0, rank).Select(static axis => (long)axis)], keep: false);
        int[] wanted = [.. inputs.Where((_, index) => test.Operands[index].IsDifferentiable)];
        GraphBuilder differentiated = Differentiate.Gradients(builder.Build(loss), wanted, out Dictionary<int, int> gradients);
        Graph graph = differentiated.Build([loss, .. wanted.Select(input => gradients[input])]);
        GraphVerifier.Check(graph, "differentiation");
        return graph;
    }
}
