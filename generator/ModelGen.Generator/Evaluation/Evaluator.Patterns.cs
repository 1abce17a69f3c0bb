using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;

namespace ModelGen.Generator.Evaluation;

/// <content>Patterns and type tests.</content>
internal sealed partial class Evaluator
{
    private object? Choose(ISwitchExpressionOperation choice, Frame frame)
    {
        object? value = Evaluate(choice.Value, frame);
        foreach (ISwitchExpressionArmOperation arm in choice.Arms)
        {
            if (Matches(arm.Pattern, value, frame) && (arm.Guard is null || Condition(arm.Guard, frame)))
            {
                return Evaluate(arm.Value, frame);
            }
        }

        throw EvaluationException.Unsupported(choice.Syntax, $"no arm of this switch fits {DescribeValue(value)}");
    }

    private bool Matches(IPatternOperation pattern, object? value, Frame frame)
    {
        switch (pattern)
        {
            case IConstantPatternOperation constant:
                return Equals(value, SymOpaque.DeviceType) ? Truth(SymOpaque.DeviceTest, pattern.Syntax) : Same(Evaluate(constant.Value, frame), value, pattern.Syntax);
            case INegatedPatternOperation negated:
                return !Matches(negated.Pattern, value, frame);
            case IDiscardPatternOperation:
                return true;
            case IDeclarationPatternOperation declaration:
                return (declaration.MatchesNull || declaration.MatchedType is null || HasType(value, declaration.MatchedType, pattern.InputType, frame, pattern.Syntax)) && Bind(declaration.DeclaredSymbol, value, frame);
            case ITypePatternOperation type:
                return HasType(value, type.MatchedType, pattern.InputType, frame, pattern.Syntax);
            case IBinaryPatternOperation { OperatorKind: BinaryOperatorKind.Or } either:
                return Matches(either.LeftPattern, value, frame) || Matches(either.RightPattern, value, frame);
            case IBinaryPatternOperation both:
                return Matches(both.LeftPattern, value, frame) && Matches(both.RightPattern, value, frame);
            case IRelationalPatternOperation relational:
                return Truth(Arithmetic(relational.OperatorKind, value, Evaluate(relational.Value, frame), pattern.Syntax), pattern.Syntax);
            case IRecursivePatternOperation recursive:
                return Matches(recursive, value, frame);
            case IListPatternOperation list:
                return Matches(list, value, frame);
            default:
                throw EvaluationException.Unsupported(pattern.Syntax, "this pattern cannot be evaluated during the build; compare with ==, or test for null");
        }
    }

    private bool Matches(IRecursivePatternOperation pattern, object? value, Frame frame)
    {
        if (value is null || !HasType(value, pattern.MatchedType, pattern.InputType, frame, pattern.Syntax))
        {
            return false;
        }

        if (pattern.DeconstructionSubpatterns.Length > 0)
        {
            IReadOnlyList<object?> parts = value switch
            {
                SymList list => list.Items,
                SymObject instance => Deconstructed(instance, pattern.DeconstructionSubpatterns.Length, pattern.Syntax),
                _ => throw EvaluationException.Unsupported(pattern.Syntax, $"{DescribeValue(value)} cannot be taken apart during the build"),
            };
            if (parts.Count != pattern.DeconstructionSubpatterns.Length || !pattern.DeconstructionSubpatterns.Select((sub, index) => (sub, index)).All(pair => Matches(pair.sub, parts[pair.index], frame)))
            {
                return false;
            }
        }

        foreach (IPropertySubpatternOperation sub in pattern.PropertySubpatterns)
        {
            initialized.Push(value);
            object? member;
            try
            {
                member = Evaluate(sub.Member, new Frame(value, frame));
            }
            finally
            {
                initialized.Pop();
            }

            if (!Matches(sub.Pattern, member, frame))
            {
                return false;
            }
        }

        return Bind(pattern.DeclaredSymbol, value, frame);
    }

