using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>Reading fields and properties.</content>
internal sealed partial class Evaluator
{
    private static readonly Dictionary<string, string> DTypes = new(StringComparer.Ordinal)
    {
        ["float16"] = "Float16",
        ["half"] = "Float16",
        ["float32"] = "Float32",
        ["float"] = "Float32",
        ["float64"] = "Float64",
        ["double"] = "Float64",
        ["bfloat16"] = "BFloat16",
        ["int8"] = "Int8",
        ["uint8"] = "Byte",
        ["int16"] = "Int16",
        ["short"] = "Int16",
        ["int32"] = "Int32",
        ["int"] = "Int32",
        ["int64"] = "Int64",
        ["long"] = "Int64",
        ["bool"] = "Bool",
        ["complex64"] = "ComplexFloat32",
        ["cfloat"] = "ComplexFloat32",
        ["complex128"] = "ComplexFloat64",
        ["cdouble"] = "ComplexFloat64",
    };

    private readonly Dictionary<ISymbol, object?> statics = new(SymbolEqualityComparer.Default);
    private readonly List<ISymbol> initializing = [];

    private object? ReadField(IFieldReferenceOperation field, Frame frame)
    {
        if (field.Field.IsStatic)
        {
            return ReadStatic(field.Field, field.Syntax);
        }

        return ReadField(field.Instance is null ? null : Evaluate(field.Instance, frame), field);
    }

    private object? ReadField(object? owner, IFieldReferenceOperation field)
    {
        switch (owner)
        {
            case SymList tuple when field.Field.ContainingType.IsTupleType:
                return tuple.Items[TupleIndex(field.Field)];
            case SymObject { Module: { } state } when field.Field.Name == "_internal_submodules":
                return new SymRegistry(state);
            case SymObject instance:
                return ReadMember(instance, field.Field, field.Syntax);
            default:
                throw EvaluationException.Unsupported(field.Syntax, $"'{field.Field.Name}' of {DescribeValue(owner)} is not known during the build");
        }
    }

    private static int TupleIndex(IFieldSymbol field)
    {
        IFieldSymbol item = field.CorrespondingTupleField ?? field;
        return int.Parse(item.Name.Substring("Item".Length), CultureInfo.InvariantCulture) - 1;
    }

    private object? ReadMember(SymObject instance, ISymbol member, SyntaxNode at)
    {
        NoteRead(instance, Kept(member));
        if (instance.Fields.TryGetValue(Kept(member), out object? value))
        {
            return value;
        }

        // A field that no constructor has set yet has its default value.
        value = member switch
        {
            IFieldSymbol field => Default(field.Type),
            IPropertySymbol property => Default(property.Type),
            _ => throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' is not known during the build"),
        };
        if (value is SymObject)
        {
            // A struct is in its place from the start, so that its members can be set there.
            instance.Fields[Kept(member)] = value;
        }

        return value;
    }

    /// <summary>A static field or automatic property: its initial value, unless code could have changed it since.</summary>
    private object? ReadStatic(ISymbol member, SyntaxNode at)
    {
        if (WellKnown(member) is { } known)
        {
            return known;
        }

        if (statics.TryGetValue(member.OriginalDefinition, out object? value))
        {
            return value;
        }

        ITypeSymbol? memberType = member is IFieldSymbol { Type: var fieldType } ? fieldType : (member as IPropertySymbol)?.Type;
        switch (cache.NameOf(memberType))
        {
            // Where a model runs is decided at run time, so a setting of the program may say it.
            case "TorchSharp.torch.Device":
                return SymOpaque.Device;
            case "TorchSharp.DeviceType":
                return SymOpaque.DeviceType;
        }

        if (InTurn(member, memberType, at) is { } early)
        {
            return early.Value;
        }

        bool changes = member is IFieldSymbol { IsReadOnly: false, IsConst: false } or IPropertySymbol { SetMethod.IsInitOnly: false } && cache.MayBeAssigned(member);
        ExpressionSyntax? initializer = InitializerOf(member);
        if (initializer is null || changes)
        {
            throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' is not known during the build; use a constant, a static readonly field with an initial value, or a constructor parameter");
        }

        if (member.ContainingType.IsGenericType && cache.Operation(initializer) is not { ConstantValue.HasValue: true })
        {
            throw EvaluationException.Unsupported(at, $"'{member.Name}' exists once for each type argument of '{member.ContainingType.Name}', which is not followed during the build; move it to a class that is not generic");
        }

        bool outer = constructing;
        constructing = true;
        initializing.Add(member);
        try
        {
            object? result = EvaluateInitializer(initializer, member, new Frame(null, null), at);
            statics[member.OriginalDefinition] = result;
            Freeze(result, [], at);
            return result;
        }
        finally
        {
            constructing = outer;
            initializing.RemoveAt(initializing.Count - 1);
        }
    }

