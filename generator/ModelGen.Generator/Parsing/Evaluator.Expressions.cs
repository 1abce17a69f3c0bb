using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Parsing;

/// <content>Expressions.</content>
internal sealed partial class Evaluator
{
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
                return Convert(conversion, Evaluate(conversion.Operand, frame));
            case ILocalReferenceOperation local:
                return frame.TryGet(local.Local, out object? value) ? value : throw EvaluationException.Unsupported(local.Syntax, $"'{local.Local.Name}' has no value here that is known during the build");
            case IParameterReferenceOperation parameter:
                return Read(parameter, frame);
            case IFieldReferenceOperation field:
                return ReadMember(field, field.Field, field.Instance, frame);
            case IPropertyReferenceOperation property:
                return ReadProperty(property, frame);
            case IInstanceReferenceOperation:
                return frame.Instance;
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
                return Assign(compound.Target, Arithmetic(compound.OperatorKind, Evaluate(compound.Target, frame), Evaluate(compound.Value, frame), compound.Type, compound.Syntax), frame);
            case IIncrementOrDecrementOperation increment:
                return Increment(increment, frame);
            case IIsPatternOperation pattern:
                return Matches(pattern.Pattern, Evaluate(pattern.Value, frame));
            default:
                return EvaluateCollection(operation, frame);
        }
    }

    private object? EvaluateCollection(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case ITupleOperation tuple:
                return new SymList(tuple.Elements.Select(element => Evaluate(element, frame)));
            case IArrayCreationOperation { Initializer: { } initializer }:
                return new SymList(initializer.ElementValues.Select(element => Evaluate(element, frame)));
            case ICollectionExpressionOperation collection:
                return new SymList(collection.Elements.SelectMany(element => Elements(element, frame)));
            case IObjectCreationOperation creation:
                return Create(creation, frame);
            case IArrayElementReferenceOperation element:
                return Index(Evaluate(element.ArrayReference, frame), element.Indices, frame, element.Syntax);
            case IDelegateCreationOperation creation:
                return Evaluate(creation.Target, frame);
            case IAnonymousFunctionOperation lambda:
                return new SymFunction(lambda.Symbol, frame.Instance, frame, ((AnonymousFunctionExpressionSyntax)lambda.Syntax).Body);
            case IMethodReferenceOperation method:
                return new SymFunction(method.Method, method.Instance is null ? frame.Instance : Evaluate(method.Instance, frame) as ModelInstance ?? frame.Instance, null, null);
            case IDefaultValueOperation:
                return null;
            case IThrowOperation:
                throw EvaluationException.Unsupported(operation.Syntax, "Forward reaches this 'throw' for the given input shapes");
            case IInvalidOperation:
                return Unbound(operation.Syntax, frame);
            default:
                throw EvaluationException.Unsupported(
                    operation.Syntax,
                    $"this {operation.Kind} expression cannot be compiled; use tensor operators and methods, the functions of torch.nn.functional, layers, and arithmetic on known numbers");
        }
    }

    /// <summary>Code that does not bind because it names generated members: the base class is not there yet while the generator runs.</summary>
    private object? Unbound(SyntaxNode syntax, Frame frame)
    {
        switch (syntax)
        {
            case IdentifierNameSyntax { Identifier.Text: "training" }:
            case MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax, Name.Identifier.Text: "training" }:
                return new SymTraining();
            case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "forward" or "call" } access } invocation
                when Model(syntax).GetOperation(access.Expression, cancellation) is { } receiver && Evaluate(receiver, frame) is ModelInstance block:
                object?[] arguments = [.. invocation.ArgumentList.Arguments.Select(argument => Evaluate(Model(syntax).GetOperation(argument.Expression, cancellation)!, frame))];
                return Invoke(new SymFunction(ForwardOf(block, syntax), block, null, null), arguments, syntax);
            case InvocationExpressionSyntax call when Candidate(call) is { } method:
                return CallTorch(method, UnboundArguments(call, method, frame), call);
            default:
                throw EvaluationException.Unsupported(syntax, $"'{SourceText(syntax)}' does not compile as C# yet, so the model cannot be evaluated here");
        }
    }

    /// <summary>The TorchSharp function that a call would bind to if the generated base class were there already.</summary>
    private IMethodSymbol? Candidate(InvocationExpressionSyntax call)
    {
        bool usesTraining = call.ArgumentList.Arguments.Any(static argument => argument.Expression is IdentifierNameSyntax { Identifier.Text: "training" });
        IMethodSymbol[] candidates = [.. Model(call).GetSymbolInfo(call, cancellation).CandidateSymbols.OfType<IMethodSymbol>().Where(static method => Owner(method.ContainingType) is not null)];
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
                : Evaluate(Model(call).GetOperation(argument.Expression, cancellation)!, frame);
        }

        return arguments;
    }

    private IEnumerable<object?> Elements(IOperation element, Frame frame) =>
        element is ISpreadOperation spread
            ? Evaluate(spread.Operand, frame) is SymList list ? list.Items : throw EvaluationException.Unsupported(spread.Syntax, "only lists known during the build can be spread")
            : [Evaluate(element, frame)];

    private static object? Constant(IOperation operation)
    {
        object? value = operation.ConstantValue.Value;
        if (value is not null && operation.Type is INamedTypeSymbol { TypeKind: TypeKind.Enum } type)
        {
            string member = type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => field.HasConstantValue && Equals(field.ConstantValue, value))?.Name ?? "";
            return new SymEnum(type.Name, member, value);
        }

        return FromClr(value);
    }

    private static object? FromClr(object? value) => value switch
    {
        sbyte or byte or short or ushort or int or uint or long => (Dim)System.Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
        float or double or decimal => System.Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture),
        _ => value,
    };

    private static object? Convert(IConversionOperation conversion, object? value)
    {
        SpecialType target = conversion.Type?.SpecialType ?? SpecialType.None;
        return (target, value) switch
        {
            (SpecialType.System_Double or SpecialType.System_Single, Dim { Constant: long whole }) => (double)whole,
            (SpecialType.System_Int32 or SpecialType.System_Int64, double number) => (Dim)(long)number,
            _ => value,
        };
    }

    private object? Read(IParameterReferenceOperation parameter, Frame frame)
    {
        if (frame.TryGet(parameter.Parameter, out object? value))
        {
            return value;
        }

        // A primary constructor's parameter, captured by the class.
        return frame.Instance is not null && frame.Instance.Members.TryGetValue(parameter.Parameter.Name, out value)
            ? value
            : throw EvaluationException.Unsupported(parameter.Syntax, $"the value of '{parameter.Parameter.Name}' is not known during the build");
    }

    private object? Binary(IBinaryOperation binary, Frame frame)
    {
        if (binary.OperatorKind is BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr)
        {
            bool first = Condition(binary.LeftOperand, frame);
            return first == (binary.OperatorKind == BinaryOperatorKind.ConditionalOr) ? first : Condition(binary.RightOperand, frame);
        }

        return Arithmetic(binary.OperatorKind, Evaluate(binary.LeftOperand, frame), Evaluate(binary.RightOperand, frame), binary.Type, binary.Syntax);
    }

    private object? Unary(IUnaryOperation unary, Frame frame)
    {
        object? operand = Evaluate(unary.Operand, frame);
        return (unary.OperatorKind, operand) switch
        {
            (UnaryOperatorKind.Minus, SymTensor tensor) => Guard(unary.Syntax, "negation", () => new SymTensor(graph.Unary("neg", tensor.Id))),
            (UnaryOperatorKind.Minus, Dim dim) => Dim.Zero - dim,
            (UnaryOperatorKind.Minus, double number) => -number,
            (UnaryOperatorKind.Plus, _) => operand,
            (UnaryOperatorKind.Not, bool flag) => !flag,
            (UnaryOperatorKind.Hat, Dim dim) => new SymFromEnd(dim),
            _ => throw EvaluationException.Unsupported(unary.Syntax, $"this operator is not supported on {DescribeValue(operand)}"),
        };
    }

    private object? Increment(IIncrementOrDecrementOperation increment, Frame frame)
    {
        object? old = Evaluate(increment.Target, frame);
        object? changed = old switch
        {
            Dim dim => increment.Kind == OperationKind.Increment ? dim + 1 : dim - 1,
            double number => increment.Kind == OperationKind.Increment ? number + 1 : number - 1,
            _ => throw EvaluationException.Unsupported(increment.Syntax, $"++ and -- are not supported on {DescribeValue(old)}"),
        };
        Assign(increment.Target, changed, frame);
        return increment.IsPostfix ? old : changed;
    }

    private object? Assign(IOperation target, object? value, Frame frame)
    {
        switch (target)
        {
            case ILocalReferenceOperation local:
                frame.Assign(local.Local, value);
                NameTensor(value, local.Local.Name);
                return value;
            case IParameterReferenceOperation parameter:
                frame.Assign(parameter.Parameter, value);
                NameTensor(value, parameter.Parameter.Name);
                return value;
            case IDeclarationExpressionOperation declaration:
                return Assign(declaration.Expression, value, frame);
            case IDiscardOperation:
                return value;
            case ITupleOperation tuple:
                if (value is not SymList list || list.Items.Count != tuple.Elements.Length)
                {
                    throw EvaluationException.Unsupported(target.Syntax, $"cannot take {DescribeValue(value)} apart into {tuple.Elements.Length} values");
                }

                for (int i = 0; i < tuple.Elements.Length; i++)
                {
                    Assign(tuple.Elements[i], list.Items[i], frame);
                }

                return value;
            case IFieldReferenceOperation { Instance: IInstanceReferenceOperation } field when constructing:
                frame.Instance!.Members[field.Field.Name] = value;
                return value;
            case IFieldReferenceOperation or IPropertyReferenceOperation:
                throw EvaluationException.Unsupported(target.Syntax, "Forward must not change fields or elements: the generated code runs it as a function of its inputs; return the value instead");
            default:
                throw EvaluationException.Unsupported(target.Syntax, "this assignment cannot be compiled; assign to local variables");
        }
    }

    private static bool Matches(IPatternOperation pattern, object? value) => pattern switch
    {
        IConstantPatternOperation { Value.ConstantValue: { HasValue: true, Value: null } } => value is null,
        IConstantPatternOperation constant => Equals(Constant(constant.Value), value),
        INegatedPatternOperation negated => !Matches(negated.Pattern, value),
        IDeclarationPatternOperation or ITypePatternOperation => value is not null,
        IDiscardPatternOperation => true,
        IBinaryPatternOperation { OperatorKind: BinaryOperatorKind.Or } either => Matches(either.LeftPattern, value) || Matches(either.RightPattern, value),
        IBinaryPatternOperation both => Matches(both.LeftPattern, value) && Matches(both.RightPattern, value),
        _ => throw EvaluationException.Unsupported(pattern.Syntax, "this pattern cannot be evaluated during the build; compare with ==, or test for null"),
    };

    private static string DescribeValue(object? value) => value switch
    {
        null => "null",
        SymTensor => "a tensor",
        Dim dim => dim.Constant is null ? $"the symbolic size {dim}" : "a number",
        double => "a number",
        string => "a string",
        SymList => "a list",
        ModelInstance model => $"the model {model.Type.Name}",
        _ => "this value",
    };
}

/// <summary>An index from the end, <c>^1</c>.</summary>
internal sealed record SymFromEnd(Dim Offset);