    private bool Matches(IListPatternOperation pattern, object? value, Frame frame)
    {
        if (value is null)
        {
            return false;
        }

        IReadOnlyList<object?> items = Elements(value, pattern.Syntax);
        int slice = pattern.Patterns.ToList().FindIndex(static sub => sub is ISlicePatternOperation);
        int more = items.Count - pattern.Patterns.Length + (slice < 0 ? 0 : 1);
        if (more < 0 || (slice < 0 && more > 0))
        {
            return false;
        }

        for (int i = 0; i < pattern.Patterns.Length; i++)
        {
            bool matches = i == slice
                ? ((ISlicePatternOperation)pattern.Patterns[i]).Pattern is not { } rest || Matches(rest, Index(value, [new SymSlice((Dim)i, (Dim)(i + more), null)], pattern.Syntax), frame)
                : Matches(pattern.Patterns[i], items[slice < 0 || i < slice ? i : i + more - 1], frame);
            if (!matches)
            {
                return false;
            }
        }

        return Bind(pattern.DeclaredSymbol, value, frame);
    }

    private static bool Bind(ISymbol? symbol, object? value, Frame frame)
    {
        if (symbol is not null)
        {
            frame.Declare(symbol, value);
        }

        return true;
    }

    /// <summary>Equality of known values.</summary>
    private bool Same(object? a, object? b, SyntaxNode at) => (a, b) switch
    {
        (null, null) => true,
        (null, _) or (_, null) => false,
        (Dim or double, Dim or double) => Truth(Arithmetic(BinaryOperatorKind.Equals, a, b, at), at),
        (SymOpaque x, SymOpaque y) => x.What == y.What,
        (SymTraining, bool y) => Truth(a, at) == y,
        (bool x, SymTraining) => Truth(b, at) == x,
        (SymTensor, _) or (_, SymTensor) => ReferenceEquals(a, b),
        (SymList x, SymList y) => SameItems(x, y, at),
        (SymObject x, SymObject y) => SameObjects(x, y, at),
        (Dim or double or char or SymEnum, Dim or double or char or SymEnum) when a.GetType() != b.GetType() =>
            throw EvaluationException.Unsupported(at, $"{DescribeValue(a)} and {DescribeValue(b)} cannot be compared during the build; convert one to the type of the other"),
        _ => Equals(a, b),
    };

    private bool SameItems(SymList a, SymList b, SyntaxNode at)
    {
        CheckStack(at);
        return a.Items.Count == b.Items.Count && a.Items.Zip(b.Items, (left, right) => Same(left, right, at)).All(static same => same);
    }

