using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler;
using ModelGen.Compiler.Advice;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Evaluation;

namespace ModelGen.Generator.Parsing;

/// <summary>Reads one <c>[Model]</c> class into a <see cref="ModelSpec"/>.</summary>
internal sealed partial class ModelParser
{
    private readonly INamedTypeSymbol type;
    private readonly ClassDeclarationSyntax syntax;
    private readonly Compilation compilation;
    private readonly CancellationToken cancellation;
    private readonly List<DiagnosticInfo> diagnostics = [];

    private ModelParser(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        type = (INamedTypeSymbol)context.TargetSymbol;
        syntax = (ClassDeclarationSyntax)context.TargetNode;
        compilation = context.SemanticModel.Compilation;
        this.cancellation = cancellation;
    }

    public static ParseResult Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var parser = new ModelParser(context, cancellation);
        if (!parser.Speaks())
        {
            return new ParseResult(null, default);
        }

        ModelSpec? spec = null;
        try
        {
            spec = parser.Parse() is { } parsed ? parsed with { HintSuffix = parser.HintSuffix() } : null;
        }
        catch (EvaluationException exception)
        {
            parser.diagnostics.Add(exception.Diagnostic);
        }
        catch (Exception) when (parser.IsBroken(context.SemanticModel))
        {
            // Half-typed code: the C# compiler reports it; anything said here would be about the next keystroke.
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            parser.ReportInternal(exception);
        }

