using System.Reflection;
using System.Runtime.CompilerServices;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Compiler.Passes;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.Modules;

/// <summary>Linear layers, embeddings, recurrent networks, attention, transformers, activations: generated code and exported models against TorchSharp's own layers.</summary>
[Collection(SeededCollection.Name)]
public sealed partial class SequenceModuleTests
{
    private static readonly Case[] Cases = [.. Linears(), .. Recurrent(), .. Attention(), .. Transformers(), .. Activations(), .. Losses()];

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Inference = new(static () => GeneratedCode.Compile([.. Cases.Select(static test => AllInputs(PassPipeline.Inference.Run(test.Graph)))]));

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Training = new(static () => GeneratedCode.Compile([.. Cases.Select(static test => AllInputs(PassPipeline.Training.Run(test.Graph)))]));

    private static readonly Lazy<Dictionary<Case, Func<Tensor[], Onnx.OnnxModel>>> Exported = new(static () =>
    {
        Case[] valid = [.. Cases.Where(static test => test.IsExportable)];
        return valid.Zip(GeneratedOnnx.Compile([.. valid.Select(static test => PassPipeline.Inference.Run(test.Graph))])).ToDictionary(static pair => pair.First, static pair => pair.Second);
    });

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Gradients = new(static () =>
        GeneratedCode.Compile([.. Cases.Select(static test => AllInputs(GradientGraph.Of(PassPipeline.Training.Run(test.Graph), test.Differentiable)))]));

