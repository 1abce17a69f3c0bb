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

        ITypeSymbol? memberType = member is IFieldSymbol { Type: var fieldType } ? fieldType : (member as IPropertySymbol)?.Type;
        switch (cache.NameOf(memberType))
        {
            // Where a model runs is decided at run time, so a setting of the program may say it.
            case "TorchSharp.torch.Device":
                return SymOpaque.Device;
            case "TorchSharp.DeviceType":
                return SymOpaque.DeviceType;
        }

        return member.ContainingType is { DeclaringSyntaxReferences.Length: > 0 }
            ? ReadOwnStatic(member, memberType, at)
            : throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' is not known during the build; use a constant, a static readonly field with an initial value, or a constructor parameter");
    }

    /// <summary>The value of a static member named by <c>[Model(Config = ...)]</c>.</summary>
    public object? ReadConfig(ISymbol member, SyntaxNode at)
    {
        constructing = true;
        try
        {
            StaticState state = InitializeStatics(member.ContainingType, member, at);
            return member switch
            {
                IMethodSymbol method => Invoke(new SymFunction(method, null, null, null), [], at),
                IPropertySymbol { GetMethod: { } getter } when FindBody(getter) is not null => Invoke(new SymFunction(getter, null, null, null), [], at),
                _ when !state.Unknown.ContainsKey(member) && statics.TryGetValue(member, out object? value) => value,
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
        IPropertySymbol symbol = (IPropertySymbol)StaticImplementation(property.Property, property.ConstrainedToType, frame, property.Syntax);
        if (LayerMembers.AttributeOf(symbol) is { } attribute)
        {
            SymObject model = (property.Instance is null or IInstanceReferenceOperation ? frame.This : Evaluate(property.Instance, frame)) as SymObject ?? (SymObject)frame.This!;
            return ApplyLayer(model, symbol, attribute, [], property.Syntax);
        }

        object? owner = property.Instance is null ? null : Evaluate(property.Instance, frame);
        return ReadProperty(owner, [.. property.Arguments.Select(argument => Evaluate(argument.Value, frame))], property, symbol);
    }

    private object? ReadProperty(object? owner, object?[] arguments, IPropertyReferenceOperation property, IPropertySymbol symbol)
    {
        if (property.Instance is null)
        {
            return WellKnown(symbol) ?? (FindGetter(symbol) is { } getter ? Invoke(getter, [], property.Syntax) : ReadStatic(symbol, property.Syntax));
        }

        return arguments.Length > 0
            ? Fresh(IsBase(property.Instance) ? throw BaseIndexer(property.Syntax) : Index(owner, arguments, property.Syntax), property.Syntax)
            : Fresh(ReadProperty(owner, symbol, property.Syntax, IsBase(property.Instance)), property.Syntax);
    }

    private SymFunction? FindGetter(IPropertySymbol property) =>
        property.GetMethod is { } getter && property.OriginalDefinition.DeclaringSyntaxReferences.Select(reference => Syntax.BodyOf(reference.GetSyntax(cache.Cancellation))).FirstOrDefault(static node => node is not null) is { } body
            ? new SymFunction(getter, null, null, body)
            : null;

    private object? ReadProperty(object? owner, IPropertySymbol property, SyntaxNode at, bool isBase = false)
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
                return ObjectProperty(instance, property, at, isBase);
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

    private object? ObjectProperty(SymObject instance, IPropertySymbol property, SyntaxNode at, bool isBase = false)
    {
        if (property.Name == "training" && IsModuleBase(cache.NameOf(property.ContainingType)))
        {
            CheckMode(instance, instance.Type.Name, at);
            return new SymTraining();
        }

        IPropertySymbol actual = WithAccessor(isBase ? property : VirtualProperty(instance, property), static candidate => candidate.GetMethod);
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
