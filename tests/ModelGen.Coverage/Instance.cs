using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static TorchSharp.torch;

namespace ModelGen.Coverage;

/// <summary>A model object made as <c>[Model]</c> says, and its forward method.</summary>
internal sealed class Instance
{
    private readonly MethodInfo forward;
    private readonly CaseFile file;

    private Instance(nn.Module module, MethodInfo forward, CaseFile file)
    {
        Module = module;
        this.forward = forward;
        this.file = file;
    }

    public nn.Module Module { get; }

    /// <summary>Creates the model; the generator of random numbers is seeded first, so that all instances are alike.</summary>
    public static Instance Create(Assembly assembly, string metadataName, CaseFile file)
    {
        Type type = assembly.GetType(metadataName) ?? throw new TypeLoadException($"The assembly has no type {metadataName}.");
        MethodInfo forward = type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(method => method.Name == "forward" && file.Inputs.Keys.All(name => method.GetParameters().Any(parameter => parameter.Name == name)))
            .MinBy(static method => method.GetParameters().Length) ?? throw new MissingMethodException(type.FullName, "forward");
        random.manual_seed(0);
        var module = (nn.Module)Make(type, file);
        using (no_grad())
        {
            // TorchSharp 0.107 leaves these weights uninitialised.
            foreach (nn.Module layer in module.modules().Where(static layer => layer is TorchSharp.Modules.GroupNorm or TorchSharp.Modules.InstanceNorm1d or TorchSharp.Modules.InstanceNorm2d or TorchSharp.Modules.InstanceNorm3d))
            {
                foreach (TorchSharp.Modules.Parameter parameter in layer.parameters(recurse: false))
                {
                    parameter.uniform_(0.5, 1.5);
                }
            }
        }

        return new Instance(module, forward, file);
    }

    /// <summary>Where a tensor's values lie; the same for tied weights, whose handles differ.</summary>
    public static unsafe nint Address(Tensor tensor)
    {
        using Tensor dense = tensor.detach();
        fixed (byte* start = dense.bytes)
        {
            return (nint)start;
        }
    }

    /// <summary>Input tensors of the case, the same for the same seed and sizes.</summary>
    public static Tensor[] Inputs(MethodDeclarationSyntax declaration, CaseFile file, IReadOnlyDictionary<string, long> sizes)
    {
        random.manual_seed(1);
        return [.. declaration.ParameterList.Parameters.Select(static parameter => parameter.Identifier.ValueText).Where(file.Inputs.ContainsKey).Select(name => Random(file.Inputs[name], sizes))];
    }

    /// <summary>Values of the symbolic sizes.</summary>
    public static Dictionary<string, long> Sizes(MethodDeclarationSyntax declaration, CaseFile file)
    {
        var sizes = new Dictionary<string, long>();
        foreach (string symbol in declaration.ParameterList.Parameters.Select(static parameter => parameter.Identifier.ValueText).Where(file.Inputs.ContainsKey)
            .SelectMany(name => file.Inputs[name].Shape).Where(static size => size.ValueKind == System.Text.Json.JsonValueKind.String).Select(static size => size.GetString()!))
        {
            sizes.TryAdd(symbol, file.Sizes.TryGetValue(symbol, out int given) ? given : sizes.Count == 0 ? 2 : 4);
        }

        return sizes;
    }

    /// <summary>The eager result: every tensor in it, in order.</summary>
    public IReadOnlyList<Tensor> Forward(Tensor[] inputs)
    {
        MethodInfo method = file.Method == "forward" ? forward : Module.GetType().GetMethods().First(candidate => candidate.Name == file.Method && candidate.GetParameters().Length == forward.GetParameters().Length);
        return Tensors(Invoke(method, Module, Arguments(inputs)));
    }

    /// <summary>The generated inference: every tensor in its result.</summary>
    public IReadOnlyList<Tensor> Infer(Tensor[] inputs)
    {
        MethodInfo? infer = Module.GetType().GetMethods().Where(static method => method.Name == "Infer").FirstOrDefault(method => method.GetParameters().Length == inputs.Length);
        return infer is null ? [((ICompiledModel)(object)Module).InferBatch(inputs)] : Tensors(Invoke(infer, Module, [.. inputs]));
    }