    public static TheoryData<int, string> Names() => TheoryRows.Of(Cases.Select(static test => test.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Tensors_AreThoseOfTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        Dictionary<string, Tensor> own = test.Module.state_dict();
        Assert.True(own.Keys.SequenceEqual(test.Declared.Select(static tensor => tensor.Name)), $"{name}: {string.Join(" ", own.Keys)}");
        Assert.All(test.Declared, tensor => Assert.Equal(own[tensor.Name].shape, tensor.Type.Shape.Select(static dim => dim.Constant!.Value)));
        Assert.All(test.Declared, tensor => Assert.Equal(test.Module.named_parameters().Any(pair => pair.name == tensor.Name) ? ValueKind.Parameter : ValueKind.Buffer, tensor.Kind));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Inference_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Compare(test, test.Eager(inputs, training: false), Inference.Value[index]([.. inputs, .. test.Weights()]), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Training_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        random.manual_seed(5);
        Tensor?[] expected = test.Eager(inputs, training: true);
        random.manual_seed(5);
        Compare(test, expected, Training.Value[index]([.. inputs, .. test.Weights()]), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradient_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        using var scope = NewDisposeScope();
        Tensor[] inputs = test.Sample();
        Tensor[] all = [.. inputs, .. test.Weights()];
        Tensor[] wanted = [.. all.Where(static tensor => tensor.is_floating_point())];
        foreach (Tensor tensor in inputs.Where(static tensor => tensor.is_floating_point()))
        {
            tensor.requires_grad_();
        }

        test.Module.zero_grad();
        random.manual_seed(5);
        Tensor[] expected = GradientGraph.Eager(test.Eager(inputs, training: true).OfType<Tensor>(), wanted)!;
        using var noGrad = no_grad();
        random.manual_seed(5);
        Tensor[] actual = Gradients.Value[index](all);
        for (int i = 0; i < expected.Length; i++)
        {
            Closeness.Check(expected[i], actual[i], name);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        Assert.True(test.IsExportable, $"{name} is not exportable");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Compare(test, test.Eager(inputs, training: false), [.. GeneratedOnnx.RunAll(Exported.Value[test](test.Weights()), inputs)], name);
    }

    [Fact]
    public void EveryLayer_HasACase() =>
        Assert.Empty(SequenceModules.All.Concat(MathModules.All).Select(static module => module.Name).Except(Cases.Select(static test => test.Layer)).Except(["RReLU"]));

    private static void Compare(Case test, Tensor?[] expected, Tensor[] actual, string name)
    {
        Assert.Equal(expected.Select(static tensor => tensor is null), test.Results.Select(static result => result is null));
        foreach ((Tensor? theirs, Tensor ours) in expected.Where(static tensor => tensor is not null).Zip(actual))
        {
            Closeness.Check(theirs!, ours, name);
        }
    }

    private static Graph AllInputs(Graph graph) =>
        graph with { Values = graph.Values.Select(static value => value with { Kind = value.Kind == ValueKind.Intermediate ? ValueKind.Intermediate : ValueKind.Input }).ToEquatableArray() };

    private static Operand Input(ScalarType type, long[] shape, Func<Tensor> make) => new(type, shape, () => make().to_type(type));

    /// <summary>Normally distributed numbers.</summary>
    private static Operand X(params long[] shape) => Input(ScalarType.Float32, shape, () => randn(shape));

    /// <summary>Whole numbers from 0.</summary>
    private static Operand N(long limit, params long[] shape) => Input(ScalarType.Int64, shape, () => randint(0, limit, shape));

    /// <summary>True for the last <paramref name="last"/> columns of the last row.</summary>
    private static Operand Padding(long rows, long columns, long last) => Input(ScalarType.Bool, [rows, columns], () =>
    {
        Tensor mask = zeros(rows, columns, ScalarType.Bool);
        mask[rows - 1, TensorIndex.Slice(columns - last, columns)] = tensor(true);
        return mask;
    });

    /// <summary>Zero on and below the diagonal, negative infinity above.</summary>
    private static Operand Causal(long size) => Input(ScalarType.Float32, [size, size], () => full(size, size, double.NegativeInfinity).triu(1));

    /// <summary>A layer made with a factory of torch.nn, called with arguments by name.</summary>
    private static Case Of(string layer, object?[] settings, params (string Name, object Value)[] arguments) => new(layer, settings, arguments);

    /// <summary>A layer, its arguments, and its graph.</summary>
    private sealed class Case
    {
        private readonly Operand[] operands;
        private readonly (string Name, object Value)[] arguments;
        private readonly MethodInfo forward;

        public Case(string layer, object?[] settings, (string Name, object Value)[] arguments)
        {
            Layer = layer;
            this.arguments = arguments;
            (Module, SymModule own) = Make(layer, settings);
            Name = $"{layer}({string.Join(", ", settings.Select(static setting => setting is Named named ? $"{named.Name}: {named.Value}" : setting?.ToString()))}) of {string.Join(", ", arguments.Select(static argument => argument.Name))}";
            foreach ((string _, Tensor tensor) in Module.state_dict())
            {
                using var noGrad = no_grad();
                tensor.copy_((rand(tensor.shape) - 0.45) * 0.8);
            }

            operands = [.. arguments.SelectMany(static argument => Operands(argument.Value)).Distinct()];
            forward = Module.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                .Where(method => method.Name is "forward" or "call" && arguments.All(argument => method.GetParameters().Any(parameter => parameter.Name == argument.Name && (argument.Value is not Operand || parameter.ParameterType == typeof(Tensor)))))
                .OrderBy(static method => method.GetParameters().Length).First();
            var g = new GraphBuilder(layer);
            var ids = operands.Select((operand, index) => (operand, g.AddValue("x" + index, operand.Type, ValueKind.Input))).ToDictionary();
            Declared = [.. own.Definition.Tensors(own.Settings)];
            foreach (ModuleTensor tensor in Declared)
            {
                own.Tensors[tensor.Name] = new SymTensor(g.AddValue(tensor.Name, tensor.Type, tensor.Kind));
            }

            var values = forward.GetParameters().ToDictionary(static parameter => parameter.Name!, parameter => Symbolic(Argument(parameter), ids));
            object? result = own.Definition.Apply(new ModuleCall(g, own, new CallArguments(g, values), [.. values.Values]));
            Results = result is SymList list ? [.. list.Items] : [result];
            Graph = g.Build([.. Results.OfType<SymTensor>().Select(static tensor => tensor.Id)]);
            GraphVerifier.Check(Graph, Name);
            IsExportable = GeneratedOnnx.CanExport(PassPipeline.Inference.Run(Graph));
        }

        public string Layer { get; }

        public string Name { get; }

        public nn.Module Module { get; }

        public IReadOnlyList<ModuleTensor> Declared { get; }

        public object?[] Results { get; }

        public Graph Graph { get; }

        public bool IsExportable { get; }

        /// <summary>Inputs, then weights.</summary>
        public IReadOnlyList<int> Differentiable => [.. Graph.ValuesOf(ValueKind.Input).Concat(Graph.ValuesOf(ValueKind.Parameter)).Where(value => Graph.TypeOf(value).DType.IsFloat())];

        public Tensor[] Sample()
        {
            random.manual_seed(11);
            return [.. operands.Select(static operand => operand.Make())];
        }

        public Tensor[] Weights() => [.. Declared.Select(tensor => Module.state_dict()[tensor.Name])];

        public Tensor?[] Eager(Tensor[] inputs, bool training)
        {
            Module.train(training);

            // Copies, which layers that work in place may change.
            Dictionary<Operand, Tensor> tensors = operands.Zip(inputs.Select(static input => input.clone())).ToDictionary();
            object? result = forward.Invoke(Module, [.. forward.GetParameters().Select(parameter => Concrete(Argument(parameter), tensors))]);
            return result is ITuple tuple ? [.. Enumerable.Range(0, tuple.Length).Select(index => tuple[index] is Tensor { IsInvalid: false } tensor ? tensor : null)] : [(Tensor?)result];
        }

        /// <summary>The layer, and what the compiler knows of it.</summary>
        private static (nn.Module Module, SymModule Symbol) Make(string layer, object?[] settings)
        {
            SymModule? nested = null;
            object?[] given = [.. settings];
            if (settings is [object?[] inner, ..])
            {
                // A stack is made from a layer.
                (nn.Module prototype, nested) = Make(layer + "Layer", inner);
                given[0] = prototype;
            }

            LibraryCall factory = LibraryCall.Bind(typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(method => method.Name == layer), given)
                ?? throw new InvalidOperationException($"TorchSharp has no {layer} with these settings");
            Dictionary<string, object?> values = factory.Symbolic(new Dictionary<Operand, int>());
            if (nested is not null)
            {
                values[values.Keys.First()] = nested;
            }

            return ((nn.Module)factory.Invoke(new Dictionary<Operand, Tensor>())!, new SymModule(ModuleRegistry.Find(layer)!, new Arguments(values)));
        }

        private static IEnumerable<Operand> Operands(object value) => value switch
        {
            Operand operand => [operand],
            (Operand a, Operand b) => [a, b],
            _ => [],
        };

        private object? Argument(ParameterInfo parameter) =>
            arguments.Where(argument => argument.Name == parameter.Name).Select(static argument => argument.Value).FirstOrDefault()
            ?? (parameter.HasDefaultValue ? parameter.DefaultValue : parameter.ParameterType == typeof(bool) ? true : null);

        private static object? Symbolic(object? value, Dictionary<Operand, int> ids) => value switch
        {
            Operand operand => new SymTensor(ids[operand]),
            (Operand a, Operand b) => new SymList([new SymTensor(ids[a]), new SymTensor(ids[b])]),
            _ => value,
        };

        private static object? Concrete(object? value, Dictionary<Operand, Tensor> tensors) => value switch
        {
            Operand operand => tensors[operand],
            (Operand a, Operand b) => (tensors[a], tensors[b]),
            _ => value,
        };
    }
}
