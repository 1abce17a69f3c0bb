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
                return Assign(assignment.Target, Evaluate(assignment.Value, frame), frame);
            case IDeconstructionAssignmentOperation assignment:
                return Assign(assignment.Target, Evaluate(assignment.Value, frame), frame);
            case ICompoundAssignmentOperation compound:
                return Assign(compound.Target, Stored(Arithmetic(compound.OperatorKind, Evaluate(compound.Target, frame), Evaluate(compound.Value, frame), compound.Syntax), compound.Type, compound.IsChecked, compound.Syntax), frame);
            case ICoalesceAssignmentOperation coalesce:
                return Evaluate(coalesce.Target, frame) ?? Assign(coalesce.Target, Evaluate(coalesce.Value, frame), frame);
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
                return HasType(Evaluate(test.ValueOperand, frame), test.TypeOperand, frame) != test.IsNegated;
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
                return new SymType(cache.NameOf(named), named);
            case IRangeOperation range:
                return new SymSlice(range.LeftOperand is null ? null : Evaluate(range.LeftOperand, frame), range.RightOperand is null ? null : Evaluate(range.RightOperand, frame), null);
            case IWithOperation with:
                return With(with, frame);
            case IThrowOperation thrown:
                throw Thrown(thrown);
            case IDefaultValueOperation:
                return Default(operation.Type);
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
                return Own(Fresh(Index(Evaluate(element.ArrayReference, frame), [.. element.Indices.Select(index => Evaluate(index, frame))], element.Syntax), element.Syntax), element);
            case IImplicitIndexerReferenceOperation element:
                return Own(Fresh(Index(Evaluate(element.Instance, frame), [Evaluate(element.Argument, frame)], element.Syntax), element.Syntax), element);
            case IDelegateCreationOperation creation:
                return Evaluate(creation.Target, frame);
            case IAnonymousFunctionOperation lambda:
                return new SymFunction(lambda.Symbol, frame.This, frame, null) { Code = lambda.Body };
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
            return (SymList)Evaluate(array.Initializer, frame)!;
        }

        object? element = Default((array.Type as IArrayTypeSymbol)?.ElementType);
        long count = array.DimensionSizes.Length == 1 && Evaluate(array.DimensionSizes[0], frame) is Dim { Constant: >= 0 and <= 1_000_000 and long size }
            ? size
            : throw EvaluationException.Unsupported(array.Syntax, "the length of an array must be known during the build, and it may have one dimension");
        return new SymList(Enumerable.Repeat(element, (int)count));
    }

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

        return new SymList(items);
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
            return Text(value, format, hole.Syntax);
        }
        catch (FormatException exception)
        {
            throw EvaluationException.Unsupported(hole.Syntax, $"the format '{format}' does not fit {DescribeValue(value)}: {exception.Message}");
        }
    }

    private static string Text(object? value, string format, SyntaxNode at) => value switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "True" : "False",
        char letter => letter.ToString(),
        Dim { Constant: long number } => number.ToString(format, CultureInfo.InvariantCulture),
        Dim symbolic => symbolic.ToString(),
        double number => number.ToString(format, CultureInfo.InvariantCulture),
        SymEnum member => member.Member,
        SymType type => type.Name,
        _ => throw EvaluationException.Unsupported(at, $"{DescribeValue(value)} has no text that is known during the build"),
    };

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
            string member = enumeration.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => field.HasConstantValue && Equals(field.ConstantValue, value))?.Name ?? "";
            return new SymEnum(enumeration.Name, member, FromClr(value, null));
        }

        return value switch
        {
            sbyte or byte or short or ushort or int or uint or long => (Dim)System.Convert.ToInt64(value, CultureInfo.InvariantCulture),
            float or double or decimal => System.Convert.ToDouble(value, CultureInfo.InvariantCulture),
            _ => value,
        };
    }

    /// <summary>The value of <c>default</c>.</summary>
    private static object? Default(ITypeSymbol? type) => type switch
    {
        { SpecialType: SpecialType.System_Boolean } => false,
        { SpecialType: SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Decimal } => 0.0,
        { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_UInt64 } => Dim.Zero,
        { TypeKind: TypeKind.Enum } => FromClr(0, type),
        INamedTypeSymbol { IsTupleType: true } tuple => new SymList(tuple.TupleElements.Select(static element => Default(element.Type))),
        _ => null,
    };

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
            return value is not null && HasType(value, type!, frame) ? value : null;
        }

        SpecialType target = (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type)?.SpecialType ?? SpecialType.None;
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
                return number is > -9.2e18 and < 9.2e18 ? Stored((Dim)(long)number, type, conversion.IsChecked, conversion.Syntax) : throw Overflow(conversion.Syntax);
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

        return type?.TypeKind == TypeKind.Enum && value is Dim { Constant: long ordinalValue }
            ? EnumMember((INamedTypeSymbol)type, ordinalValue)
            : type?.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T || conversion.OperatorMethod is null ? ConvertTo(value, type is { IsTupleType: true } ? type : null)
            : Converted(value, type);
    }

    /// <summary>A number as C# keeps it in a type: whole numbers wrap (or throw where checked), float rounds.</summary>
    private static object? Stored(object? value, ITypeSymbol? type, bool isChecked, SyntaxNode at)
    {
        SpecialType kept = (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type)?.SpecialType ?? SpecialType.None;
        switch (value)
        {
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
        IFieldSymbol? field = type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(member => member.HasConstantValue && System.Convert.ToInt64(member.ConstantValue, CultureInfo.InvariantCulture) == value);
        return new SymEnum(type.Name, field?.Name ?? "", (Dim)value);
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

    private object? Unary(IUnaryOperation unary, Frame frame)
    {
        object? operand = Evaluate(unary.Operand, frame);
        return (unary.OperatorKind, operand) switch
        {
            (UnaryOperatorKind.Minus, SymTensor tensor) => StopGradients(Guard(unary.Syntax, "negation", () => new SymTensor(graph.Unary("neg", tensor.Id)))),
            (UnaryOperatorKind.BitwiseNegation or UnaryOperatorKind.Not, SymTensor tensor) => TensorCall("Tensor.logical_not", unary.Syntax, ("this", tensor)),
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
        object? old = Evaluate(increment.Target, frame);
        object? changed = old switch
        {
            Dim dim => Whole(increment.Kind == OperationKind.Increment ? BinaryOperatorKind.Add : BinaryOperatorKind.Subtract, dim, Dim.One, increment.Syntax),
            double number => increment.Kind == OperationKind.Increment ? number + 1 : number - 1,
            _ => throw EvaluationException.Unsupported(increment.Syntax, $"++ and -- are not supported on {DescribeValue(old)}"),
        };
        changed = Stored(changed, increment.Type, increment.IsChecked, increment.Syntax);
        Assign(increment.Target, changed, frame);
        return increment.IsPostfix ? old : changed;
    }
}
