using Microsoft.CodeAnalysis;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Evaluation;

namespace ModelGen.Generator.Parsing;

/// <content>Ordinary TorchSharp modules.</content>
internal sealed partial class ModelParser
{
    private const int MostNested = 16;
    private static readonly string[] ForwardNames = ["forward", "call", "Forward"];

    /// <summary>Members that the generated part adds; a member of the user with such a name would not compile.</summary>
    private static readonly string[] GeneratedNames = ["Infer", "Summary", "CreateTrainer", "ExportOnnx", "ToOnnx", "ExportQuantizedOnnx", "OpenSession", "Session", "Verify"];

    /// <summary>Members that quantization-aware training adds.</summary>
    private static readonly string[] QuantizationNames = ["Quantization", "Calibrate", "InferQuantized"];

    private ModelSpec? ParseTorchModule(OperationCache cache)
    {
        IMethodSymbol? forward = FindForward();
        bool broken = forward is null && IsBroken(cache);
        if (forward is null && !broken)
        {
            Report(Descriptors.NoInputShape, syntax.Identifier, type.Name);
            return null;
        }

        if (type.IsAbstract || type.IsGenericType || type.IsStatic)
        {
            Report(Descriptors.Forward, syntax.Identifier, $"'{type.Name}' is {(type.IsAbstract ? "abstract" : "generic")}: put [Model] on a class that can be created, which may derive from it");
            return null;
        }

        bool isAware = LayerMembers.Attribute(type, "TrainAttribute") is { } train && train.NamedArguments.Any(static argument => argument is { Key: "QuantizationAware", Value.Value: not 0 });
        if (GeneratedNames.Concat(isAware ? QuantizationNames : []).FirstOrDefault(name => !type.GetMembers(name).IsEmpty) is { } taken)
        {
            Report(Descriptors.MemberTaken, syntax.Identifier, type.Name, taken);
            return null;
        }

        ModelSpec spec = Deployment(new ModelSpec
        {
            Namespace = type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString(),
            Containers = Containers(),
            Name = type.Name,
            IsRoot = true,
            IsTorchModule = true,
            DeclaresConstructor = false,
            ForwardName = forward?.Name ?? "forward",
            NullParameters = (forward?.Parameters ?? []).Where(static parameter => IsOptional(parameter) && !parameter.HasExplicitDefaultValue).Select(static parameter => parameter.Name).ToEquatableArray(),
            Inputs = InputNames(forward).Select(static name => new InputSpec(name, null)).ToEquatableArray(),
            Outputs = 1,
            Layers = default,
            SubModels = default,
            Initializations = Initializations(isTorchModule: true),
        });
        if (HasUnknownBase)
        {
            return spec with { Refusal = "its base class is not known." };
        }

        if (forward is null)
        {
            return spec with { Refusal = "no parameter of its forward method has [Shape]." };
        }

        try
        {
            return TraceTorchModule(spec, forward, cache);
        }
        catch (EvaluationException exception)
        {
            if (IsBroken(cache.Model(syntax)))
            {
                // The C# compiler reports what is wrong; the members stay, so that completion does.
                return spec with { Refusal = exception.Diagnostic.Message };
            }

            // What the compiler cannot follow keeps working eagerly, so the build goes on; a shape that cannot fit is an error of the model itself.
            DiagnosticInfo diagnostic = exception.Diagnostic;
            diagnostics.Add(diagnostic with { Mild = diagnostic.Descriptor == Descriptors.Unsupported || diagnostic.Descriptor == Descriptors.DataDependent });
            return spec with { Refusal = diagnostic.Message };
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Half-typed code may have any form, so only what happens to sound code is a fault of the compiler. The members stay either way.
            if (!IsBroken(cache))
            {
                ReportInternal(exception);
            }

            return spec with { Refusal = "the compiler failed on it." };
        }
    }

