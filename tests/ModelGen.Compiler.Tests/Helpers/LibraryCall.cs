using System.Reflection;
using System.Runtime.CompilerServices;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>A tensor argument of a tested call.</summary>
internal sealed record Operand(ScalarType DType, long[] Shape, Func<Tensor> Make)
{
    public TensorType Type => new(Enum.Parse<DType>(DType.ToString()), Shape.Select(static size => (Dim)size).ToEquatableArray());
}

/// <summary>An argument given by name.</summary>
internal sealed record Named(string Name, object? Value);

/// <summary>
/// A call of a TorchSharp function: the overload that C# would choose for the arguments, so that the compiler sees exactly the parameter names and default values
/// that its evaluator would give it.
/// </summary>
internal sealed class LibraryCall
{
    private readonly MethodBase method;
    private readonly object?[] arguments;
    private readonly ParameterInfo[] parameters;

    private LibraryCall(MethodBase method, Operand? receiver, object?[] arguments)
    {
        this.method = method;
        parameters = method.GetParameters();
        Receiver = receiver;
        this.arguments = arguments;
    }

    public Operand? Receiver { get; }

    /// <summary>Tensor arguments in order.</summary>
    public IEnumerable<Operand> Operands => (Receiver is null ? [] : new[] { Receiver }).Concat(arguments.SelectMany(static argument => argument switch { Operand one => [one], Operand[] several => several, _ => [] }));

