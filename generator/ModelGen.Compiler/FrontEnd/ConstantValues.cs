using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>
/// The numbers in tensors that are known during the build: constructors make schedules with <c>linspace(0, rate, depth)</c> and read them back as drop rates.
/// </summary>
internal static class ConstantValues
{
    private const long MaxElements = 65_536;

    /// <summary>The elements of a value in row-major order; null when they depend on weights, inputs or random numbers, or on an operator that is not calculated here.</summary>
    public static double[]? Of(GraphBuilder graph, int value)
    {
        TensorType type = graph.TypeOf(value);
        if (type.Count.Constant is not (>= 0 and <= MaxElements and long count) || Producer(graph, value) is not { } node)
        {
            return null;
        }

        double[]? result = node.Op switch
        {
            "constant" => Filled(count, node.Attributes.Double("value")),
            "full" => Filled(count, node.Attributes.Double("value")),
            "literal" => node.Attributes.Doubles("values").ToArray(),
            "range" => Range(node, count),
            "reshape" or "cast" or "alias" or "stop_gradient" => Of(graph, node.Inputs[0]),
            "slice" => Slice(graph, node),
            "add" or "sub" or "mul" or "div" or "pow" or "maximum" or "minimum" => Binary(graph, node, count),
            "neg" or "sqrt" or "exp" or "log" or "abs" or "reciprocal" or "square" or "sin" or "cos" => Unary(graph, node),
            _ => null,
        };
        return result is null || result.Length != count ? null : [.. result.Select(element => Rounded(element, type.DType))];
    }

    private static Node? Producer(GraphBuilder graph, int value)
    {
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            if (graph.Nodes[i].Outputs.Contains(value))
            {
                return graph.Nodes[i];
            }
        }

        return null;
    }

    private static double Rounded(double value, DType type) => type switch
    {
        DType.Float32 => (float)value,
        DType.Float64 => value,
        DType.Bool => value == 0 ? 0 : 1,
        _ => Math.Truncate(value),
    };

    private static double[] Filled(long count, double value)
    {
        double[] result = new double[count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = value;
        }

        return result;
    }

    private static double[]? Range(Node node, long count)
    {
        if (node.Attributes.Dims("start") is not [{ Constant: long start }])
        {
            return null;
        }

        (double offset, double step) = (node.Attributes.Double("offset"), node.Attributes.Double("step"));
        return [.. Enumerable.Range(0, (int)count).Select(index => start + offset + (step * index))];
    }

    private static double[]? Slice(GraphBuilder graph, Node node)
    {
        TensorType type = graph.TypeOf(node.Inputs[0]);
        int axis = (int)node.Attributes.Int("axis");
        if (Of(graph, node.Inputs[0]) is not { } source || node.Attributes.Dims("start") is not [{ Constant: long start }] || node.Attributes.Dims("length") is not [{ Constant: long length }])
        {
            return null;
        }

        long inner = type.Shape.Skip(axis + 1).Aggregate(1L, static (product, dim) => product * dim.Constant!.Value);
        long size = type.Shape[axis].Constant!.Value;
        long step = node.Attributes.IntOr("step", 1);
        var result = new List<double>();
        for (long outer = 0; outer < source.Length / Math.Max(1, size * inner); outer++)
        {
            for (long i = 0; i < length; i++)
            {
                for (long k = 0; k < inner; k++)
                {
                    result.Add(source[(((outer * size) + start + (i * step)) * inner) + k]);
                }
            }
        }

        return [.. result];
    }

    /// <summary>Operands of one shape, or one of them a single number.</summary>
    private static double[]? Binary(GraphBuilder graph, Node node, long count)
    {
        if (Of(graph, node.Inputs[0]) is not { } a || Of(graph, node.Inputs[1]) is not { } b || (a.Length != 1 && a.Length != count) || (b.Length != 1 && b.Length != count))
        {
            return null;
        }

        return [.. Enumerable.Range(0, (int)count).Select(index => Combine(node.Op, a[a.Length == 1 ? 0 : index], b[b.Length == 1 ? 0 : index]))];
    }

    private static double Combine(string op, double a, double b) => op switch
    {
        "add" => a + b,
        "sub" => a - b,
        "mul" => a * b,
        "div" => a / b,
        "pow" => Math.Pow(a, b),
        "maximum" => Math.Max(a, b),
        _ => Math.Min(a, b),
    };

    private static double[]? Unary(GraphBuilder graph, Node node)
    {
        Func<double, double> function = node.Op switch
        {
            "neg" => static x => -x,
            "sqrt" => Math.Sqrt,
            "exp" => Math.Exp,
            "log" => Math.Log,
            "abs" => Math.Abs,
            "reciprocal" => static x => 1 / x,
            "square" => static x => x * x,
            "sin" => Math.Sin,
            _ => Math.Cos,
        };
        return Of(graph, node.Inputs[0])?.Select(function).ToArray();
    }
}