    /// <summary>Whether a value is of a type; certain for everything the evaluator makes.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">The type asked for.</param>
    /// <param name="declared">The type of the expression: numbers and collections do not carry their own.</param>
    /// <param name="frame">Knows what type parameters stand for.</param>
    /// <param name="at">For messages.</param>
    private bool HasType(object? value, ITypeSymbol type, ITypeSymbol? declared, Frame frame, SyntaxNode at)
    {
        type = Unwrap(Known(type, frame.TypeArguments))!;
        declared = declared is null ? null : Unwrap(Known(declared, frame.TypeArguments));
        if (value is null)
        {
            return false;
        }

        if (type.SpecialType == SpecialType.System_Object || SymbolEqualityComparer.Default.Equals(type, declared))
        {
            return true;
        }

        string name = cache.NameOf(type);
        return value switch
        {
            SymTensor tensor => name == "TorchSharp.torch.Tensor" || (name == "TorchSharp.Modules.Parameter" && tensor.Weight == WeightKind.Parameter),
            SymComplex => name == "TorchSharp.torch.Tensor",
            SymModule module => IsLayer(module.Definition.Name, type),
            SymUnknownModule module => IsLayer(module.Name, type),
            SymContainer container => IsLayer(container.Kind, type),
            SymObject instance => Inherits(instance.Type, type),
            string => Inherits(cache.Compilation.GetSpecialType(SpecialType.System_String), type),
            bool or SymTraining => Inherits(cache.Compilation.GetSpecialType(SpecialType.System_Boolean), type),
            char => Inherits(cache.Compilation.GetSpecialType(SpecialType.System_Char), type),
            SymEnum member => type.TypeKind == TypeKind.Enum ? type.Name == member.Type : type.SpecialType == SpecialType.System_Enum || (type.TypeKind == TypeKind.Interface && Uncertain()),
            double => type.SpecialType is SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Decimal || type.TypeKind == TypeKind.Interface || type.SpecialType == SpecialType.System_ValueType ? DeclaredNumber() : false,
            Dim => type.SpecialType is (>= SpecialType.System_SByte and <= SpecialType.System_UInt64) || type.TypeKind == TypeKind.Interface || type.SpecialType == SpecialType.System_ValueType ? DeclaredNumber() : false,
            SymList or SymDictionary or SymSequence => (type is IArrayTypeSymbol or INamedTypeSymbol { IsTupleType: true } || name.StartsWith("System.Collections.", StringComparison.Ordinal) || name == "System.Array" || type.TypeKind == TypeKind.Interface) && DeclaredNumber(),
            SymFunction => (type.TypeKind == TypeKind.Delegate || type.SpecialType is SpecialType.System_Delegate or SpecialType.System_MulticastDelegate) && Uncertain(),
            _ => Uncertain(),
        };

        // A sealed declared type decides; in an object or interface is more than the evaluator keeps.
        bool DeclaredNumber() => declared is INamedTypeSymbol { IsValueType: true } or IArrayTypeSymbol or INamedTypeSymbol { IsSealed: true } ? DeclaredIs() : Uncertain();
        bool DeclaredIs() => declared is INamedTypeSymbol named ? Inherits(named, type) : type is not IArrayTypeSymbol && (type.TypeKind == TypeKind.Interface ? Uncertain() : type.SpecialType == SpecialType.System_Array);
        bool Uncertain() => throw EvaluationException.Unsupported(at, $"whether {DescribeValue(value)} in a variable of type {declared?.ToDisplayString() ?? "object"} is of type {type.ToDisplayString()} is not known during the build; declare the variable with its own type");
    }

    /// <summary>The class of a container.</summary>
    private INamedTypeSymbol? ContainerType(SymContainer container) => cache.TypeOf("TorchSharp.Modules." + container.Kind);

    /// <summary>Whether a layer of TorchSharp is of a type: its class, a base such as <c>Convolution</c>, or the module class.</summary>
    private bool IsLayer(string layer, ITypeSymbol type) =>
        cache.TypeOf("TorchSharp.Modules." + layer) is { } own ? Inherits(own, type) : IsModuleBase(cache.NameOf(type)) || cache.NameOf(type) == "TorchSharp.Modules." + layer;

    private static bool IsModuleBase(string name) => name is "TorchSharp.torch.nn.Module" or "TorchSharp.torch.nn.HookableModule" or "TorchSharp.torch.nn.IModule" or "System.IDisposable";

    private static bool Inherits(INamedTypeSymbol type, ITypeSymbol wanted)
    {
        for (INamedTypeSymbol? current = type; current is not null; current = current.BaseType)
        {
            if (IsSame(current, wanted))
            {
                return true;
            }
        }

        return type.AllInterfaces.Any(candidate => IsSame(candidate, wanted));
    }

    /// <summary>Whether two types are one, type arguments included where both are known.</summary>
    private static bool IsSame(INamedTypeSymbol type, ITypeSymbol wanted) => SymbolEqualityComparer.Default.Equals(type, wanted)
        || (SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, wanted.OriginalDefinition) && wanted is INamedTypeSymbol { TypeArguments: var arguments }
            && (arguments.Any(static argument => argument is ITypeParameterSymbol) || type.TypeArguments.Any(static argument => argument is ITypeParameterSymbol)));
}