    /// <summary>
    /// The order in which C# sets the static members of a class: as they are written, so that an initial value that reads a later member sees its default.
    /// Null where the member is set by then. Static constructors are refused.
    /// </summary>
    private (object? Value, bool Early)? InTurn(ISymbol member, ITypeSymbol? type, SyntaxNode at)
    {
        INamedTypeSymbol owner = member.ContainingType.OriginalDefinition;
        if (owner.StaticConstructors.Any(static constructor => !constructor.IsImplicitlyDeclared))
        {
            throw EvaluationException.Unsupported(at, $"'{owner.Name}' has a static constructor, which is not run during the build, so the value of '{member.Name}' is not known; give static members their value where they are declared");
        }

        int running = initializing.FindLastIndex(other => SymbolEqualityComparer.Default.Equals(other.ContainingType.OriginalDefinition, owner));
        if (running < 0)
        {
            return null;
        }

        (Location first, Location second) = (initializing[running].Locations[0], member.Locations[0]);
        if (first.SourceTree != second.SourceTree || running != initializing.Count - 1)
        {
            throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' depends on which static member is set first; give it a constant value");
        }

        return second.SourceSpan.Start < first.SourceSpan.Start ? null : (Default(type), true);
    }

    /// <summary>The value of a static member named by <c>[Model(Config = ...)]</c>.</summary>
    public object? ReadConfig(ISymbol member, SyntaxNode at)
    {
        constructing = true;
        try
        {
            return member switch
            {
                IMethodSymbol method => Invoke(new SymFunction(method, null, null, null), [], at),
                IPropertySymbol { GetMethod: { } getter } when FindBody(getter) is not null => Invoke(new SymFunction(getter, null, null, null), [], at),
                _ when InitializerOf(member) is { } initializer => EvaluateInitializer(initializer, member, new Frame(null, null), at),
                _ => ReadStatic(member, at),
            };
        }
        finally
        {
            constructing = false;
        }
    }

    private ExpressionSyntax? InitializerOf(ISymbol member) =>
        member.OriginalDefinition.DeclaringSyntaxReferences.Select(reference => Syntax.InitializerOf(reference.GetSyntax(cache.Cancellation))).FirstOrDefault(static value => value is not null);

    private object? EvaluateInitializer(ExpressionSyntax initializer, ISymbol member, Frame frame, SyntaxNode at)
    {
        IOperation operation = cache.Operation(initializer) ?? throw EvaluationException.Unsupported(at, $"the initial value of '{member.Name}' cannot be analysed");
        object? value = Evaluate(operation, frame);

        // `int x = 1` has no conversion node at its top when the initial value is asked for alone.
        return ConvertTo(value, (member as IFieldSymbol)?.Type ?? (member as IPropertySymbol)?.Type);
    }

    /// <summary>Static members of TorchSharp and .NET that have a meaning during the build.</summary>
    private object? WellKnown(ISymbol member)
    {
        string type = cache.NameOf(member.ContainingType);
        return (type, member.Name) switch
        {
            ("TorchSharp.torch", "CPU" or "CUDA" or "META" or "MPS") => SymOpaque.Device,
            ("TorchSharp.torch", _) when DTypes.TryGetValue(member.Name, out string dtype) => new SymEnum("ScalarType", dtype, null),
            ("TorchSharp.torch", "newaxis") => SymIndex.None,
            ("TorchSharp.torch.TensorIndex", "Ellipsis") => SymIndex.Ellipsis,
            ("TorchSharp.torch.TensorIndex", "None" or "Null") => SymIndex.None,
            ("TorchSharp.torch.TensorIndex", "Colon") => new SymSlice(null, null, null),
            ("System.String", "Empty") => "",
            ("System.Globalization.CultureInfo", "InvariantCulture") => new SymOpaque("a culture"),
            _ => null,
        };
    }

    private object? ReadProperty(IPropertyReferenceOperation property, Frame frame)
    {
        IPropertySymbol symbol = property.Property;
        if (LayerMembers.AttributeOf(symbol) is { } attribute)
        {
            SymObject model = (property.Instance is null or IInstanceReferenceOperation ? frame.This : Evaluate(property.Instance, frame)) as SymObject ?? (SymObject)frame.This!;
            return ApplyLayer(model, symbol, attribute, [], property.Syntax);
        }

        object? owner = property.Instance is null ? null : Evaluate(property.Instance, frame);
        return ReadProperty(owner, [.. property.Arguments.Select(argument => Evaluate(argument.Value, frame))], property);
    }

    private object? ReadProperty(object? owner, object?[] arguments, IPropertyReferenceOperation property)
    {
        IPropertySymbol symbol = property.Property;
        if (property.Instance is null)
        {
            return WellKnown(symbol) ?? (FindGetter(symbol) is { } getter ? Invoke(getter, [], property.Syntax) : ReadStatic(symbol, property.Syntax));
        }

        return arguments.Length > 0 ? Fresh(Index(owner, arguments, property.Syntax), property.Syntax)
            : owner is SymObject instance && IsBase(property.Instance) && FindGetter(symbol) is { } own ? Fresh(Invoke(own with { Receiver = instance }, [], property.Syntax), property.Syntax)
            : owner is SymObject stored && IsBase(property.Instance) && symbol.ContainingType.DeclaringSyntaxReferences.Length > 0 ? ReadMember(stored, symbol, property.Syntax)
            : Fresh(ReadProperty(owner, symbol, property.Syntax), property.Syntax);
    }

