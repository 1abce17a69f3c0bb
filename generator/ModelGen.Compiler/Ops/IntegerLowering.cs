using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Elementwise operators on 64-bit integers, as calls of their kernels. Those on floats and truth values are loops that are written for the graph.</summary>
internal static class IntegerLowering
{
    private static readonly Dictionary<string, (string Kernel, bool Swaps)> Kernels = new(StringComparer.Ordinal)
    {
        ["add"] = ("Add", false),
        ["sub"] = ("Subtract", false),
        ["mul"] = ("Multiply", false),
        ["maximum"] = ("Maximum", false),
        ["minimum"] = ("Minimum", false),
        ["floor_divide"] = ("FloorDivide", false),
        ["remainder"] = ("Remainder", false),
        ["lt"] = ("Less", false),
        ["le"] = ("LessOrEqual", false),
        ["gt"] = ("Less", true),
        ["ge"] = ("LessOrEqual", true),
        ["eq"] = ("Equal", false),
        ["ne"] = ("NotEqual", false),
    };

    /// <summary>An operator of two operands; false when they are no integers or it has no kernel.</summary>
    public static bool Binary(KernelContext k, string op)
    {
        if (k.Type(0).DType != DType.Int64 || !Kernels.TryGetValue(op, out (string Kernel, bool Swaps) kernel))
        {
            return false;
        }

        (Place a, Place b) = (k.Operand(0), k.Operand(1));
        Call(k, kernel.Kernel, kernel.Swaps ? b : a, kernel.Swaps ? a : b, k.Result());
        return true;
    }

    /// <summary>An operator of one operand; false when it is no integer or it has no kernel.</summary>
    public static bool Unary(KernelContext k, string op)
    {
        if (k.Type(0).DType != DType.Int64)
        {
            return false;
        }

        Place x = k.Operand(0);
        switch (op)
        {
            case "neg":
                Call(k, "Subtract", k.Number(0), x, k.Result());
                return true;
            case "square":
                Call(k, "Multiply", x, x, k.Result());
                return true;
            case "relu":
                Call(k, "Maximum", x, k.Number(0), k.Result());
                return true;
            case "clamp":
                return Clamp(k, x);
            case "abs" or "sign":
                k.Emit($"Integers.{(op == "abs" ? "Abs" : "Sign")}({k.Read(k.RowMajorOperand(0))}, {k.Type(0).Count.ToCSharp()}, {k.Write(k.Result())});");
                return true;
            default:
                return false;
        }
    }

    /// <summary>A choice by truth values between operands, or an operand and a number; false when these are no integers.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="condition">The operand with the truth values.</param>
    /// <param name="type">An operand of the type of the result.</param>
    /// <param name="chosen">Gives the two that are chosen from.</param>
    public static bool Select(KernelContext k, int condition, int type, Func<(Place True, Place False)> chosen)
    {
        if (k.Type(type).DType != DType.Int64)
        {
            return false;
        }

        Place test = k.Operand(condition);
        (Place a, Place b) = chosen();
        Place result = k.Result();
        string Strides(Place place) => CSharpContext.Longs(place.Expand(result.Shape).Strides);
        k.Emit($"Integers.Select({k.Read(test)}, {k.Read(a)}, {k.Read(b)}, {CSharpContext.Longs(result.Shape)}, {Strides(test)}, {Strides(a)}, {Strides(b)}, {k.Write(result)});");
        return true;
    }

    /// <summary>A conversion from or to integers; false for others.</summary>
    public static bool Cast(KernelContext k)
    {
        string? kernel = (k.Type(0).DType, k.ResultType().DType) switch
        {
            (DType.Int64, DType.Float32) => "ToFloats",
            (DType.Int64, DType.Bool) => "ToTruth",
            (DType.Float32 or DType.Bool, DType.Int64) => "FromFloats",
            _ => null,
        };
        if (kernel is null)
        {
            return false;
        }

        k.Emit($"Integers.{kernel}({k.Read(k.RowMajorOperand(0))}, {k.Type(0).Count.ToCSharp()}, {k.Write(k.Result())});");
        return true;
    }

    private static bool Clamp(KernelContext k, Place x)
    {
        (double least, double most) = (k.Attributes.Double("min"), k.Attributes.Double("max"));
        Place result = k.Result();
        Call(k, "Maximum", x, k.Number(double.IsInfinity(least) ? long.MinValue : (long)Math.Ceiling(least)), result);
        if (!double.IsInfinity(most))
        {
            Call(k, "Minimum", result, k.Number((long)Math.Floor(most)), result);
        }

        return true;
    }

    private static void Call(KernelContext k, string kernel, Place a, Place b, Place result)
    {
        string Strides(Place place) => CSharpContext.Longs(place.Expand(result.Shape).Strides);
        k.Emit($"Integers.{kernel}({k.Read(a)}, {k.Read(b)}, {CSharpContext.Longs(result.Shape)}, {Strides(a)}, {Strides(b)}, {k.Write(result)});");
    }
}