        return new ParseResult(spec, parser.diagnostics.ToEquatableArray()) { Budget = parser.budget };
    }

    /// <summary>Whether this declaration stands for its class: of a class marked twice, as happens while code is pasted, only the first does, and a class needs a name.</summary>
    private bool Speaks()
    {
        ClassDeclarationSyntax[] marked = [.. LayerMembers.Attributes(type, "ModelAttribute").Select(attribute => attribute.ApplicationSyntaxReference?.GetSyntax(cancellation).FirstAncestorOrSelf<ClassDeclarationSyntax>()).OfType<ClassDeclarationSyntax>()];
        return type.Name.Length > 0 && (marked.FirstOrDefault(static declaration => declaration.Modifiers.Any(SyntaxKind.PartialKeyword)) ?? marked.FirstOrDefault()) == syntax;
    }

    /// <summary>File names do not tell upper from lower case: a model whose full name differs from another name only there gets a number.</summary>
    private string HintSuffix()
    {
        for (ISymbol current = type; current is not INamespaceSymbol { IsGlobalNamespace: true } && current.ContainingSymbol is INamespaceOrTypeSymbol outer; current = outer)
        {
            if (outer.GetMembers().Any(other => other is INamespaceOrTypeSymbol && other.Name != current.Name && other.Name.Equals(current.Name, StringComparison.OrdinalIgnoreCase)))
            {
                uint hash = 2166136261;
                foreach (char letter in type.ToDisplayString())
                {
                    hash = unchecked((hash ^ letter) * 16777619);
                }

                return "." + Invariant.Text(hash);
            }
        }

        return "";
    }

    /// <summary>Whether the class has C# errors other than the lack of its generated part.</summary>
    private bool IsBroken(SemanticModel model) =>
        !cancellation.IsCancellationRequested
        && model.GetDiagnostics(syntax.Span, cancellation).Any(IsError);

    /// <summary>Whether any source that the evaluation has read has C# errors: a fault met there is one of half-typed code.</summary>
    private bool IsBroken(OperationCache cache) =>
        IsBroken(cache.Model(syntax)) || cache.Models.Any(model => model.GetDiagnostics(null, cancellation).Any(IsError));

    private static bool IsError(Diagnostic diagnostic) => diagnostic.Severity == DiagnosticSeverity.Error && diagnostic.Id is not ("CS8795" or "CS9248");

    private void ReportInternal(Exception exception) =>
        diagnostics.Add(DiagnosticInfo.At(Descriptors.Internal, syntax.Identifier, type.Name, exception.GetType().Name + ": " + exception.Message));

    /// <summary>Whether the class names a base that does not exist, or not yet: models of the attribute DSL name none.</summary>
    private bool HasUnknownBase
    {
        get
        {
            INamedTypeSymbol? current = type.BaseType;
            while (current is not (null or { TypeKind: TypeKind.Error }))
            {
                current = current.BaseType;
            }

            return current is not null;
        }
    }

    private ModelSpec? Parse()
    {
        if (!CheckPartial())
        {
            return null;
        }

        var cache = new OperationCache(compilation, cancellation);
        if (Evaluator.IsTorchModule(type, cache) || HasUnknownBase)
        {
            return ParseTorchModule(cache);
        }

        IMethodSymbol[] forwards = [.. type.GetMembers("Forward").OfType<IMethodSymbol>()];
        if (forwards.Length != 1)
        {
            Report(Descriptors.Forward, syntax.Identifier, forwards.Length == 0
                ? $"'{type.Name}' needs a method 'Forward' that takes and returns tensors: public Tensor Forward([Shape(\"N\", 3, 32, 32)] Tensor image)"
                : $"'{type.Name}' has {forwards.Length} methods named Forward; keep one and rename the others");
            return null;
        }

        IMethodSymbol forward = forwards[0];
        int outputs = CheckForward(forward);
        bool isRoot = forward.Parameters.Any(static parameter => LayerMembers.Attribute(parameter, "ShapeAttribute") is not null);
        bool ownConstructor = type.InstanceConstructors.Any(static constructor => !constructor.IsImplicitlyDeclared);
        if (isRoot && ownConstructor)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.RootConstructor, syntax.Identifier, type.Name));
        }

        ModelSpec spec = Deployment(new ModelSpec
        {
            Namespace = type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString(),
            Containers = Containers(),
            Name = type.Name,
            IsRoot = isRoot,
            DeclaresConstructor = !ownConstructor,
            Inputs = forward.Parameters.Select(static parameter => new InputSpec(parameter.Name, null)).ToEquatableArray(),
            Outputs = outputs,
            Layers = Layers().ToEquatableArray(),
            SubModels = SubModels().ToEquatableArray(),
            Initializations = Initializations(isTorchModule: false),
        });
        if (isRoot)
        {
            return TraceOrBlock(spec, forward, cache);
        }

        CheckBlock();
        return spec;
    }

    /// <summary>A model that cannot be compiled keeps what does not depend on its graph, so that one fault does not become a page of unimplemented members.</summary>
    private ModelSpec TraceOrBlock(ModelSpec spec, IMethodSymbol forward, OperationCache cache)
    {
        try
        {
            return Trace(spec, forward, cache);
        }
        catch (EvaluationException exception)
        {
            diagnostics.Add(exception.Diagnostic);
            return spec with { IsRoot = false, Refusal = exception.Diagnostic.Message };
        }
    }

    private void CheckBlock()
    {
        try
        {
            CheckBlockInitializations();
        }
        catch (EvaluationException exception)
        {
            diagnostics.Add(exception.Diagnostic);
        }
    }

    private bool CheckPartial()
    {
        foreach (TypeDeclarationSyntax declaration in syntax.AncestorsAndSelf().OfType<TypeDeclarationSyntax>())
        {
            if (!declaration.Modifiers.Any(SyntaxKind.PartialKeyword))
            {
                Report(Descriptors.NotPartial, declaration.Identifier, declaration.Identifier.Text);
                return false;
            }
        }

        return true;
    }

    private int CheckForward(IMethodSymbol forward)
    {
        static bool IsTensor(ITypeSymbol symbol) => symbol.ToDisplayString() == "TorchSharp.torch.Tensor";
        SyntaxToken at = forward.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax(cancellation)).OfType<MethodDeclarationSyntax>().First().Identifier;
        if (forward.Parameters.Length is 0 or > 6 || !forward.Parameters.All(static parameter => IsTensor(parameter.Type)))
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.Forward, at, "Forward must take one to six tensors and nothing else; give other settings as constructor parameters of a block or as constants"));
        }

        if (IsTensor(forward.ReturnType))
        {
            return 1;
        }

        return forward.ReturnType is INamedTypeSymbol { IsTupleType: true } tuple && tuple.TupleElements.All(static element => IsTensor(element.Type))
            ? tuple.TupleElements.Length
            : throw new EvaluationException(DiagnosticInfo.At(Descriptors.Forward, at, "Forward must return a Tensor or a tuple of tensors"));
    }

    private EquatableArray<string> Containers()
    {
        var containers = new List<string>();
        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            string kind = outer.IsRecord ? (outer.IsValueType ? "record struct" : "record") : outer.IsValueType ? "struct" : "class";
            containers.Insert(0, $"partial {kind} {ModelEmitter.Identifier(outer.Name)}");
        }

        return containers.ToEquatableArray();
    }

    private IEnumerable<LayerSpec> Layers()
    {
        foreach (ISymbol member in type.GetMembers())
        {
            if (member is IMethodSymbol or IPropertySymbol && LayerMembers.AttributeOf(member) is { } attribute)
            {
                yield return Layer(member, attribute);
            }
        }
    }

    private LayerSpec Layer(ISymbol member, AttributeData attribute)
    {
        MemberDeclarationSyntax declaration = (MemberDeclarationSyntax)member.DeclaringSyntaxReferences[0].GetSyntax(cancellation);
        SyntaxToken name = declaration is MethodDeclarationSyntax method ? method.Identifier : ((PropertyDeclarationSyntax)declaration).Identifier;
        Compiler.Layers.LayerDefinition layer = LayerMembers.DefinitionOf(attribute)!;
        IReadOnlyList<IParameterSymbol> parameters = member is IMethodSymbol symbol ? symbol.Parameters : [];
        bool isProperty = member is IPropertySymbol;
        (int least, int most) = layer.Inputs;
        bool fits = (isProperty ? layer.Name == "Parameter" : parameters.Count >= least && parameters.Count <= most && (layer.Name != "MultiheadAttention" || parameters.Count != 2))
            && parameters.All(static parameter => parameter.Type.ToDisplayString() == "TorchSharp.torch.Tensor")
            && (member is IMethodSymbol { ReturnType: var returned } ? returned : ((IPropertySymbol)member).Type).ToDisplayString() == "TorchSharp.torch.Tensor";
        if (!declaration.Modifiers.Any(SyntaxKind.PartialKeyword) || !fits || member.IsStatic)
        {
            string example = layer.Name == "Parameter" ? $"private partial Tensor {member.Name} {{ get; }}" : $"private partial Tensor {member.Name}(Tensor x);";
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.LayerMember, name, $"the layer [{layer.Name}] belongs on a private partial member without a body: {example}"));
        }

        string access = string.Join(" ", declaration.Modifiers.Select(static modifier => modifier.Text));
        string list = string.Join(", ", parameters.Select(static parameter => "global::TorchSharp.torch.Tensor " + parameter.Name));
        string signature = $"{access} global::TorchSharp.torch.Tensor {member.Name}{(isProperty ? "" : $"({list})")}";
        LayerArguments arguments = LayerArguments.Read(attribute, null, declaration);
        return new LayerSpec(member.Name, signature, isProperty, parameters.Select(static parameter => parameter.Name).ToEquatableArray(), layer.Name, LayerMembers.KeyOf(member, attribute), arguments.Texts);
    }

    private IEnumerable<SubModelSpec> SubModels()
    {
        foreach (IFieldSymbol field in type.GetMembers().OfType<IFieldSymbol>().Where(static field => !field.IsStatic && !field.IsImplicitlyDeclared))
        {
            if (BlockOf(field) is { } block)
            {
                yield return new SubModelSpec(field.Name, field.Name, block.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat), !SymbolEqualityComparer.Default.Equals(block, field.Type))
                {
                    IsInitialized = IsInitialized(block, new HashSet<ITypeSymbol>(SymbolEqualityComparer.Default)),
                };
            }
        }
    }

    /// <summary>The model class that a field holds one or a list of; null for another field.</summary>
    private static ITypeSymbol? BlockOf(IFieldSymbol field)
    {
        ITypeSymbol? element = field.Type switch
        {
            IArrayTypeSymbol array => array.ElementType,
            INamedTypeSymbol { TypeArguments.Length: 1 } list when list.AllInterfaces.Concat([list]).Any(static candidate => candidate.ToDisplayString().StartsWith("System.Collections.Generic.IReadOnlyList<", StringComparison.Ordinal)) => list.TypeArguments[0],
            _ => null,
        };
        return element is not null && LayerMembers.IsModel(element) ? element : LayerMembers.IsModel(field.Type) ? field.Type : null;
    }

    private ModelSpec Trace(ModelSpec spec, IMethodSymbol forward, OperationCache cache)
    {
        (Evaluator evaluator, GraphBuilder builder, SymTensor[] inputs, int[] outputs) = RunForward(forward, cache, null);
        Graph? trainingGraph = null;
        Evaluator? trained = null;
        if (evaluator.NeedsMode)
        {
            // A branch on `training`: each mode has its own graph.
            (trained, GraphBuilder trainingBuilder, _, int[] trainingOutputs) = RunForward(forward, cache, true);
            trainingGraph = trainingBuilder.Build(trainingOutputs);
            (evaluator, builder, inputs, outputs) = RunForward(forward, cache, false);
        }

        Graph graph = builder.Build(outputs);
        WarnUnusedLayers(spec, evaluator);
        WarnNotExportable(graph, evaluator);
        CheckInitializations(graph, knowsAll: true);
        return Advised(trained ?? evaluator, trainingGraph ?? graph, Settings(spec with
        {
            Graph = graph,
            TrainingGraph = trainingGraph,
            Inputs = forward.Parameters.Select((parameter, index) => new InputSpec(parameter.Name, graph.TypeOf(inputs[index].Id)) { Normalize = Numbers<double>(LayerMembers.Attribute(parameter, "ShapeAttribute"), "Normalize") }).ToEquatableArray(),
            Sizes = evaluator.Sizes.ToEquatableArray(),
            LayerTypes = evaluator.LayerTypes.ToEquatableArray(),
        }));
    }

    private (Evaluator Evaluator, GraphBuilder Builder, SymTensor[] Inputs, int[] Outputs) RunForward(IMethodSymbol forward, OperationCache cache, bool? mode)
    {
        var builder = new GraphBuilder(type.Name);
        var evaluator = new Evaluator(cache, builder, mode);
        SymTensor[] inputs = [.. forward.Parameters.Select(parameter => Input(builder, parameter))];
        SymObject root = evaluator.CreateRoot(type, null, [], syntax);
        Evaluator.AdoptFields(root);
        evaluator.Freeze(root, [], syntax);
        try
        {
            object? result = evaluator.Run(root, forward, inputs, syntax);
            int[] outputs = result switch
            {
                SymTensor tensor => [tensor.Id],
                SymList list when list.Items.All(static item => item is SymTensor) => [.. list.Items.Select(static item => ((SymTensor)item!).Id)],
                _ => throw new EvaluationException(DiagnosticInfo.At(Descriptors.Forward, syntax.Identifier, "Forward does not return a tensor that the compiler can follow")),
            };
            return (evaluator, builder, inputs, outputs);
        }
        catch (ModeNeededException)
        {
            evaluator.NeedsMode = true;
            return (evaluator, builder, inputs, []);
        }
    }

    private SymTensor Input(GraphBuilder builder, IParameterSymbol parameter)
    {
        var input = new SymTensor(builder.AddValue(parameter.Name, InputType(parameter), ValueKind.Input));
        input.Storage.Owner = $"the model input '{parameter.Name}'";
        return input;
    }

    private TensorType InputType(IParameterSymbol parameter)
    {
        ParameterSyntax at = (ParameterSyntax)parameter.DeclaringSyntaxReferences[0].GetSyntax(cancellation);
        AttributeData shape = LayerMembers.Attribute(parameter, "ShapeAttribute")
            ?? throw new EvaluationException(DiagnosticInfo.At(Descriptors.Shape, at, $"the input '{parameter.Name}' has no [Shape]; give one to every input, or to none if this class is a block"));
        SyntaxNode where = shape.ApplicationSyntaxReference?.GetSyntax(cancellation) ?? at;
        Dim[] dims = [.. shape.ConstructorArguments[0].Values.Select(value => Dimension(value.Value, where))];
        object? element = shape.NamedArguments.FirstOrDefault(static argument => argument.Key == "Type").Value.Value;
        var result = new TensorType(element switch { 1 => DType.Int64, 2 => DType.Bool, _ => DType.Float32 }, dims);
        Evaluator.CheckSize(result, where);
        return result;
    }

    /// <summary>An array given to a named argument of an attribute; empty when there is none.</summary>
    private static EquatableArray<T> Numbers<T>(AttributeData? attribute, string name)
    {
        TypedConstant given = attribute?.NamedArguments.FirstOrDefault(argument => argument.Key == name).Value ?? default;
        return given is { Kind: TypedConstantKind.Array, IsNull: false } ? given.Values.Select(static value => value.Value).OfType<T>().ToEquatableArray() : Array.Empty<T>();
    }

    private static Dim Dimension(object? value, SyntaxNode at) => value switch
    {
        int size and > 0 => size,
        string name when SyntaxFacts.IsValidIdentifier(name) => Dim.Symbol(name),
        _ => throw new EvaluationException(DiagnosticInfo.At(Descriptors.Shape, at, $"'{value}' is not a size: write a positive whole number, or a name such as \"N\" for a size known only when the model runs")),
    };

    private void WarnUnusedLayers(ModelSpec spec, Evaluator evaluator)
    {
        var called = new HashSet<string>(evaluator.LayerTypes.Select(static pair => pair.Key), StringComparer.Ordinal);
        foreach (LayerSpec layer in spec.Layers.Where(layer => !called.Contains(layer.Key)))
        {
            SyntaxNode declaration = type.GetMembers(layer.Member)[0].DeclaringSyntaxReferences[0].GetSyntax(cancellation);
            Report(Descriptors.LayerNeverCalled, declaration is MethodDeclarationSyntax method ? method.Identifier : ((PropertyDeclarationSyntax)declaration).Identifier, layer.Member);
        }
    }

    private void WarnNotExportable(Graph graph, Evaluator evaluator)
    {
        HashSet<int> live = LiveNodes(graph);
        var weights = new OnnxWeights(graph);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (live.Contains(i) && !weights.Computes(graph.Nodes[i]) && OpRegistry.Get(graph.Nodes[i].Op).ExportProblem(OpContext.Of(graph, graph.Nodes[i])) is string problem && evaluator.SyntaxOf(graph.Nodes[i]) is { } at)
            {
                diagnostics.Add(DiagnosticInfo.At(Descriptors.NotExportable, at, problem));
            }
        }
    }

    /// <summary>Reports what the rules about models have to say; an expression that is evaluated several times is reported once.</summary>
    private ModelSpec Advised(Evaluator evaluator, Graph written, ModelSpec spec)
    {
        var model = new ReviewedModel(spec, written, LayerMembers.Attribute(type, "QuantizeAttribute") is not null);
        var said = new HashSet<(string, SyntaxNode)>();
        foreach (ModelRule rule in ModelRules.All)
        {
            foreach (Finding finding in rule.Check(model))
            {
                if (evaluator.SyntaxOf(written.Nodes[finding.Node]) is { } at
                    && (finding.LeftToAnalyzerWith < 0 || evaluator.SyntaxOf(written.Nodes[finding.LeftToAnalyzerWith]) != at)
                    && said.Add((rule.Id, at)))
                {
                    diagnostics.Add(DiagnosticInfo.At(Descriptors.Of(rule), at, finding.Text));
                }
            }
        }

        return spec;
    }

    private void Report(DiagnosticDescriptor descriptor, SyntaxToken at, params string[] arguments) => diagnostics.Add(DiagnosticInfo.At(descriptor, at, arguments));
}
