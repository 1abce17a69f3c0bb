using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Parsing;

/// <content>Operators and indexing.</content>
internal sealed partial class Evaluator
{
    private object? Arithmetic(BinaryOperatorKind kind, object? left, object? right, ITypeSymbol? type, SyntaxNode at)
    {
        if (left is SymTensor || right is SymTensor)
        {
            string op = kind switch
            {
                BinaryOperatorKind.Add => "add",
                BinaryOperatorKind.Subtract => "sub",
                BinaryOperatorKind.Multiply => "mul",
                BinaryOperatorKind.Divide => "div",
                BinaryOperatorKind.GreaterThan => "gt",
                BinaryOperatorKind.GreaterThanOrEqual => "ge",
                BinaryOperatorKind.LessThan => "lt",
                BinaryOperatorKind.LessThanOrEqual => "le",
                BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals when left is null || right is null => "null",
                BinaryOperatorKind.Equals => "eq",
                BinaryOperatorKind.NotEquals => "ne",
                _ => throw EvaluationException.Unsupported(at, $"the operator '{kind}' is not supported on tensors; use +, -, *, / or a comparison"),
            };
            return op == "null" ? kind == BinaryOperatorKind.NotEquals : Guard(at, op, () => TensorFunctions.Binary(graph, op, left, right));
        }

        return (left, right) switch
        {
            (Dim a, Dim b) => Whole(kind, a, b, at),
            (double or Dim, double or Dim) => Real(kind, AsDouble(left, at), AsDouble(right, at), at),
            (string a, string b) when kind == BinaryOperatorKind.Add => a + b,
            (bool a, bool b) when kind is BinaryOperatorKind.And => a && b,
            (bool a, bool b) when kind is BinaryOperatorKind.Or => a || b,
            _ when kind == BinaryOperatorKind.Equals => Equals(left, right),
            _ when kind == BinaryOperatorKind.NotEquals => !Equals(left, right),
            _ => throw EvaluationException.Unsupported(at, $"the operator '{kind}' is not supported on {DescribeValue(left)} and {DescribeValue(right)}"),
        };
    }

    private static double AsDouble(object? value, SyntaxNode at) => value switch
    {
        double number => number,
        Dim { Constant: long whole } => whole,
        _ => throw EvaluationException.Unsupported(at, $"{DescribeValue(value)} is known only when the model runs and cannot be used in this calculation"),
    };

    private object Whole(BinaryOperatorKind kind, Dim a, Dim b, SyntaxNode at)
    {
        switch (kind)
        {
            case BinaryOperatorKind.Add:
                return a + b;
            case BinaryOperatorKind.Subtract:
                return a - b;
            case BinaryOperatorKind.Multiply:
                return a * b;
            case BinaryOperatorKind.Divide or BinaryOperatorKind.Remainder when b.Constant is 0:
                throw EvaluationException.Unsupported(at, "division by zero");
            case BinaryOperatorKind.Divide when a.Constant is long x && b.Constant is long y:
                return (Dim)(x / y);
            case BinaryOperatorKind.Divide when Dim.DivideExactly(a, b) is { } quotient:
                return quotient;
            case BinaryOperatorKind.Divide when b.Constant is long divisor and > 0:
                return Dim.FloorDivide(a, divisor);
            case BinaryOperatorKind.Remainder when a.Constant is long x && b.Constant is long y:
                return (Dim)(x % y);
            case BinaryOperatorKind.Remainder when Dim.DivideExactly(a, b) is not null:
                return Dim.Zero;
            case BinaryOperatorKind.LeftShift when a.Constant is long x && b.Constant is long y:
                return (Dim)(x << (int)y);
            default:
                return Compare(kind, a, b, at);
        }
    }

    private object Compare(BinaryOperatorKind kind, Dim a, Dim b, SyntaxNode at)
    {
        if ((a - b).Constant is long difference)
        {
            return kind switch
            {
                BinaryOperatorKind.Equals => difference == 0,
                BinaryOperatorKind.NotEquals => difference != 0,
                BinaryOperatorKind.LessThan => difference < 0,
                BinaryOperatorKind.LessThanOrEqual => difference <= 0,
                BinaryOperatorKind.GreaterThan => difference > 0,
                BinaryOperatorKind.GreaterThanOrEqual => difference >= 0,
                _ => throw EvaluationException.Unsupported(at, $"the operator '{kind}' is not supported on sizes"),
            };
        }

