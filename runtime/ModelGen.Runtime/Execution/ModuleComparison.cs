using System.Collections;
using System.Globalization;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Compares an instance with the one that the build evaluated. Parameters of equal shapes do not make models equal: the number of attention heads, a stride or a
/// factor may differ.
/// </summary>
internal sealed class ModuleComparison
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private readonly List<Func<bool>> unchanged = [];

    /// <summary>Compares everything.</summary>
    public ModuleComparison(nn.Module model, IReadOnlyCollection<ModuleSpec> modules)
    {
        if (modules.Count == 0)
        {
            return;
        }

        Dictionary<string, nn.Module> found = model.named_modules().GroupBy(static pair => pair.name, StringComparer.Ordinal).ToDictionary(static group => group.Key, static group => group.First().module, StringComparer.Ordinal);
        found[""] = model;
        foreach (ModuleSpec spec in modules)
        {
            Difference ??= Compare(spec, found);
        }
    }

    /// <summary>What differs, as the end of the sentence "This model is not the one that was compiled: ..."; null when nothing does.</summary>
    public string? Difference { get; }

    /// <summary>Whether the members that code can write to still have the values that were compared; without allocations.</summary>
    public Func<bool>[] Unchanged => [.. unchanged];

    private string? Compare(ModuleSpec spec, Dictionary<string, nn.Module> found)
    {
        string name = spec.Path.Length == 0 ? "it" : $"its '{spec.Path}'";
        if (!found.TryGetValue(spec.Path, out nn.Module? module))
        {
            return $"it has no layer '{spec.Path}' ({spec.Type})";
        }

        string type = module.GetType().Name.Split('`')[0];
        if (type != spec.Type)
        {
            return $"{name} is a {type} instead of a {spec.Type}";
        }

        foreach ((string member, object? expected) in spec.Members)
        {
            object? actual = Read(module, member);
            if (!Same(expected, actual))
            {
                return $"{(spec.Path.Length == 0 ? "its" : name + " has")} {member} {(spec.Path.Length == 0 ? "is" : "=")} {Show(actual)} instead of {Show(expected)}";
            }
        }

        return null;
    }

    private object? Read(object owner, string path)
    {
        object? value = owner;
        foreach (string name in path.Split('.'))
        {
            if (value is null)
            {
                return null;
            }

            MemberInfo member = Find(value.GetType(), name) ?? throw new MissingMemberException(value.GetType().Name, name);
            object target = value;
            value = member is FieldInfo field ? field.GetValue(target) : ((PropertyInfo)member).GetValue(target);
            Watch(target, member, value);
        }

        return value;
    }

    /// <summary>A field or property by its name, or by that of its class and its own, as in <c>Base:width</c>.</summary>
    private static MemberInfo? Find(Type? type, string name)
    {
        string[] parts = name.Split(':');
        name = parts[^1];
        for (; type is not null; type = type.BaseType)
        {
            if (parts.Length > 1 && type.Name.Split('`')[0] != parts[0])
            {
                continue;
            }

            if (((MemberInfo?)type.GetField(name, Any) ?? type.GetProperty(name, Any)) is { } member)
            {
                return member;
            }
        }

        return null;
    }

    /// <summary>Remembers a field of the user's classes that may be written to later.</summary>
    private void Watch(object target, MemberInfo member, object? value)
    {
        bool fixedForGood = member is FieldInfo { IsInitOnly: true } or PropertyInfo { SetMethod: null }
            || (member is PropertyInfo { SetMethod: { } setter } && setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)));
        if (fixedForGood || target.GetType().IsValueType || target.GetType().Namespace?.StartsWith("TorchSharp", StringComparison.Ordinal) == true)
        {
            return;
        }

        MemberExpression access = Expression.MakeMemberAccess(Expression.Constant(target, member.DeclaringType!), member);
        Expression same = access.Type.IsValueType && !access.Type.IsPrimitive && !access.Type.IsEnum
            ? Expression.Call(access, typeof(object).GetMethod(nameof(Equals), [typeof(object)])!, Expression.Constant(value, typeof(object)))
            : Expression.Equal(access, Expression.Constant(value, access.Type));
        unchanged.Add(Expression.Lambda<Func<bool>>(same).Compile());
    }

    private static bool Same(object? expected, object? actual) => (expected, actual) switch
    {
        (null, _) => actual is null,
        (_, null) => false,
        (bool or string, Enum) => actual.ToString() == expected.ToString(),
        (bool a, bool b) => a == b,
        (string a, string b) => a == b,
        _ => Numbers(expected) is { } a && Numbers(actual) is { } b && Close(a, b),
    };

    /// <summary>Equal up to float32 rounding; one number stands for all of several.</summary>
    private static bool Close(double[] a, double[] b)
    {
        int count = Math.Max(a.Length, b.Length);
        return (a.Length == count || a.Length == 1) && (b.Length == count || b.Length == 1)
            && Enumerable.Range(0, count).All(index => Near(a[a.Length == 1 ? 0 : index], b[b.Length == 1 ? 0 : index]));
    }

    private static bool Near(double a, double b) => a.Equals(b) || Math.Abs(a - b) <= 1e-6 * Math.Max(Math.Abs(a), Math.Abs(b));

    private static double[]? Numbers(object value) => value switch
    {
        bool or string => null,
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(index => tuple[index] is { } item ? Numbers(item) ?? [] : [])],
        IEnumerable items => [.. items.Cast<object>().SelectMany(static item => Numbers(item) ?? [])],
        IConvertible number => [number.ToDouble(CultureInfo.InvariantCulture)],
        _ => null,
    };

    private static string Show(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => text,
        _ when Numbers(value) is { } numbers => numbers.Length == 1 ? numbers[0].ToString(CultureInfo.InvariantCulture) : $"[{string.Join(", ", numbers.Select(static number => number.ToString(CultureInfo.InvariantCulture)))}]",
        _ => value.GetType().Name,
    };
}