    /// <summary>Whether a member is asked of <c>base</c>, so that overrides do not count.</summary>
    private static bool IsBase(IOperation? instance) => instance is IInstanceReferenceOperation { Syntax: BaseExpressionSyntax };

    private SymFunction? FindGetter(IPropertySymbol property) =>
        property.GetMethod is { } getter && property.OriginalDefinition.DeclaringSyntaxReferences.Select(reference => Syntax.BodyOf(reference.GetSyntax(cache.Cancellation))).FirstOrDefault(static node => node is not null) is { } body
            ? new SymFunction(getter, null, null, body)
            : null;

    private object? ReadProperty(object? owner, IPropertySymbol property, SyntaxNode at)
    {
        switch (owner)
        {
            case SymTensor tensor:
                return TensorProperty(tensor, property.Name, at);
            case SymComplex complex:
                return property.Name switch
                {
                    "real" => complex.Real,
                    "imag" => complex.Imaginary,
                    _ => TensorProperty(complex.Real, property.Name, at),
                };
            case SymModule module:
                return ModuleProperty(module, property.Name, at);
            case SymUnknownModule unknown:
                throw Unknown(unknown, at);
            case SymObject instance:
                return ObjectProperty(instance, property, at);
            case SymOpaque device when device == SymOpaque.Device && property.Name is "type" or "index":
                return SymOpaque.DeviceType;
            default:
                return LibraryProperty(owner, property, at);
        }
    }

    private object? TensorProperty(SymTensor tensor, string name, SyntaxNode at) => name switch
    {
        "shape" => new SymList(graph.TypeOf(tensor.Id).Shape),
        "ndim" or "Dimensions" => (Dim)graph.TypeOf(tensor.Id).Rank,
        "NumberOfElements" => graph.TypeOf(tensor.Id).Count,
        "dtype" => new SymEnum("ScalarType", graph.TypeOf(tensor.Id).DType.ToString(), null),
        "device" => SymOpaque.Device,
        "device_type" => SymOpaque.DeviceType,
        "is_cuda" or "is_sparse" or "is_meta" or "IsInvalid" => false,
        "requires_grad" => tensor.RequiresGrad,
        "T" or "mT" => ShareMemory(Guard(at, name, () => new SymTensor(graph.Transposed(tensor.Id))), tensor),
        _ => throw EvaluationException.Unsupported(at, $"the property '{name}' of a tensor is not supported in a model"),
    };

    private object? ModuleProperty(SymModule module, string name, SyntaxNode at)
    {
        if (module.Tensors.TryGetValue(name, out SymTensor? tensor))
        {
            return tensor;
        }

        if (name == "training")
        {
            return new SymTraining();
        }

        // Settings of a layer carry the names of the factory's parameters; linear layers are the exception.
        string setting = (module.Definition.Name, name) switch
        {
            ("Linear", "in_features") => "inputSize",
            ("Linear", "out_features") => "outputSize",
            (_, "num_embeddings") => "num_embeddings",
            _ => name,
        };
        object? value = module.Settings[setting];
        return value is null && name is "weight" or "bias" ? null : value ?? throw EvaluationException.Unsupported(at, $"the property '{name}' of {DescribeValue(module)} is not known during the build");
    }

    private object? ObjectProperty(SymObject instance, IPropertySymbol property, SyntaxNode at)
    {
        if (property.Name == "training" && IsModuleBase(cache.NameOf(property.ContainingType)))
        {
            CheckMode(instance, instance.Type.Name, at);
            return new SymTraining();
        }

        IPropertySymbol actual = VirtualProperty(instance, property);
        if (FindGetter(actual) is { } getter)
        {
            return Invoke(getter with { Receiver = instance }, [], at);
        }

        bool own = actual.ContainingType.DeclaringSyntaxReferences.Length > 0 || actual.ContainingType.IsAnonymousType || instance.Fields.ContainsKey(actual.OriginalDefinition);
        return own ? ReadMember(instance, actual, at) : LibraryProperty(instance.Items, property, at);
    }

    /// <summary>The most derived override of a property, or its implementation for an interface.</summary>
    private static IPropertySymbol VirtualProperty(SymObject instance, IPropertySymbol property)
    {
        if (property.ContainingType.TypeKind == TypeKind.Interface)
        {
            return instance.Type.FindImplementationForInterfaceMember(property) as IPropertySymbol ?? property;
        }

        if (property.IsVirtual || property.IsAbstract || property.IsOverride)
        {
            for (INamedTypeSymbol? type = instance.Type; type is not null; type = type.BaseType)
            {
                foreach (IPropertySymbol candidate in type.GetMembers(property.Name).OfType<IPropertySymbol>())
                {
                    for (IPropertySymbol? overridden = candidate; overridden is not null; overridden = overridden.OverriddenProperty)
                    {
                        if (SymbolEqualityComparer.Default.Equals(overridden.OriginalDefinition, property.OriginalDefinition))
                        {
                            return candidate;
                        }
                    }
                }
            }
        }

        return property;
    }
}
