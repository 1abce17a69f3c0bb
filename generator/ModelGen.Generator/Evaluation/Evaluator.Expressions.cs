using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Evaluation;

/// <content>Expressions.</content>
internal sealed partial class Evaluator
{
    private readonly Stack<object?> conditionalReceivers = new();
    private readonly Stack<object?> initialized = new();

    private object? Evaluate(IOperation operation, Frame frame)
    {
        Tick(operation.Syntax);
        if (operation.ConstantValue.HasValue)
        {
            return Constant(operation);
        }

        switch (operation)
        {
            case IParenthesizedOperation parenthesized:
                return Evaluate(parenthesized.Operand, frame);
            case IConversionOperation conversion:
                return Convert(conversion, frame);
            case ILocalReferenceOperation local:
                return frame.TryGet(local.Local, out object? value) ? Own(Fresh(value, local.Syntax), local) : throw EvaluationException.Unsupported(local.Syntax, $"'{local.Local.Name}' has no value here that is known during the build");
            case IParameterReferenceOperation parameter:
                return Own(Fresh(Read(parameter, frame), parameter.Syntax), parameter);
            case IFieldReferenceOperation field:
                return Own(Fresh(ReadField(field, frame), field.Syntax), field);
            case IPropertyReferenceOperation property:
                return Own(ReadProperty(property, frame), property);
            case IInstanceReferenceOperation instance:
                return instance.ReferenceKind == InstanceReferenceKind.ImplicitReceiver && initialized.Count > 0 ? initialized.Peek() : Own(frame.This, instance);
            case IInvocationOperation call:
                return Call(call, frame);
            case IBinaryOperation binary:
                return Binary(binary, frame);
            case IUnaryOperation unary:
                return Unary(unary, frame);
            case IConditionalOperation conditional:
                return Condition(conditional.Condition, frame) ? Evaluate(conditional.WhenTrue, frame) : Evaluate(conditional.WhenFalse!, frame);
            case ICoalesceOperation coalesce:
                return Evaluate(coalesce.Value, frame) ?? Evaluate(coalesce.WhenNull, frame);
            case ISimpleAssignmentOperation assignment:
                return assignment.IsRef ? throw ByReference(assignment.Syntax) : PlaceOf(assignment.Target, frame) is var place ? place.Write(Evaluate(assignment.Value, frame)) : null;
            case IDeconstructionAssignmentOperation assignment:
                return Assign(assignment.Target, Evaluate(assignment.Value, frame), frame);
            case ICompoundAssignmentOperation compound:
                return Compound(compound, frame);
            case ICoalesceAssignmentOperation coalesce:
                Place kept = PlaceOf(coalesce.Target, frame);
                return kept.Read() ?? kept.Write(Evaluate(coalesce.Value, frame));
            case IIncrementOrDecrementOperation increment:
                return Increment(increment, frame);
            default:
                return EvaluateOther(operation, frame);
        }
    }