    /// <summary>Parameters of the generated members: the inputs with a shape, and while there are none, because the code is being typed, what forward or the base class takes.</summary>
    private IEnumerable<string> InputNames(IMethodSymbol? forward)
    {
        if (forward is not null)
        {
            return Shaped(forward).Select(static parameter => parameter.Name).Where(static name => name.Length > 0).Distinct();
        }

        IMethodSymbol? typed = ForwardNames.SelectMany(name => type.GetMembers(name)).OfType<IMethodSymbol>().FirstOrDefault(static method => method.Parameters.Any(IsTensor));
        if (typed is not null)
        {
            return typed.Parameters.Where(IsTensor).Select(static parameter => parameter.Name).Where(static name => name.Length > 0).Distinct();
        }

        INamedTypeSymbol? parent = type.BaseType;
        while (parent is not null && parent.TypeArguments.Length < 2)
        {
            parent = parent.BaseType;
        }

        return Enumerable.Range(1, Math.Max(1, (parent?.TypeArguments.Length ?? 0) - 1)).Select(static index => index == 1 ? "input" : "input" + Invariant.Text(index));
    }

    private static bool IsTensor(IParameterSymbol parameter) => parameter.Type.Name == "Tensor";

    /// <summary>The method whose parameters carry [Shape], own or inherited.</summary>
    private IMethodSymbol? FindForward()
    {
        for (INamedTypeSymbol? current = type; current is { DeclaringSyntaxReferences.Length: > 0 }; current = current.BaseType)
        {
            foreach (string name in ForwardNames)
            {
                if (current.GetMembers(name).OfType<IMethodSymbol>().FirstOrDefault(static method => Shaped(method).Any()) is { } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    /// <summary>Whether a parameter without [Shape] may be null.</summary>
    private static bool IsOptional(IParameterSymbol parameter) =>
        LayerMembers.Attribute(parameter, "ShapeAttribute") is null && parameter.NullableAnnotation == NullableAnnotation.Annotated;

    private static IEnumerable<IParameterSymbol> Shaped(IMethodSymbol method) =>
        method.Parameters.Where(static parameter => LayerMembers.Attribute(parameter, "ShapeAttribute") is not null);

    private ModelSpec TraceTorchModule(ModelSpec spec, IMethodSymbol forward, OperationCache cache)
    {
        foreach (IParameterSymbol parameter in Shaped(forward))
        {
            if (parameter.Type.OriginalDefinition.ToDisplayString().TrimEnd('?') != "TorchSharp.torch.Tensor")
            {
                throw new EvaluationException(DiagnosticInfo.At(Descriptors.Shape, parameter.DeclaringSyntaxReferences[0].GetSyntax(cancellation), $"[Shape] belongs on tensors; '{parameter.Name}' is a {parameter.Type.Name}"));
            }
        }

        TorchTrace trace = RunTorchModule(forward, cache, null);
        Graph? trainingGraph = null;
        TorchTrace? trained = null;
        if (trace.Evaluator.NeedsMode)
        {
            trained = RunTorchModule(forward, cache, true);
            trainingGraph = Checked(trained);
            trace = RunTorchModule(forward, cache, false);
        }

        Graph graph = Checked(trace);
        Evaluator evaluator = trace.Evaluator;
        (graph, trainingGraph) = FreezeUnused(graph, trainingGraph);
        WarnNotExportable(graph, evaluator);
        CheckInitializations(graph, knowsAll: false);
        return Advised((trained ?? trace).Evaluator, (trained ?? trace).Written(), Settings(spec with
        {
            Graph = graph,
            TrainingGraph = trainingGraph,
            Inputs = graph.ValuesOf(ValueKind.Input).Select(value => new InputSpec(graph.Values[value].Name, graph.TypeOf(value)) { Normalize = Numbers<double>(Shaped(forward).Where(parameter => parameter.Name == graph.Values[value].Name).Select(static parameter => LayerMembers.Attribute(parameter, "ShapeAttribute")).FirstOrDefault(), "Normalize") }).ToEquatableArray(),
            Outputs = trace.Outputs.Count,
            OutputPaths = trace.Outputs.Select(static output => output.Path).ToEquatableArray(),
            RegistersComponents = evaluator.Registers,
            OtherNames = evaluator.OtherNames.ToEquatableArray(),
            Modules = evaluator.ModuleChecks().Concat(trained?.Evaluator.ModuleChecks() ?? []).Distinct().ToEquatableArray(),
            LayerTypes = evaluator.LayerTypes.ToEquatableArray(),
        }));
    }

    /// <summary>One run of constructor and forward.</summary>
    private sealed record TorchTrace(Evaluator Evaluator, GraphBuilder Builder, IReadOnlyList<(string Path, int Value)> Outputs)
    {
        /// <summary>The graph with everything that was called, needed or not.</summary>
        public Graph Written() => Builder.Build([.. Outputs.Select(static output => output.Value)]);
    }

    private TorchTrace RunTorchModule(IMethodSymbol forward, OperationCache cache, bool? mode)
    {
        var builder = new GraphBuilder(type.Name);
        var evaluator = new Evaluator(cache, builder, mode);
        SyntaxNode at = forward.DeclaringSyntaxReferences[0].GetSyntax(cancellation);
        var arguments = new List<object?>();
        foreach (IParameterSymbol parameter in forward.Parameters)
        {
            arguments.Add(LayerMembers.Attribute(parameter, "ShapeAttribute") is not null ? Input(builder, parameter) : Default(parameter));
        }

        SymObject root = CreateRoot(evaluator, cache);
        evaluator.Registers = evaluator.Adopt(root, syntax);
        var outputs = new List<(string, int)>();
        try
        {
            Flatten(evaluator.Run(root, forward, arguments, at), "", forward.ReturnType.IsTupleType, outputs, at, 0);
        }
        catch (ModeNeededException)
        {
            evaluator.NeedsMode = true;
            return new TorchTrace(evaluator, builder, outputs);
        }

        return outputs.Count > 0
            ? new TorchTrace(evaluator, builder, outputs)
            : throw new EvaluationException(DiagnosticInfo.At(Descriptors.Forward, syntax.Identifier, $"{forward.Name} returns no tensor that the compiler can follow"));
    }

    private object? Default(IParameterSymbol parameter)
    {
        if (parameter.HasExplicitDefaultValue)
        {
            return parameter.ExplicitDefaultValue is null ? null : Evaluator.FromClr(parameter.ExplicitDefaultValue, parameter.Type);
        }

        if (IsOptional(parameter))
        {
            return null;
        }

        SyntaxNode at = parameter.DeclaringSyntaxReferences[0].GetSyntax(cancellation);
        throw new EvaluationException(parameter.Type.Name == "Tensor"
            ? DiagnosticInfo.At(Descriptors.Shape, at, $"the input '{parameter.Name}' has no [Shape] and no default value; give it a [Shape], or a default of null")
            : DiagnosticInfo.At(Descriptors.Forward, at, $"the parameter '{parameter.Name}' is not a tensor and has no default value, so its value is not known during the build; give it a default, or make it a constructor parameter"));
    }

    /// <summary>The tensors of a result: a tensor, a tuple, list or array, or an object with tensor members.</summary>
    private static void Flatten(object? value, string path, bool isTuple, List<(string Path, int Value)> outputs, SyntaxNode at, int depth)
    {
        switch (value)
        {
            case SymTensor { Stale: string reason }:
                throw EvaluationException.Unsupported(at, reason);
            case SymTensor tensor:
                outputs.Add((path, tensor.Id));
                break;
            case SymComplex:
                throw EvaluationException.Unsupported(at, "an output is a complex tensor; return view_as_real(...) of it");
            case SymList when depth > MostNested:
                throw EvaluationException.Unsupported(at, "the result is a list in a list in a list without end; return tensors, tuples or lists of tensors");
            case SymList list:
                for (int i = 0; i < list.Items.Count; i++)
                {
                    Flatten(list.Items[i], isTuple ? $"{path}.Item{Invariant.Text(i + 1)}" : $"{path}[{Invariant.Text(i)}]", isTuple: true, outputs, at, depth + 1);
                }

                break;
            case SymObject instance when depth < 3:
                foreach (KeyValuePair<ISymbol, object?> field in instance.Fields.Where(static pair => pair.Key.DeclaredAccessibility == Accessibility.Public || pair.Key is IPropertySymbol))
                {
                    Flatten(field.Value, $"{path}.{field.Key.Name}", isTuple: true, outputs, at, depth + 1);
                }

                break;
        }
    }

    /// <summary>The graph, once it is certain that nothing it computes needs values that exist only at run time.</summary>
    private Graph Checked(TorchTrace trace)
    {
        Graph graph = trace.Written();
        HashSet<int> live = LiveNodes(graph);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (graph.Nodes[i].Op == "opaque" && live.Contains(i))
            {
                throw EvaluationException.Unsupported(
                    trace.Evaluator.SyntaxOf(graph.Nodes[i]) ?? syntax,
                    "the result depends on this tensor, whose values exist only at run time and which is not registered: register it with register_buffer or hold it in a Parameter or Tensor field before RegisterComponents()");
            }
        }

        return graph with { Nodes = graph.Nodes.Where((_, index) => live.Contains(index)).ToEquatableArray() };
    }

    /// <summary>Whether an operator draws random numbers or moves running statistics, if only in training: it happens whether or not its result is read.</summary>
    private static bool ChangesState(string op) =>
        OpRegistry.Get(op).HasSideEffect || op is "dropout" or "channel_dropout" or "alpha_dropout" or "batch_norm" or "instance_norm_running";

    /// <summary>Nodes that the outputs, and with <paramref name="state"/> the model's state, depend on.</summary>
    private static HashSet<int> LiveNodes(Graph graph, bool state = true)
    {
        var needed = new HashSet<int>(graph.Outputs);
        var live = new HashSet<int>();
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            if ((state && ChangesState(graph.Nodes[i].Op)) || graph.Nodes[i].Outputs.Any(needed.Contains))
            {
                live.Add(i);
                needed.UnionWith(graph.Nodes[i].Inputs);
            }
        }

        return live;
    }

    /// <summary>Parameters that no output depends on are left alone by the optimizer, as eager training leaves what has no gradient.</summary>
    private static (Graph Graph, Graph? Training) FreezeUnused(Graph graph, Graph? training)
    {
        Graph trained = training ?? graph;
        HashSet<int> read = [.. LiveNodes(trained, state: false).SelectMany(index => trained.Nodes[index].Inputs), .. trained.Outputs];
        var unused = new HashSet<string>(trained.ValuesOf(ValueKind.Parameter).Where(value => !read.Contains(value)).Select(value => trained.Values[value].Name), StringComparer.Ordinal);
        if (unused.Count == 0)
        {
            return (graph, training);
        }

        Graph Frozen(Graph one) => one with { Values = one.Values.Select(value => value.Kind == ValueKind.Parameter && unused.Contains(value.Name) ? value with { Kind = ValueKind.Buffer } : value).ToEquatableArray() };
        return (Frozen(graph), training is null ? null : Frozen(training));
    }

    /// <summary>Creates the model with the arguments of [Model], the member that Config names, or defaults.</summary>
    private SymObject CreateRoot(Evaluator evaluator, OperationCache cache)
    {
        AttributeData attribute = LayerMembers.Attribute(type, "ModelAttribute")!;
        SyntaxNode at = attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) ?? syntax;
        IMethodSymbol[] constructors = [.. type.InstanceConstructors.Where(constructor => !(type.IsRecord && constructor.Parameters.Length == 1 && SymbolEqualityComparer.Default.Equals(constructor.Parameters[0].Type, type)))];
        object?[] values = [];
        if (attribute.NamedArguments.FirstOrDefault(static argument => argument.Key == "Config").Value.Value is string config)
        {
            ISymbol member = type.GetMembers(config).FirstOrDefault(static candidate => candidate.IsStatic)
                ?? throw new EvaluationException(DiagnosticInfo.At(Descriptors.ModelArguments, at, $"'{type.Name}' has no static member '{config}'; Config names a static field, property or parameterless method of the model class"));
            object? value = evaluator.ReadConfig(member, at);
            if (value is SymObject made && SymbolEqualityComparer.Default.Equals(made.Type, type))
            {
                return made;
            }

            bool spread = value is SymList && (member switch { IFieldSymbol field => field.Type, IPropertySymbol property => property.Type, IMethodSymbol method => method.ReturnType, _ => null })?.IsTupleType == true;
            values = spread ? [.. ((SymList)value!).Items] : [value];
        }
        else if (attribute.ConstructorArguments.Length == 1)
        {
            TypedConstant given = attribute.ConstructorArguments[0];
            values = given.Kind == TypedConstantKind.Array ? given.IsNull ? [null] : [.. given.Values.Select(Value)] : [Value(given)];
        }

        IMethodSymbol[] fitting = [.. constructors.Where(constructor => Fits(constructor, values)).OrderBy(static constructor => constructor.Parameters.Length)];
        if (fitting.Length == 0)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.ModelArguments, at, NoConstructor(constructors, values)));
        }

        IMethodSymbol chosen = fitting[0];
        object?[] arguments = [.. chosen.Parameters.Select((parameter, index) => index < values.Length ? Widened(values[index], parameter.Type) : parameter.IsParams ? new SymList([]) : Evaluator.FromClr(parameter.ExplicitDefaultValue, parameter.Type))];
        return evaluator.CreateRoot(type, chosen, arguments, at);
    }

    private static object? Value(TypedConstant constant) => constant.Kind == TypedConstantKind.Array
        ? new SymList(constant.Values.Select(Value))
        : Evaluator.FromClr(constant.Value, constant.Type);

    /// <summary>Whole numbers become fractions where the parameter is one.</summary>
    private static object? Widened(object? value, ITypeSymbol type) =>
        value is Dim { Constant: long whole } && type.SpecialType is SpecialType.System_Double or SpecialType.System_Single ? (double)whole : value;

    private static bool Fits(IMethodSymbol constructor, object?[] values)
    {
        if (values.Length > constructor.Parameters.Length || constructor.Parameters.Skip(values.Length).Any(static parameter => !parameter.HasExplicitDefaultValue && !parameter.IsParams))
        {
            return false;
        }

        return values.Select((value, index) => Fits(value, constructor.Parameters[index].Type)).All(static fits => fits);
    }

    private static bool Fits(object? value, ITypeSymbol type)
    {
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
        {
            return value is null || Fits(value, nullable.TypeArguments[0]);
        }

        return value switch
        {
            null => !type.IsValueType,
            Dim => type.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_Double or SpecialType.System_Object,
            double => type.SpecialType is SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Object,
            bool => type.SpecialType is SpecialType.System_Boolean,
            string => type.SpecialType is SpecialType.System_String,
            SymEnum member => type.TypeKind == TypeKind.Enum && type.Name == member.Type,
            SymObject instance => Inherits(instance.Type, type),
            SymFunction => type.TypeKind == TypeKind.Delegate,
            SymList => type.TypeKind is TypeKind.Array or TypeKind.Interface or TypeKind.Class or TypeKind.Struct && type.SpecialType == SpecialType.None,
            _ => true,
        };
    }

    private static bool Inherits(INamedTypeSymbol type, ITypeSymbol wanted)
    {
        for (INamedTypeSymbol? current = type; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current, wanted))
            {
                return true;
            }
        }

        return type.AllInterfaces.Any(candidate => SymbolEqualityComparer.Default.Equals(candidate, wanted));
    }

    private string NoConstructor(IMethodSymbol[] constructors, object?[] values)
    {
        string signatures = string.Join(" or ", constructors.Select(constructor => $"{type.Name}({string.Join(", ", constructor.Parameters.Select(static parameter => parameter.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat) + " " + parameter.Name))})"));
        string given = values.Length == 0 ? "without arguments" : $"with the {Invariant.Text(values.Length)} argument(s) of [Model]";
        return $"'{type.Name}' cannot be made {given}; it has {signatures}. Give the arguments in [Model(...)]; for objects and functions name a static member that holds them or makes the model: [Model(Config = nameof(Member))]";
    }
}