    /// <summary>All methods of TorchSharp that a key names.</summary>
    public static IEnumerable<MethodInfo> Methods(string key)
    {
        string name = key[(key.LastIndexOf('.') + 1)..];
        Type[] types = key[..key.LastIndexOf('.')] switch
        {
            "F" => [typeof(nn.functional)],
            "Tensor" => [typeof(Tensor), typeof(TensorExtensionMethods)],
            "torch" => [typeof(torch), typeof(special)],
            "torch.linalg" => [typeof(linalg)],
            "torch.fft" => [typeof(fft)],
            _ => [],
        };
        return types.SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.Name == name && !method.IsGenericMethod && method.GetParameters().All(static parameter => !parameter.ParameterType.IsByRefLike && !parameter.ParameterType.IsByRef));
    }

    /// <summary>Chooses an overload; null when none takes these arguments.</summary>
    public static LibraryCall? Bind(string key, object?[] given) => Bind(Methods(key), given);

    public static LibraryCall? Bind(IEnumerable<MethodBase> methods, object?[] given)
    {
        (LibraryCall Call, int Cost)? best = null;
        foreach (MethodBase method in methods)
        {
            bool isInstance = method is MethodInfo && !method.IsStatic;
            if (isInstance && given is not [Operand, ..])
            {
                continue;
            }

            if (Arrange(method, isInstance ? given[1..] : given) is (object?[] arguments, int cost) && (best is null || cost < best.Value.Cost))
            {
                best = (new LibraryCall(method, isInstance ? (Operand)given[0]! : null, arguments), cost);
            }
        }

        return best?.Call;
    }

    /// <summary>Arguments as the evaluator gives them, tensors by their graph values.</summary>
    public Dictionary<string, object?> Symbolic(IReadOnlyDictionary<Operand, int> ids)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (Receiver is not null)
        {
            values["this"] = new SymTensor(ids[Receiver]);
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            values[parameters[i].Name!] = ToSymbol(arguments[i], parameters[i].ParameterType, ids);
        }

        // The evaluator gives literals the type that C# has for them.
        if (method.Name is "tensor" or "as_tensor" or "from_array" && !(values.TryGetValue("dtype", out object? given) && given is not null) && ElementType(parameters[0].ParameterType) is { } element)
        {
            values["dtype"] = new SymEnum("ScalarType", element, null);
        }

        return values;
    }

    private static string? ElementType(Type type) =>
        type.IsArray ? ElementType(type.GetElementType()!)
        : type.IsGenericType ? ElementType(type.GenericTypeArguments[0])
        : type == typeof(bool) ? "Bool" : type == typeof(int) ? "Int32" : type == typeof(long) ? "Int64" : type == typeof(float) ? "Float32" : type == typeof(double) ? "Float64" : null;

    /// <summary>Calls TorchSharp.</summary>
    public object? Invoke(IReadOnlyDictionary<Operand, Tensor> tensors)
    {
        object? receiver = Receiver is null ? null : tensors[Receiver];
        object?[] values = [.. arguments.Select((argument, index) => ToClr(argument, parameters[index].ParameterType, tensors))];
        return method is ConstructorInfo constructor ? constructor.Invoke(values) : method.Invoke(receiver, values);
    }

    private static (object?[] Arguments, int Cost)? Arrange(MethodBase method, object?[] given)
    {
        ParameterInfo[] parameters = method.GetParameters();
        var result = new object?[parameters.Length];
        int cost = 0;
        object?[] positional = [.. given.TakeWhile(static argument => argument is not Named)];
        if (positional.Length > parameters.Length || given.OfType<Named>().Any(named => parameters.All(parameter => parameter.Name != named.Name)))
        {
            return null;
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            object? value;
            if (i < positional.Length)
            {
                value = positional[i];
            }
            else if (given.OfType<Named>().FirstOrDefault(named => named.Name == parameters[i].Name) is { } named)
            {
                value = named.Value;
            }
            else if (parameters[i].HasDefaultValue)
            {
                result[i] = parameters[i].DefaultValue;
                cost++;
                continue;
            }
            else
            {
                return null;
            }

            int step = Distance(value, parameters[i].ParameterType);
            if (step < 0)
            {
                return null;
            }

            result[i] = value;
            cost += 10 * step;
        }

        return (result, cost);
    }

    /// <summary>How far a conversion goes; negative where there is none.</summary>
    private static int Distance(object? value, Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        int extra = plain == type ? 0 : 1;
        return value switch
        {
            null => type.IsValueType && plain == type ? -1 : 0,
            Operand => type == typeof(Tensor) ? 0 : -1,
            Operand[] => type == typeof(Tensor[]) ? 0 : type.IsAssignableFrom(typeof(Tensor[])) ? 1 : -1,
            int => plain == typeof(int) ? extra : plain == typeof(long) ? 1 + extra : plain == typeof(float) ? 2 : plain == typeof(double) ? 3 + extra : plain == typeof(Scalar) ? 4 : -1,
            double => plain == typeof(double) ? extra : plain == typeof(float) ? 1 : plain == typeof(Scalar) ? 2 : -1,
            bool => plain == typeof(bool) ? extra : plain == typeof(Scalar) ? 2 : -1,
            Enum => plain == value.GetType() ? extra : -1,
            ITuple tuple => plain.Name.StartsWith("ValueTuple", StringComparison.Ordinal) && plain.GenericTypeArguments.Length == tuple.Length ? extra : -1,
            _ => type == value.GetType() ? 0 : type.IsInstanceOfType(value) ? 1 : -1,
        };
    }

    private static object? ToSymbol(object? value, Type type, IReadOnlyDictionary<Operand, int> ids) => value switch
    {
        null or bool or string => value,
        Operand operand => new SymTensor(ids[operand]),
        Enum member => new SymEnum(member.GetType().Name, member.ToString(), null),
        float or double => Convert.ToDouble(value),
        int or long when type == typeof(double) || type == typeof(float) => Convert.ToDouble(value),
        int or long => (Dim)Convert.ToInt64(value),
        Array { Rank: 2 } table => new SymList(Enumerable.Range(0, table.GetLength(0)).Select(row => (object?)new SymList(Enumerable.Range(0, table.GetLength(1)).Select(column => ToSymbol(table.GetValue(row, column), typeof(object), ids))))),
        System.Collections.IEnumerable items => new SymList(items.Cast<object?>().Select(item => ToSymbol(item, typeof(object), ids))),
        ITuple tuple => new SymList(Enumerable.Range(0, tuple.Length).Select(index => ToSymbol(tuple[index], typeof(object), ids))),
        _ => new SymOther(value),
    };

    private static object? ToClr(object? value, Type type, IReadOnlyDictionary<Operand, Tensor> tensors)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return value switch
        {
            Operand operand => tensors[operand],
            Operand[] several => several.Select(operand => tensors[operand]).ToArray(),
            int or double when plain == typeof(Scalar) => value is int whole ? whole.ToScalar() : ((double)value).ToScalar(),
            bool flag when plain == typeof(Scalar) => flag.ToScalar(),
            int or double => Convert.ChangeType(value, plain),
            (int a, int b) when plain == typeof((long, long)) => ((long)a, (long)b),
            (Operand a, Operand b) => (tensors[a], tensors[b]),
            _ => value,
        };
    }

    /// <summary>An argument that is no part of the calculation.</summary>
    private sealed record SymOther(object? Value);
}
