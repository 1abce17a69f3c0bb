using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Passes;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.FrontEnd;

/// <summary>Every function that models may call: what it compiles to, and what that exports to, against TorchSharp's own function.</summary>
public sealed partial class FunctionValueTests
{
    /// <summary>Cases that no overload of the library takes.</summary>
    private static readonly List<string> Unknown = [];

    /// <summary>C#'s operators on tensors, which the evaluator turns into arithmetic itself.</summary>
    private static readonly Dictionary<string, string> Operators = new()
    {
        ["Tensor.op_Addition"] = "add", ["Tensor.op_Subtraction"] = "sub", ["Tensor.op_Multiply"] = "mul", ["Tensor.op_Division"] = "div", ["Tensor.op_GreaterThan"] = "gt",
        ["Tensor.op_GreaterThanOrEqual"] = "ge", ["Tensor.op_LessThan"] = "lt", ["Tensor.op_LessThanOrEqual"] = "le", ["Tensor.op_Equality"] = "eq", ["Tensor.op_Inequality"] = "ne",
    };

    private static readonly Case[] Cases = [.. Elementwise(), .. Arithmetic(), .. Logic(), .. Types(), .. Creation(), .. Reductions(), .. Shapes(), .. Indexing(), .. Products()];

    private static readonly Lazy<Dictionary<Case, Func<Tensor[], Tensor[]>>> Compiled = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.Problem is null && test.Graph.Outputs.Count > 0)];
        return valid.Zip(GeneratedCode.Compile([.. valid.Select(static test => PassPipeline.Inference.Run(test.Graph))])).ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    private static readonly Lazy<Dictionary<Case, Func<Tensor[], Onnx.OnnxModel>>> Exported = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.IsExportable)];
        return valid.Zip(GeneratedOnnx.Compile([.. valid.Select(static test => PassPipeline.Inference.Run(test.Graph))])).ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    private static readonly Lazy<Dictionary<Case, Func<Tensor[], Tensor[]>>> Gradients = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.HasGradient)];
        return valid.Zip(GeneratedCode.Compile([.. valid.Select(static test => GradientGraph.Of(PassPipeline.Training.Run(test.Graph), test.Differentiable))])).ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    private static readonly Lazy<Dictionary<Case, LoweredFunction?>> Lowered = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.Problem is null && test.Graph.Outputs.Count > 0)];
        return valid.Zip(LoweredCode.Compile([.. valid.Select(static test => PassPipeline.InferenceKernels.Run(PassPipeline.Inference.Run(test.Graph)))])).ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    private static readonly Lazy<Dictionary<Case, LoweredFunction?>> LoweredGradients = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.HasGradient)];
        return valid.Zip(LoweredCode.Compile([.. valid.Select(static test => PassPipeline.StepKernels.Run(PassPipeline.AfterAutodiff.Run(GradientGraph.Of(PassPipeline.Training.Run(test.Graph), test.Differentiable, DType.Float32))))]))
            .ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    public static TheoryData<int, string> Names() => TheoryRows.Of(Cases.Select(static test => test.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Inference_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        Assert.True(test.Problem is null, $"{name}: {test.Problem}");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        object?[] expected = test.Eager(inputs);
        Tensor[] actual = test.Graph.Outputs.Count > 0 ? Compiled.Value[test](inputs) : [];
        int next = 0;
        Assert.True(expected.Length == test.Results.Length, $"{name}: {expected.Length} results expected, got {test.Results.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            if (test.Results[i] is SymTensor symbolic)
            {
                Closeness.Check((Tensor)expected[i]!, actual[next++], name);
                TensorType type = test.Graph.TypeOf(symbolic.Id);
                Assert.Equal(((Tensor)expected[i]!).shape, type.Shape.Select(static dim => dim.Constant!.Value));
                Assert.Equal(((Tensor)expected[i]!).dtype.ToString(), type.DType.ToString());
            }
            else
            {
                Assert.Equal(expected[i] is bool ? expected[i] : Convert.ToInt64(expected[i]), test.Results[i] is Dim dim ? dim.Constant : test.Results[i]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Kernels_EqualTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        if (test.Problem is not null || test.Graph.Outputs.Count == 0 || Lowered.Value[test] is not { } lowered)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Tensor[] actual = lowered.Run(inputs);
        int next = 0;
        foreach ((object? expected, object? result) in test.Eager(inputs).Zip(test.Results))
        {
            if (result is SymTensor)
            {
                Closeness.Check((Tensor)expected!, actual[next++], name);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void KernelGradients_EqualTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        if (!test.HasGradient || LoweredGradients.Value[test] is not { } lowered)
        {
            return;
        }

        using var scope = NewDisposeScope();
        Tensor[] inputs = test.Sample();
        Tensor[] wanted = [.. inputs.Where(static input => input.is_floating_point()).Select(static input => input.requires_grad_())];
        if (GradientGraph.Eager(test.Eager(inputs).OfType<Tensor>(), wanted) is not { } expected)
        {
            return;
        }

        using var noGrad = no_grad();
        Tensor[] actual = lowered.Run([.. inputs.Select(static input => input.detach())]);
        for (int i = 0; i < expected.Length; i++)
        {
            Closeness.Check(expected[i], actual[i], name);
        }
    }

    /// <summary>The functions that still run on libtorch's operators inside of code on kernels: a list to shorten.</summary>
    [Fact]
    public void OnlyTheseFunctions_CallLibtorch()
    {
        static string List(Dictionary<Case, LoweredFunction?> functions) => string.Join(" ", functions.Where(static pair => pair.Value is { LibraryCalls.Count: > 0 }).Select(static pair => pair.Key.Key[(pair.Key.Key.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal));
        Assert.True(List(Lowered.Value) == CallLibtorch, List(Lowered.Value));
        Assert.True(List(LoweredGradients.Value) == GradientsCallLibtorch, List(LoweredGradients.Value));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        if (!test.IsExportable)
        {
            Assert.True(test.Problem is not null || test.IsTrivial || NotExportable.Contains(test.Key), $"{name} is not exportable");
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Tensor[] expected = [.. test.Eager(inputs).OfType<Tensor>()];
        IReadOnlyList<Tensor> actual = GeneratedOnnx.RunAll(Exported.Value[test]([]), inputs);
        for (int i = 0; i < expected.Length; i++)
        {
            Closeness.Check(expected[i], actual[i], name);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradient_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        if (!test.HasGradient)
        {
            return;
        }

        using var scope = NewDisposeScope();
        Tensor[] inputs = test.Sample();
        Tensor[] wanted = [.. inputs.Where(static input => input.is_floating_point()).Select(static input => input.requires_grad_())];
        if (GradientGraph.Eager(test.Eager(inputs).OfType<Tensor>(), wanted) is not { } expected)
        {
            return;
        }

        using var noGrad = no_grad();
        Tensor[] actual = Gradients.Value[test](inputs);
        for (int i = 0; i < expected.Length; i++)
        {
            Closeness.Check(expected[i], actual[i], name);
        }
    }

    [Fact]
    public void EveryFunction_HasACase()
    {
        var covered = Cases.Select(static test => test.Key).Concat(Elsewhere).ToHashSet();
        string missing = string.Join(" ", TensorFunctions.Names.Where(key => !covered.Contains(key) && LibraryCall.Methods(key).Any()));
        Assert.True(missing.Length == 0, missing);
    }

    /// <summary>Where TorchSharp's own function does not do what it is documented to do, or calculates in types that the compiler lacks.</summary>
    [Fact]
    public void MisleadingFunctions_AreRefused()
    {
        IEnumerable<Case> refused =
        [
            .. Of("Ft", "hardtanh", X(3, 4), -1.0, 1.0),
            .. Of("Tt", "baddbmm", X(2, 3, 2), X(2, 3, 4), X(2, 4, 2)),
            .. Of("T", "div", X(3, 4), P(4), RoundingMode.floor),
            .. Of("T", "divide", X(3, 4), P(4), RoundingMode.trunc),
            .. Of("Tt", "var", X(3, 4), false),
            .. Of("Tt", "var_mean", X(3, 4)),
            .. new[] { "half", "bfloat16", "byte", "char", "short" }.SelectMany(static name => Of("t", name, X(3, 4))),
            .. Of("t", "is_contiguous", X(3, 4)),
        ];
        Assert.All(refused, static test => Assert.NotNull(test.Problem));
    }

    [Fact]
    public void EveryCase_CallsAFunctionOfTheLibrary()
    {
        Assert.NotEmpty(Cases);
        Assert.Empty(Unknown);
    }

    private static Operand Input(ScalarType type, long[] shape, Func<Tensor> make) => new(type, shape, () => make().to_type(type));

    /// <summary>Normally distributed numbers.</summary>
    private static Operand X(params long[] shape) => Input(ScalarType.Float32, shape, () => randn(shape) * 1.5);

    /// <summary>Numbers in double precision.</summary>
    private static Operand D(params long[] shape) => Input(ScalarType.Float64, shape, () => randn(shape, ScalarType.Float64));

    /// <summary>Positive numbers.</summary>
    private static Operand P(params long[] shape) => Input(ScalarType.Float32, shape, () => rand(shape) + 0.5);

    /// <summary>Numbers between -0.9 and 0.9.</summary>
    private static Operand U(params long[] shape) => Input(ScalarType.Float32, shape, () => (rand(shape) - 0.5) * 1.8);

    /// <summary>Whole numbers from -4 to 4.</summary>
    private static Operand Z(params long[] shape) => Input(ScalarType.Int64, shape, () => randint(-4, 5, shape));

    private static Operand Z32(params long[] shape) => Input(ScalarType.Int32, shape, () => randint(-4, 5, shape));

    /// <summary>Whole numbers from 0.</summary>
    private static Operand N(long limit, params long[] shape) => Input(ScalarType.Int64, shape, () => randint(0, limit, shape));

    private static Operand B(params long[] shape) => Input(ScalarType.Bool, shape, () => rand(shape) > 0.5);

    /// <summary>Given numbers.</summary>
    private static Operand V(params float[] values) => Input(ScalarType.Float32, [values.Length], () => tensor(values));

    private static Operand Different(params long[] shape) => Input(ScalarType.Float32, shape, () => randperm(shape.Aggregate(1L, static (a, b) => a * b)).reshape(shape).to_type(ScalarType.Float32) * 0.3 - 2);

    /// <summary>One case for each owner (F, T for torch, t for tensors) that has the function with such parameters.</summary>
    private static IEnumerable<Case> Of(string owners, string name, params object?[] arguments)
    {
        string[] keys = [.. owners.Select(owner => (owner switch { 'F' => "F.", 'T' => "torch.", 'L' => "torch.linalg.", _ => "Tensor." }) + name)];
        Case[] cases = [.. keys.Select(key => (key, call: LibraryCall.Bind(key, arguments))).Where(static pair => pair.call is not null).Select(static pair => new Case(pair.key, pair.call!))];
        if (cases.Length == 0)
        {
            Unknown.Add($"{owners} {name}({string.Join(", ", arguments.Select(static argument => argument is Operand operand ? operand.Type.ToString() : argument))})");
        }

        return cases;
    }

    /// <summary>A call of a function, and its graph.</summary>
    private sealed class Case
    {
        private readonly LibraryCall call;
        private readonly Operand[] operands;

        public Case(string key, LibraryCall call)
        {
            Key = key;
            this.call = call;
            operands = [.. call.Operands];
            var g = new GraphBuilder("case");
            var ids = operands.Select((operand, index) => (operand, g.AddValue("x" + index, operand.Type, ValueKind.Input))).ToDictionary();
            Dictionary<string, object?> arguments = call.Symbolic(ids);
            Name = $"{key}({string.Join(", ", arguments.Select(static pair => pair.Key + ": " + Text(pair.Value)))}) of {string.Join(", ", operands.Select(static operand => operand.Type.ToString()))}";
            Graph = g.Build();
            try
            {
                object?[] both = [.. arguments.Values];
                Func<CallArguments, object?> apply = Operators.TryGetValue(key, out string? op) ? _ => TensorFunctions.Binary(g, op, both[0], both[1])
                    : TensorFunctions.TryGet(key, out Func<CallArguments, object?> function) ? function
                    : throw new InvalidOperationException("not known to the compiler");

                // The flag is the evaluator's.
                arguments.Remove("inplace");
                object? result = apply(new CallArguments(g, arguments));
                Results = result is SymList list ? [.. list.Items] : [result];
                Graph = g.Build([.. Results.OfType<SymTensor>().Select(static tensor => tensor.Id)]);
                GraphVerifier.Check(Graph, Name);
                Graph optimized = PassPipeline.Inference.Run(Graph);
                var inputs = Graph.ValuesOf(ValueKind.Input).ToHashSet();
                IsTrivial = optimized.Nodes.Count == 0 || operands.Length == 0 || optimized.Nodes.All(static node => node.Inputs.Count == 0) || operands.Any(static operand => operand.DType == ScalarType.Float64);
                IsExportable = !IsTrivial && GeneratedOnnx.CanExport(optimized);
            }
            catch (Exception exception)
            {
                Problem = exception.Message;
            }
        }

        public string Key { get; }

        public string Name { get; }

        /// <summary>Why there is no graph; null when there is one.</summary>
        public string? Problem { get; }

        public object?[] Results { get; } = [];

        public Graph Graph { get; }

        public bool IsExportable { get; }

        /// <summary>Nothing to export: the result is an input or a constant; or double precision, which ONNX Runtime mostly lacks.</summary>
        public bool IsTrivial { get; }

        public IReadOnlyList<int> Differentiable => [.. Graph.ValuesOf(ValueKind.Input).Where(value => Graph.TypeOf(value).DType.IsFloat())];

        /// <summary>Whether there is something to differentiate; libtorch has no gradient of floor_divide.</summary>
        public bool HasGradient => Problem is null && !Key.EndsWith("floor_divide", StringComparison.Ordinal) && Differentiable.Count > 0 && Graph.Outputs.Any(output => Graph.TypeOf(output).DType.IsFloat());

        public Tensor[] Sample()
        {
            random.manual_seed(11);
            return [.. operands.Select(static operand => operand.Make())];
        }

        public object?[] Eager(Tensor[] inputs)
        {
            object? result = call.Invoke(operands.Zip(inputs).ToDictionary());
            return result switch
            {
                Tensor[] several => several,
                System.Runtime.CompilerServices.ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(index => tuple[index])],
                long[] sizes => [.. sizes.Cast<object?>()],
                _ => [result],
            };
        }

        private static string Text(object? value) => value switch
        {
            null => "null",
            SymTensor => "x",
            SymEnum member => member.Member,
            SymList list => "[" + string.Join(", ", list.Items.Select(Text)) + "]",
            _ => value.ToString()!,
        };
    }
}