    /// <summary>Calls a method and throws what it throws.</summary>
    public static object? Invoke(MethodInfo method, object? target, object?[] arguments) =>
        method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    private object?[] Arguments(Tensor[] inputs)
    {
        int next = 0;
        return
        [
            .. forward.GetParameters().Select(parameter =>
                file.Inputs.ContainsKey(parameter.Name!) ? inputs[next++]
                : parameter.HasDefaultValue ? parameter.DefaultValue
                : parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null),
        ];
    }

    private static object Make(Type type, CaseFile file)
    {
        AttributeArgumentListSyntax? list = SyntaxFactory.ParseAttributeArgumentList($"({file.Model})");
        bool config = list?.Arguments.Any(static argument => argument.NameEquals?.Name.Identifier.ValueText == "Config") == true;
        if (!config)
        {
            // The arguments are C# text: the factory that the case's compilation carries evaluates them.
            MethodInfo factory = type.GetMethod(CoverageFactory.Name, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
                ?? throw new MissingMethodException(type.FullName, CoverageFactory.Name);
            return Invoke(factory, null, [])!;
        }

        string text = list!.Arguments.First().Expression.ToString();
        string member = text.StartsWith("nameof(", StringComparison.Ordinal) ? text[7..^1].Split('.')[^1] : text.Trim('"');
        const BindingFlags Flags = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        object? value = type.GetField(member, Flags) is FieldInfo field ? field.GetValue(null)
            : type.GetProperty(member, Flags) is PropertyInfo property ? property.GetValue(null)
            : Invoke(type.GetMethod(member, Flags) ?? throw new MissingMemberException(type.FullName, member), null, []);
        if (type.IsInstanceOfType(value))
        {
            return value!;
        }

        object?[] arguments = value is ITuple tuple ? [.. Enumerable.Range(0, tuple.Length).Select(index => tuple[index])] : [value];
        ConstructorInfo constructor = type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).FirstOrDefault(candidate => Fits(candidate.GetParameters(), arguments))
            ?? throw new MissingMethodException($"No constructor of {type.FullName} takes the value of {member}.");
        return constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, [.. constructor.GetParameters().Select((parameter, index) => index < arguments.Length ? Convert(arguments[index], parameter.ParameterType) : parameter.DefaultValue)], null);
    }

    private static bool Fits(ParameterInfo[] parameters, object?[] arguments) =>
        parameters.Length >= arguments.Length && parameters.Skip(arguments.Length).All(static parameter => parameter.HasDefaultValue)
        && arguments.Index().All(pair => pair.Item is null || parameters[pair.Index].ParameterType.IsInstanceOfType(pair.Item) || (pair.Item is IConvertible && Number(parameters[pair.Index].ParameterType)));

    private static bool Number(Type type) => (Nullable.GetUnderlyingType(type) ?? type) is { IsPrimitive: true };

    private static object? Convert(object? value, Type type) =>
        value is null || type.IsInstanceOfType(value) ? value : System.Convert.ChangeType(value, Nullable.GetUnderlyingType(type) ?? type, System.Globalization.CultureInfo.InvariantCulture);

    private static IReadOnlyList<Tensor> Tensors(object? value) => value switch
    {
        null => [],
        Tensor tensor => [tensor],
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(index => Tensors(tuple[index]))],
        System.Collections.IDictionary map => [.. map.Values.Cast<object?>().SelectMany(Tensors)],
        string => [],
        System.Collections.IEnumerable items => [.. items.Cast<object?>().SelectMany(Tensors)],
        _ when value.GetType().IsPrimitive => [],
        _ => [.. value.GetType().GetProperties().Where(static property => property.GetIndexParameters().Length == 0).Select(property => property.GetValue(value)).Where(static item => item is Tensor or ITuple or Array).SelectMany(Tensors)],
    };

    private static Tensor Random(CaseInput input, IReadOnlyDictionary<string, long> sizes)
    {
        long[] shape = [.. input.Shape.Select(size => size.ValueKind == System.Text.Json.JsonValueKind.String ? sizes[size.GetString()!] : size.GetInt64())];
        return input.Type switch
        {
            "Int64" => randint(0, input.Max, shape, dtype: ScalarType.Int64),
            "Bool" => rand(shape) > 0.3,
            _ => input.Positive ? rand(shape) : randn(shape),
        };
    }
}
