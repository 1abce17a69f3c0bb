using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Evaluation;

/// <content>Operators and indexing.</content>
internal sealed partial class Evaluator
{
    private object? Arithmetic(BinaryOperatorKind kind, object? left, object? right, SyntaxNode at)
    {
        if (left is SymComplex || right is SymComplex)
        {
            return ComplexArithmetic(kind, left, right, at);
        }

        if (left is SymTensor || right is SymTensor)
        {
            return TensorArithmetic(kind, left, right, at);
        }

        if (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && (Equals(left, SymOpaque.DeviceType) || Equals(right, SymOpaque.DeviceType)) && !Equals(left, right))
        {
            return SymOpaque.DeviceTest;
        }

        return (left, right) switch
        {
            (Dim a, Dim b) => Whole(kind, a, b, at),
            (double or Dim, double or Dim) => Real(kind, AsDouble(left, at), AsDouble(right, at), at),
            (char a, char b) => Whole(kind, (Dim)a, (Dim)b, at),
            (SymEnum { Value: Dim a }, SymEnum { Value: Dim b }) when kind is not (BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals) => Whole(kind, a, b, at),
            (SymEnum { Value: Dim a }, Dim b) when kind is BinaryOperatorKind.Add or BinaryOperatorKind.Subtract => Whole(kind, a, b, at),
            (Dim a, SymEnum { Value: Dim b }) when kind is BinaryOperatorKind.Add => Whole(kind, a, b, at),
            (bool a, bool b) when kind is BinaryOperatorKind.And => a && b,
            (bool a, bool b) when kind is BinaryOperatorKind.Or => a || b,
            (bool a, bool b) when kind is BinaryOperatorKind.ExclusiveOr => a != b,
            _ when kind == BinaryOperatorKind.Equals => Same(left, right, at),
            _ when kind == BinaryOperatorKind.NotEquals => !Same(left, right, at),
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
        try
        {
            return WholeResult(kind, a, b, at);
        }
        catch (OverflowException)
        {
            throw Overflow(at);
        }
    }

    private static EvaluationException Overflow(SyntaxNode at) => EvaluationException.Unsupported(at, "this calculation overflows 64 bits");

    private object WholeResult(BinaryOperatorKind kind, Dim a, Dim b, SyntaxNode at)
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
            case BinaryOperatorKind.And when a.Constant is long x && b.Constant is long y:
                return (Dim)(x & y);
            case BinaryOperatorKind.Or when a.Constant is long x && b.Constant is long y:
                return (Dim)(x | y);
            case BinaryOperatorKind.ExclusiveOr when a.Constant is long x && b.Constant is long y:
                return (Dim)(x ^ y);
            case BinaryOperatorKind.RightShift when a.Constant is long x && b.Constant is long y:
                return (Dim)(x >> (int)y);
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
            : throw EvaluationException.DataDependent(at, $"whether this holds depends on the symbolic size in {(a.Constant is null ? a : b)}; give that size as a number in [Shape], or write code that works for every size");
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

    private object? TensorArithmetic(BinaryOperatorKind kind, object? left, object? right, SyntaxNode at)
    {
        if (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && (left is null || right is null))
        {
            return kind == BinaryOperatorKind.NotEquals;
        }

        Fresh(left, at);
        Fresh(right, at);
        string? op = kind switch
        {
            BinaryOperatorKind.Add => "add",
            BinaryOperatorKind.Subtract => "sub",
            BinaryOperatorKind.Multiply => "mul",
            BinaryOperatorKind.Divide => "div",
            BinaryOperatorKind.GreaterThan => "gt",
            BinaryOperatorKind.GreaterThanOrEqual => "ge",
            BinaryOperatorKind.LessThan => "lt",
            BinaryOperatorKind.LessThanOrEqual => "le",
            BinaryOperatorKind.Equals => "eq",
            BinaryOperatorKind.NotEquals => "ne",
            _ => null,
        };
        if (op is not null)
        {
            return StopGradients(Guard(at, op, () => TensorFunctions.Binary(graph, op, left, right)));
        }

        (string function, string second) = kind switch
        {
            BinaryOperatorKind.Remainder => ("Tensor.remainder", "other"),
            BinaryOperatorKind.And => ("Tensor.bitwise_and", "other"),
            BinaryOperatorKind.Or => ("Tensor.bitwise_or", "other"),
            BinaryOperatorKind.ExclusiveOr => ("Tensor.bitwise_xor", "other"),
            _ => throw EvaluationException.Unsupported(at, $"the operator '{kind}' is not supported on tensors; use +, -, *, /, % or a comparison"),
        };
        return left is SymTensor
            ? TensorCall(function, at, ("this", left), (second, right))
            : throw EvaluationException.Unsupported(at, $"the operator '{kind}' needs a tensor on its left");
    }

    private object? ComplexArithmetic(BinaryOperatorKind kind, object? left, object? right, SyntaxNode at)
    {
        if (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && (left is null || right is null))
        {
            return kind == BinaryOperatorKind.NotEquals;
        }

        return kind == BinaryOperatorKind.Multiply
            ? ComplexTimes(left, right, at)
            : throw EvaluationException.Unsupported(at, "of the operators only * is supported on complex tensors; use view_as_real and calculate with the parts");
    }
}