        return kind is BinaryOperatorKind.Equals && !Dim.CanBe(a, b) ? false
            : kind is BinaryOperatorKind.NotEquals && !Dim.CanBe(a, b) ? true
            : throw DataDependent(at, $"whether this holds depends on the symbolic size in {(a.Constant is null ? a : b)}; give that size as a number in [Shape], or write code that works for every size");
    }

    private static object Real(BinaryOperatorKind kind, double a, double b, SyntaxNode at) => kind switch
    {
        BinaryOperatorKind.Add => a + b,
        BinaryOperatorKind.Subtract => a - b,
        BinaryOperatorKind.Multiply => a * b,
        BinaryOperatorKind.Divide => a / b,
        BinaryOperatorKind.Remainder => a % b,
        BinaryOperatorKind.Equals => a == b,
        BinaryOperatorKind.NotEquals => a != b,
        BinaryOperatorKind.LessThan => a < b,
        BinaryOperatorKind.LessThanOrEqual => a <= b,
        BinaryOperatorKind.GreaterThan => a > b,
        BinaryOperatorKind.GreaterThanOrEqual => a >= b,
        _ => throw EvaluationException.Unsupported(at, $"the operator '{kind}' is not supported on numbers"),
    };

    private object? Index(object? collection, IEnumerable<IOperation> indices, Frame frame, SyntaxNode at)
    {
        if (collection is SymTensor tensor)
        {
            return Guard(at, "indexing", () => IndexTensor(tensor.Id, [.. indices], frame));
        }

        if (collection is not SymList list)
        {
            throw EvaluationException.Unsupported(at, $"indexing {DescribeValue(collection)} is not supported");
        }

        object? position = Evaluate(indices.Single(), frame);
        long? index = position switch
        {
            Dim dim => dim.Constant,
            SymFromEnd end => list.Items.Count - end.Offset.Constant,
            _ => null,
        };
        return index is >= 0 && index < list.Items.Count
            ? list.Items[(int)index]
            : throw EvaluationException.Unsupported(at, index is null ? "the index must be known during the build" : $"the index {index} is outside the {list.Items.Count} elements");
    }

    private SymTensor IndexTensor(int tensor, IReadOnlyList<IOperation> indices, Frame frame)
    {
        int axis = 0;
        IEnumerable<IOperation> flat = indices.SelectMany(static index => index is IArrayCreationOperation { Initializer: { } initializer } ? initializer.ElementValues : [index]);
        foreach (IOperation index in flat)
        {
            IOperation bare = index;
            while (bare is IConversionOperation conversion)
            {
                bare = conversion.Operand;
            }

            TensorType type = graph.TypeOf(tensor);
            if (axis >= type.Rank)
            {
                throw new ModelGen.Compiler.Ops.OpException($"{type.ShapeText()} has fewer dimensions than there are indices");
            }

            if (bare is IRangeOperation range)
            {
                Dim start = Position(range.LeftOperand, Dim.Zero, type.Shape[axis], frame);
                Dim end = Position(range.RightOperand, type.Shape[axis], type.Shape[axis], frame);
                tensor = graph.Slice(tensor, axis++, start, end - start);
            }
            else if (Evaluate(bare, frame) is Dim or SymFromEnd)
            {
                Dim start = Position(bare, Dim.Zero, type.Shape[axis], frame);
                start = start.Constant < 0 ? type.Shape[axis] + start : start;
                int one = graph.Slice(tensor, axis, start, 1);
                int removed = axis;
                tensor = graph.Reshape(one, Compiler.EquatableArrayExtensions.ToEquatableArray(type.Shape.Where((_, position) => position != removed)));
            }
            else
            {
                throw EvaluationException.Unsupported(index.Syntax, "a tensor can be indexed by whole numbers and ranges known during the build; other indices are not supported");
            }
        }

        return new SymTensor(tensor);
    }

    private Dim Position(IOperation? operation, Dim otherwise, Dim size, Frame frame)
    {
        while (operation is IConversionOperation conversion)
        {
            operation = conversion.Operand;
        }

        return operation is null ? otherwise : Evaluate(operation, frame) switch
        {
            Dim dim => dim,
            SymFromEnd end => size - end.Offset,
            _ => throw EvaluationException.Unsupported(operation.Syntax, "the index must be a whole number known during the build"),
        };
    }
}