    private object? EvaluateOther(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case IIsPatternOperation pattern:
                return Matches(pattern.Pattern, Evaluate(pattern.Value, frame), frame);
            case IIsTypeOperation test:
                return HasType(Evaluate(test.ValueOperand, frame), test.TypeOperand, OwnType(test.ValueOperand), frame, test.Syntax) != test.IsNegated;
            case ISwitchExpressionOperation choice:
                return Choose(choice, frame);
            case IConditionalAccessOperation access:
                return Access(access, frame);
            case IConditionalAccessInstanceOperation:
                return conditionalReceivers.Peek();
            case IInterpolatedStringOperation text:
                return Short(string.Concat(text.Parts.Select(part => Interpolate(part, frame))), operation.Syntax);
            case ITypeOfOperation type:
                ITypeSymbol named = Known(type.TypeOperand, frame.TypeArguments);
                return new SymType(named.ToDisplayString(), named);
            case IRangeOperation range:
                return new SymSlice(range.LeftOperand is null ? null : Evaluate(range.LeftOperand, frame), range.RightOperand is null ? null : Evaluate(range.RightOperand, frame), null);
            case IWithOperation with:
                return With(with, frame);
            case IThrowOperation thrown:
                throw Thrown(thrown);
            case IDefaultValueOperation:
                return Default(operation.Type is { } defaulted ? Known(defaulted, frame.TypeArguments) : null, operation.Syntax);
            default:
                return EvaluateCollection(operation, frame);
        }
    }

    private object? EvaluateCollection(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case ITupleOperation tuple:
                return new SymList(tuple.Elements.Select(element => Evaluate(element, frame)).ToArray());
            case IArrayCreationOperation array:
                return CreateArray(array, frame);
            case IArrayInitializerOperation initializer:
                return new SymList(initializer.ElementValues.Select(element => Evaluate(element, frame)).ToArray());
            case ICollectionExpressionOperation collection:
                return Collection(collection, frame);
            case IObjectCreationOperation creation:
                return Create(creation, frame);
            case ITypeParameterObjectCreationOperation creation when Known(creation.Type!, frame.TypeArguments) is INamedTypeSymbol type && type.InstanceConstructors.FirstOrDefault(static c => c.Parameters.IsEmpty) is { } constructor:
                return Construct(type, constructor, [], creation.Syntax);
            case IAnonymousObjectCreationOperation anonymous:
                return Anonymous(anonymous, frame);
            case IArrayElementReferenceOperation element:
                return PlaceOf(element, frame).Read();
            case IImplicitIndexerReferenceOperation element when cache.NameOf(element.Argument.Type) == "System.Range" && cache.NameOf(element.Instance.Type) is "System.Span" or "System.ReadOnlySpan" && element.Instance.Type is INamedTypeSymbol { TypeArguments: [{ SpecialType: not SpecialType.System_Char }] }:
                throw EvaluationException.Unsupported(element.Syntax, "a part of a span shares the memory of the whole, which is not followed during the build; index the whole");
            case IImplicitIndexerReferenceOperation element:
                return Own(Fresh(Index(Evaluate(element.Instance, frame), [Evaluate(element.Argument, frame)], element.Syntax), element.Syntax), element);
            case IDelegateCreationOperation creation:
                return Evaluate(creation.Target, frame);
            case IAnonymousFunctionOperation lambda:
                return new SymFunction(lambda.Symbol, frame.This, frame, null) { Code = lambda.Body };
            case ITupleBinaryOperation tuples:
                return Same(Evaluate(tuples.LeftOperand, frame), Evaluate(tuples.RightOperand, frame), tuples.Syntax) == (tuples.OperatorKind == BinaryOperatorKind.Equals);
            case ITranslatedQueryOperation query:
                return Evaluate(query.Operation, frame);
            case IMethodReferenceOperation method:
                return MethodValue(method, frame);
            case IDeclarationExpressionOperation declaration:
                return Evaluate(declaration.Expression, frame);
            case IDiscardOperation:
                return null;
            case IInvalidOperation:
                return Unbound(operation.Syntax, frame);
            default:
                throw EvaluationException.Unsupported(
                    operation.Syntax,
                    $"this {operation.Kind} expression cannot be compiled; use tensor operators and methods, the functions of torch.nn.functional, layers, and arithmetic on known numbers");
        }
    }

    /// <summary>Refuses a view whose memory was overwritten through another tensor.</summary>
    private static object? Fresh(object? value, SyntaxNode at) => value is SymTensor { Stale: string reason } ? throw EvaluationException.Unsupported(at, reason) : value;

    private SymList CreateArray(IArrayCreationOperation array, Frame frame)
    {
        if (array.Initializer is not null)
        {
            var rows = (SymList)Evaluate(array.Initializer, frame)!;
            return array.DimensionSizes.Length > 1 ? Ranked(rows, array.DimensionSizes.Length) : rows;
        }

        ITypeSymbol? element = (array.Type as IArrayTypeSymbol)?.ElementType is { } written ? Known(written, frame.TypeArguments) : null;
        int[] sizes = [.. array.DimensionSizes.Select(dimension => Evaluate(dimension, frame) is Dim { Constant: >= 0 and <= MaxElements and long size }
            ? (int)size
            : throw EvaluationException.Unsupported(array.Syntax, "the length of an array must be known during the build"))];
        if (sizes.Aggregate(1L, static (product, size) => product * Math.Max(1, size)) > MaxElements)
        {
            throw EvaluationException.Unsupported(array.Syntax, "this array is too large to be evaluated during the build");
        }

        SymList Made(int dimension) => new(Enumerable.Range(0, sizes[dimension]).Select(_ => dimension + 1 < sizes.Length ? Made(dimension + 1) : Default(element, array.Syntax)).ToArray()) { Rank = sizes.Length - dimension };
        return Made(0);
    }

    /// <summary>The rows of an array of several dimensions.</summary>
    private static SymList Ranked(SymList rows, int rank) => rank == 1 ? rows : new(rows.Items.Select(row => (object?)Ranked((SymList)row!, rank - 1)).ToArray()) { Rank = rank };

    private object? Collection(ICollectionExpressionOperation collection, Frame frame)
    {
        ITypeSymbol? elementType = (collection.Type as IArrayTypeSymbol)?.ElementType ?? (collection.Type as INamedTypeSymbol)?.TypeArguments.FirstOrDefault();
        object?[] items = [.. collection.Elements.SelectMany(element => element is ISpreadOperation spread ? Elements(Evaluate(spread.Operand, frame), spread.Syntax).Select(item => ConvertTo(item, elementType)) : [Evaluate(element, frame)])];
        string type = cache.NameOf(collection.Type);
        if (type.StartsWith("TorchSharp.Modules.", StringComparison.Ordinal))
        {
            SymContainer container = new(type.Substring("TorchSharp.Modules.".Length));
            foreach (object? item in items)
            {
                Append(container, item, null, collection.Syntax);
            }

            return container;
        }

        return type switch
        {
            "System.Collections.Generic.HashSet" or "System.Collections.Generic.ISet" => SetOf(items, collection.Syntax),
            "[]" or "System.Span" or "System.ReadOnlySpan" or "System.Collections.Immutable.ImmutableArray" => new SymList(items),
            _ when type.StartsWith("System.Collections.Generic.I", StringComparison.Ordinal) || type == "System.Collections.Generic.List" => new SymList(items),
            _ => throw EvaluationException.Unsupported(collection.Syntax, $"a collection expression of type {collection.Type?.Name} cannot be evaluated during the build; use an array or a List"),
        };
    }

    /// <summary>A set with the elements of a sequence, each once, in the order of their first appearance.</summary>
    private SymList SetOf(IEnumerable<object?> items, SyntaxNode at)
    {
        var set = new SymList([]) { Kind = ListKind.Set };
        foreach (object? item in items)
        {
            if (!set.Items.Any(earlier => Same(earlier, item, at)))
            {
                set.Items.Add(item);
            }
        }

        return set;
    }

    private SymObject Anonymous(IAnonymousObjectCreationOperation anonymous, Frame frame)
    {
        var result = new SymObject((INamedTypeSymbol)anonymous.Type!);
        foreach (ISimpleAssignmentOperation assignment in anonymous.Initializers.OfType<ISimpleAssignmentOperation>())
        {
            result.Fields[((IPropertyReferenceOperation)assignment.Target).Property] = Evaluate(assignment.Value, frame);
        }

        return result;
    }

    private object? Access(IConditionalAccessOperation access, Frame frame)
    {
        object? receiver = Evaluate(access.Operation, frame);
        if (receiver is null)
        {
            return null;
        }

        conditionalReceivers.Push(receiver);
        try
        {
            return Evaluate(access.WhenNotNull, frame);
        }
        finally
        {
            conditionalReceivers.Pop();
        }
    }

    private object? With(IWithOperation with, Frame frame)
    {
        if (Evaluate(with.Operand, frame) is not SymObject original)
        {
            throw EvaluationException.Unsupported(with.Syntax, "'with' needs a record or struct that is known during the build");
        }

        SymObject copy = original.Copy();
        Initialize(copy, with.Initializer, frame);
        return copy;
    }

    private string Interpolate(IInterpolatedStringContentOperation part, Frame frame)
    {
        if (part is IInterpolatedStringTextOperation text)
        {
            return text.Text.ConstantValue.Value as string ?? "";
        }

        if (part is not IInterpolationOperation hole)
        {
            throw EvaluationException.Unsupported(part.Syntax, "this interpolated string cannot be evaluated during the build");
        }

        object? value = Evaluate(hole.Expression, frame);
        string format = hole.FormatString?.ConstantValue.Value as string ?? "";
        try
        {
            string shown = Text(value, format, hole.Syntax, OwnType(hole.Expression));
            return hole.Alignment is { } alignment && Evaluate(alignment, frame) is Dim { Constant: long width } ? width < 0 ? shown.PadRight((int)-width) : shown.PadLeft((int)width) : shown;
        }
        catch (FormatException exception)
        {
            throw EvaluationException.Unsupported(hole.Syntax, $"the format '{format}' does not fit {DescribeValue(value)}: {exception.Message}");
        }
    }

    /// <param name="value">A known value.</param>
    /// <param name="format">A .NET format, or nothing.</param>
    /// <param name="at">For messages.</param>
    /// <param name="type">The type that the value has in C#, where it is known: float is written with fewer digits than double.</param>
    private string Text(object? value, string format, SyntaxNode at, ITypeSymbol? type = null) => value switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "True" : "False",
        char letter => letter.ToString(),
        Dim { Constant: long number } => number.ToString(format, CultureInfo.InvariantCulture),
        Dim or SymTensor or SymList or SymObject when onlyShown > 0 => "",
        Dim symbolic => throw EvaluationException.DataDependent(at, $"the text of the symbolic size {symbolic} is known only when the model runs; give that size as a number in [Shape]"),
        double number => RealText(number, format, type, at),
        SymEnum { Value: Dim { Constant: long number } } when format is "D" or "d" => number.ToString(CultureInfo.InvariantCulture),
        SymEnum member when format is "" or "G" or "g" => member.Member,
        SymType named => named.Name,
        _ when onlyShown > 0 => "",
        _ => throw EvaluationException.Unsupported(at, $"{DescribeValue(value)} has no text that is known during the build"),
    };

    /// <summary>The shortest text that reads back as the number, which is shorter for float than for double.</summary>
    private static string RealText(double number, string format, ITypeSymbol? type, SyntaxNode at)
    {
        string Shortest(double value) => value.ToString(format.Length == 0 ? "R" : format, CultureInfo.InvariantCulture);
        string ShortestSingle(double value) => ((float)value).ToString(format.Length == 0 ? "R" : format, CultureInfo.InvariantCulture);
        bool maySingle = (double)(float)number == number || double.IsNaN(number);
        return Unwrap(type)?.SpecialType switch
        {
            SpecialType.System_Single => ShortestSingle(number),
            SpecialType.System_Double => Shortest(number),
            SpecialType.System_Decimal => throw EvaluationException.Unsupported(at, "the text of a decimal keeps its zeros, which is not followed during the build; use double"),
            _ when !maySingle || Shortest(number) == ShortestSingle(number) => Shortest(number),
            _ => throw EvaluationException.Unsupported(at, "whether this number is a float or a double, which are written differently, is not known here; call its ToString() where it is made"),
        };
    }

    /// <summary>Code that does not bind because it names generated members: the base class of a DSL model is not there yet while the generator runs.</summary>
    private object? Unbound(SyntaxNode syntax, Frame frame)
    {
        switch (syntax)
        {
            case IdentifierNameSyntax { Identifier.Text: "training" }:
            case MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax, Name.Identifier.Text: "training" }:
                return new SymTraining();
            case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "forward" or "call" } access } invocation
                when cache.Operation(access.Expression) is { } receiver && Evaluate(receiver, frame) is SymObject block:
                object?[] arguments = [.. invocation.ArgumentList.Arguments.Select(argument => Evaluate(cache.Operation(argument.Expression)!, frame))];
                return Invoke(new SymFunction(ForwardOf(block, syntax), block, null, null), arguments, syntax);
            case InvocationExpressionSyntax call when Candidate(call) is { } method:
                return CallTorch(method, UnboundArguments(call, method, frame), call);
            default:
                throw EvaluationException.Unsupported(syntax, $"'{cache.Text(syntax)}' does not compile as C# yet, so the model cannot be evaluated here");
        }
    }

    /// <summary>The TorchSharp function that a call would bind to if the generated base class were there already.</summary>
    private IMethodSymbol? Candidate(InvocationExpressionSyntax call)
    {
        bool usesTraining = call.ArgumentList.Arguments.Any(static argument => argument.Expression is IdentifierNameSyntax { Identifier.Text: "training" });
        IMethodSymbol[] candidates = [.. cache.Model(call).GetSymbolInfo(call, cache.Cancellation).CandidateSymbols.OfType<IMethodSymbol>().Where(method => Prefix(method.ContainingType) is not null)];
        return usesTraining && candidates.Length == 1 ? candidates[0] : null;
    }

    private Dictionary<string, object?> UnboundArguments(InvocationExpressionSyntax call, IMethodSymbol method, Frame frame)
    {
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (int i = 0; i < call.ArgumentList.Arguments.Count; i++)
        {
            ArgumentSyntax argument = call.ArgumentList.Arguments[i];
            string name = argument.NameColon?.Name.Identifier.Text ?? method.Parameters[i].Name;
            arguments[name] = argument.Expression is IdentifierNameSyntax { Identifier.Text: "training" }
                ? new SymTraining()
                : Evaluate(cache.Operation(argument.Expression)!, frame);
        }

        return arguments;
    }

    private static object? Constant(IOperation operation) => FromClr(operation.ConstantValue.Value, operation.Type);

    /// <summary>A constant as an abstract value; enums by their member.</summary>
    public static object? FromClr(object? value, ITypeSymbol? type)
    {
        if (value is not null && type is INamedTypeSymbol { TypeKind: TypeKind.Enum } enumeration)
        {
            return EnumMember(enumeration, System.Convert.ToInt64(value, CultureInfo.InvariantCulture));
        }

        return value switch
        {
            sbyte or byte or short or ushort or int or uint or long => (Dim)System.Convert.ToInt64(value, CultureInfo.InvariantCulture),
            float or double or decimal => System.Convert.ToDouble(value, CultureInfo.InvariantCulture),
            _ => value,
        };
    }

    /// <summary>The value of <c>default</c>.</summary>
    public static object? Default(ITypeSymbol? type) => type switch
    {
        { SpecialType: SpecialType.System_Boolean } => false,
        { SpecialType: SpecialType.System_Char } => '\0',
        { SpecialType: SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Decimal } => 0.0,
        { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_UInt64 } => Dim.Zero,
        { TypeKind: TypeKind.Enum } => FromClr(0, type),
        INamedTypeSymbol { IsTupleType: true } tuple => new SymList(tuple.TupleElements.Select(static element => Default(element.Type))),
        INamedTypeSymbol { TypeKind: TypeKind.Struct, DeclaringSyntaxReferences.Length: > 0 } structure => new SymObject(structure),
        _ => null,
    };

    /// <summary>The default of a type that may be a type parameter.</summary>
    private static object? Default(ITypeSymbol? type, SyntaxNode at) =>
        type is ITypeParameterSymbol ? throw EvaluationException.Unsupported(at, $"the default of the type parameter '{type.Name}' is not known here during the build") : Default(type);

    private object? Convert(IConversionOperation conversion, Frame frame)
    {
        object? value = Evaluate(conversion.Operand, frame);
        ITypeSymbol? type = conversion.Type;
        if (conversion.OperatorMethod is { } method && FindBody(method) is not null)
        {
            return Invoke(new SymFunction(method, null, null, null), [value], conversion.Syntax);
        }

        if (conversion.IsTryCast)
        {
            return value is not null && HasType(value, type!, OwnType(conversion.Operand), frame, conversion.Syntax) ? value : null;
        }

        SpecialType target = Unwrap(type)?.SpecialType ?? SpecialType.None;
        NoDecimal(conversion.Type, conversion.Operand.Type, conversion.Syntax);
        if (target is >= SpecialType.System_Boolean and <= SpecialType.System_Double && value is SymTensor tensor && KnownNumbers(tensor, conversion.Syntax) is { Items: [var known] })
        {
            value = known;
        }

        switch (target, value)
        {
            case (SpecialType.System_Double or SpecialType.System_Decimal, Dim { Constant: long whole }):
                return (double)whole;
            case (SpecialType.System_Single, Dim { Constant: long whole }):
                return (double)(float)whole;
            case (SpecialType.System_Single, double number):
                return (double)(float)number;
            case (SpecialType.System_Char, Dim { Constant: long code }):
                return (char)code;
            case (>= SpecialType.System_SByte and <= SpecialType.System_UInt64, double number):
                return Truncated(number, type!, conversion);
            case (>= SpecialType.System_SByte and <= SpecialType.System_UInt64, Dim whole):
                return Stored(whole, type, conversion.IsChecked, conversion.Syntax);
            case (>= SpecialType.System_SByte and <= SpecialType.System_UInt64, SymEnum { Value: Dim ordinal }):
                return Stored(ordinal, type, conversion.IsChecked, conversion.Syntax);
            case (>= SpecialType.System_SByte and <= SpecialType.System_UInt64, char letter):
                return (Dim)letter;
            case (SpecialType.System_Single or SpecialType.System_Double, char letter):
                return (double)letter;
            case (>= SpecialType.System_Boolean and <= SpecialType.System_Double, SymTensor):
                throw EvaluationException.DataDependent(conversion.Syntax, "this conversion reads a tensor's value back to C#, which is known only when the model runs; keep the calculation in tensors, for example with torch.where(condition, a, b)");
        }

        if (Unwrap(type) is INamedTypeSymbol { TypeKind: TypeKind.Enum } enumeration && (value as Dim ?? (value as SymEnum)?.Value as Dim) is { Constant: long ordinalValue })
        {
            return EnumMember(enumeration, ordinalValue);
        }

        return type?.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T || conversion.OperatorMethod is null ? ConvertTo(value, type is { IsTupleType: true } ? type : null)
            : Converted(value, type);
    }

    /// <summary>A number as C# keeps it in a type: whole numbers wrap (or throw where checked), float rounds.</summary>
    private static object? Stored(object? value, ITypeSymbol? type, bool isChecked, SyntaxNode at)
    {
        SpecialType kept = Unwrap(type)?.SpecialType ?? SpecialType.None;
        switch (value)
        {
            case Dim { Constant: long flags } when Unwrap(type) is INamedTypeSymbol { TypeKind: TypeKind.Enum } enumeration:
                return EnumMember(enumeration, flags);
            case SymEnum { Value: Dim { Constant: long flags } } when Unwrap(type) is INamedTypeSymbol { TypeKind: TypeKind.Enum } enumeration:
                return EnumMember(enumeration, flags);
            case double number when kept == SpecialType.System_Single:
                return (double)(float)number;
            case Dim { Constant: long number }:
                long wrapped = kept switch
                {
                    SpecialType.System_SByte => (sbyte)number,
                    SpecialType.System_Byte => (byte)number,
                    SpecialType.System_Int16 => (short)number,
                    SpecialType.System_UInt16 => (ushort)number,
                    SpecialType.System_Int32 => (int)number,
                    SpecialType.System_UInt32 => (uint)number,
                    _ => number,
                };
                return wrapped == number ? value
                    : isChecked ? throw EvaluationException.Unsupported(at, $"{number} does not fit {type!.ToDisplayString()} and the calculation is checked, so it throws an OverflowException")
                    : (Dim)wrapped;
            default:
                return value;
        }
    }

    private static SymEnum EnumMember(INamedTypeSymbol type, long value)
    {
        return new SymEnum(type.Name, EnumText(type, value), (Dim)value);
    }

    /// <summary>The text of an enum's value as .NET writes it: a name, the names of its flags, or the number.</summary>
    private static string EnumText(INamedTypeSymbol type, long value)
    {
        (string Name, long Value)[] members = [.. type.GetMembers().OfType<IFieldSymbol>().Where(static member => member.HasConstantValue)
            .Select(static member => (member.Name, System.Convert.ToInt64(member.ConstantValue, CultureInfo.InvariantCulture))).OrderByDescending(static member => (ulong)member.Item2)];
        if (members.FirstOrDefault(member => member.Value == value) is { Name: { } exact })
        {
            return exact;
        }

        long rest = value;
        var names = new List<string>();
        foreach ((string name, long flag) in type.GetAttributes().Any(static attribute => attribute.AttributeClass?.Name == nameof(FlagsAttribute)) ? members : [])
        {
            if (flag != 0 && (rest & flag) == flag)
            {
                rest &= ~flag;
                names.Insert(0, name);
            }
        }

        return rest == 0 && names.Count > 0 ? string.Join(", ", names) : value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The type in a nullable value type; other types as they are.</summary>
    private static ITypeSymbol? Unwrap(ITypeSymbol? type) => type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;

    /// <summary>A real number as a whole one. Outside of the range the result differs between versions of .NET and processors.</summary>
    private static object? Truncated(double number, ITypeSymbol type, IConversionOperation conversion)
    {
        (double least, double most) = Unwrap(type)!.SpecialType switch
        {
            SpecialType.System_SByte => (sbyte.MinValue, sbyte.MaxValue),
            SpecialType.System_Byte => (byte.MinValue, byte.MaxValue),
            SpecialType.System_Int16 => (short.MinValue, short.MaxValue),
            SpecialType.System_UInt16 => (ushort.MinValue, ushort.MaxValue),
            SpecialType.System_Int32 => (int.MinValue, int.MaxValue),
            SpecialType.System_UInt32 => (uint.MinValue, uint.MaxValue),
            _ => (-9.2e18, 9.2e18),
        };
        return Math.Truncate(number) >= least && Math.Truncate(number) <= most
            ? (Dim)(long)number
            : throw EvaluationException.Unsupported(conversion.Syntax, $"{number.ToString("R", CultureInfo.InvariantCulture)} does not fit {type.ToDisplayString()}, and what the conversion gives then differs between versions of .NET; clamp the number first");
    }

    /// <summary>Refuses decimal arithmetic, which the evaluator's double numbers are too coarse for.</summary>
    private static void NoDecimal(ITypeSymbol? first, ITypeSymbol? second, SyntaxNode at)
    {
        if (Unwrap(first)?.SpecialType == SpecialType.System_Decimal || Unwrap(second)?.SpecialType == SpecialType.System_Decimal)
        {
            throw EvaluationException.Unsupported(at, "calculations with decimal are not followed during the build; use double");
        }
    }

    /// <summary>TorchSharp's implicit conversions keep their operand, except of a device's name.</summary>
    private object? Converted(object? value, ITypeSymbol? type) => value is string && cache.NameOf(type) == "TorchSharp.torch.Device" ? SymOpaque.Device : value;

    private object? Read(IParameterReferenceOperation parameter, Frame frame)
    {
        IParameterSymbol symbol = parameter.Parameter.OriginalDefinition;
        if (frame.TryGet(symbol, out object? value))
        {
            return value;
        }

        // A primary constructor's parameter, captured by the class.
        if (frame.This is SymObject self && self.Fields.TryGetValue(symbol, out value))
        {
            NoteRead(self, symbol);
            return value;
        }

        throw EvaluationException.Unsupported(parameter.Syntax, $"the value of '{parameter.Parameter.Name}' is not known during the build");
    }

    private object? Binary(IBinaryOperation binary, Frame frame)
    {
        if (binary.OperatorKind is BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr)
        {
            bool first = Condition(binary.LeftOperand, frame);
            return first == (binary.OperatorKind == BinaryOperatorKind.ConditionalOr) ? first : Condition(binary.RightOperand, frame);
        }

        if (binary.OperatorMethod is { ContainingType: { TypeKind: TypeKind.Interface, DeclaringSyntaxReferences.Length: > 0 } })
        {
            throw EvaluationException.Unsupported(binary.Syntax, "an operator of an interface is not followed; call a method of the type instead");
        }

        object? left = Evaluate(binary.LeftOperand, frame);
        object? right = Evaluate(binary.RightOperand, frame);
        NoDecimal(binary.LeftOperand.Type, binary.RightOperand.Type, binary.Syntax);
        right = ShiftCount(binary.OperatorKind, binary.LeftOperand.Type, right);
        if (binary is { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String })
        {
            return Short(Text(left, "", binary.Syntax, OwnType(binary.LeftOperand)) + Text(right, "", binary.Syntax, OwnType(binary.RightOperand)), binary.Syntax);
        }

        if (binary.IsLifted && (left is null || right is null) && binary.OperatorKind is not (BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals) && Unwrap(binary.LeftOperand.Type)?.SpecialType != SpecialType.System_Boolean)
        {
            // Of a null number every comparison is false, and every calculation gives null.
            return binary.Type?.SpecialType == SpecialType.System_Boolean ? false : null;
        }

        if (left is SymList && right is SymList && binary.OperatorKind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals)
        {
            // Arrays and lists are compared as objects, whatever is in them.
            return ReferenceEquals(left, right) == (binary.OperatorKind == BinaryOperatorKind.Equals);
        }

        if (left is SymObject { Type.IsRecord: false } && right is SymObject && binary.OperatorKind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && (binary.OperatorMethod is null || FindBody(binary.OperatorMethod) is null))
        {
            return ReferenceEquals(left, right) == (binary.OperatorKind == BinaryOperatorKind.Equals);
        }

        return binary.OperatorMethod is { } method && left is SymObject or SymObject && FindBody(method) is not null
            ? Invoke(new SymFunction(method, null, null, null), [left, right], binary.Syntax)
            : Stored(Arithmetic(binary.OperatorKind, left, right, binary.Syntax), binary.Type, binary.IsChecked, binary.Syntax);
    }

    /// <summary>C# uses the lowest 5 bits of a count of places for int and uint, and 6 for long.</summary>
    private static object? ShiftCount(BinaryOperatorKind kind, ITypeSymbol? shifted, object? count) => kind is BinaryOperatorKind.LeftShift or BinaryOperatorKind.RightShift && count is Dim { Constant: long places }
        ? (Dim)(places & (shifted?.SpecialType is SpecialType.System_Int64 or SpecialType.System_UInt64 ? 63 : 31))
        : count;

    /// <summary>The type of an expression before C# turned it into an object.</summary>
    private static ITypeSymbol? OwnType(IOperation operation) => operation is IConversionOperation { IsImplicit: true, OperatorMethod: null } conversion ? OwnType(conversion.Operand) : operation.Type;

    private object? Unary(IUnaryOperation unary, Frame frame)
    {
        object? operand = Evaluate(unary.Operand, frame);
        NoDecimal(unary.Type, null, unary.Syntax);
        return (unary.OperatorKind, operand) switch
        {
            (UnaryOperatorKind.Minus, SymTensor tensor) => StopGradients(Guard(unary.Syntax, "negation", () => new SymTensor(graph.Unary("neg", tensor.Id)))),
            (UnaryOperatorKind.BitwiseNegation, SymTensor tensor) when graph.TypeOf(tensor.Id).DType != DType.Bool => Arithmetic(BinaryOperatorKind.Subtract, Arithmetic(BinaryOperatorKind.Multiply, tensor, (Dim)(-1), unary.Syntax), Dim.One, unary.Syntax),
            (UnaryOperatorKind.BitwiseNegation or UnaryOperatorKind.Not, SymTensor tensor) => TensorCall("Tensor.logical_not", unary.Syntax, ("this", tensor)),
            (UnaryOperatorKind.BitwiseNegation, Dim { Constant: long bits }) => Stored((Dim)~bits, unary.Type, unary.IsChecked, unary.Syntax),
            (UnaryOperatorKind.BitwiseNegation, SymEnum { Value: Dim { Constant: long bits } }) => Stored((Dim)~bits, unary.Type, unary.IsChecked, unary.Syntax),
            (UnaryOperatorKind.Minus, Dim dim) => Whole(BinaryOperatorKind.Subtract, Dim.Zero, dim, unary.Syntax),
            (UnaryOperatorKind.Minus, double number) => -number,
            (UnaryOperatorKind.Plus, _) => operand,
            (UnaryOperatorKind.Not, bool flag) => !flag,
            (UnaryOperatorKind.Not, SymTraining) => !Truth(operand, unary.Syntax),
            (UnaryOperatorKind.Hat, Dim dim) => new SymFromEnd(dim),
            _ => throw EvaluationException.Unsupported(unary.Syntax, $"this operator is not supported on {DescribeValue(operand)}"),
        };
    }

    private object? Increment(IIncrementOrDecrementOperation increment, Frame frame)
    {
        Place place = PlaceOf(increment.Target, frame);
        object? old = place.Read();
        object? changed = old switch
        {
            Dim dim => Whole(increment.Kind == OperationKind.Increment ? BinaryOperatorKind.Add : BinaryOperatorKind.Subtract, dim, Dim.One, increment.Syntax),
            double number => increment.Kind == OperationKind.Increment ? number + 1 : number - 1,
            char letter => (char)(letter + (increment.Kind == OperationKind.Increment ? 1 : -1)),
            SymEnum { Value: Dim { Constant: long member } } => (Dim)(member + (increment.Kind == OperationKind.Increment ? 1 : -1)),
            _ => throw EvaluationException.Unsupported(increment.Syntax, $"++ and -- are not supported on {DescribeValue(old)}"),
        };
        changed = Stored(changed, increment.Type, increment.IsChecked, increment.Syntax);
        place.Write(changed);
        return increment.IsPostfix ? old : changed;
    }
}
