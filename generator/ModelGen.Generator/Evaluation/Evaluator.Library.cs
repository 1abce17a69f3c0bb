using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>The part of .NET that model code uses: mathematics, strings, lists, dictionaries, LINQ.</content>
internal sealed partial class Evaluator
{
    /// <summary>The elements of anything that <c>foreach</c> takes.</summary>
    private IReadOnlyList<object?> Elements(object? value, SyntaxNode at)
    {
        IReadOnlyList<object?> elements = ElementsOf(value, at);
        Charge(elements.Count, at);
        return elements;
    }

    private static IReadOnlyList<object?> ElementsOf(object? value, SyntaxNode at) => value switch
    {
        SymSequence sequence => sequence.Run(),
        SymList { Rank: > 1 } rows => [.. rows.Items.SelectMany(row => ElementsOf(row, at))],
        SymList list => [.. list.Items],
        SymContainer { Kind: "ModuleDict" or "ParameterDict" } map => [.. map.Items.Select(static pair => new SymList([pair.Key, pair.Value]))],
        SymContainer container => [.. container.Items.Select(static pair => pair.Value)],
        SymObject { Items: { } items } => ElementsOf(items, at),
        SymDictionary dictionary => [.. dictionary.Items.Select(static pair => new SymList([pair.Key, pair.Value]))],
        string text => [.. text.Select(static letter => (object?)letter)],
        _ => throw EvaluationException.DataDependent(at, $"the elements of {DescribeValue(value)} are not known during the build; loops run over arrays, lists and ranges of known length"),
    };

    private object? LibraryProperty(object? owner, IPropertySymbol property, SyntaxNode at)
    {
        string name = property.Name;
        if (property.ContainingType.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T)
        {
            return name == "HasValue" ? owner is not null : owner ?? throw EvaluationException.Unsupported(at, "the value of this nullable is null");
        }

        switch (owner, name)
        {
            case (SymList { Rank: > 1 } rows, "Length"):
                return (Dim)ElementsOf(rows, at).Count;
            case (SymList { Rank: var rank }, "Rank"):
                return (Dim)rank;
            case (SymList list, "Length" or "Count"):
                return (Dim)list.Items.Count;
            case (SymList { Items: [var key, _] }, "Key"):
                return key;
            case (SymList { Items: [_, var value] }, "Value"):
                return value;
            case (SymList list, _) when name.StartsWith("Item", StringComparison.Ordinal) && int.TryParse(name.Substring(4), out int item) && item >= 1 && item <= list.Items.Count:
                return list.Items[item - 1];
            case (SymContainer container, "Count"):
                return (Dim)container.Items.Count;
            case (SymContainer container, "Keys"):
                return new SymList(container.Items.Select(static pair => pair.Key));
            case (SymContainer container, "Values"):
                return new SymList(container.Items.Select(static pair => pair.Value));
            case (SymContainer, "training"):
                return new SymTraining();
            case (SymDictionary dictionary, "Count"):
                return (Dim)dictionary.Items.Count;
            case (SymDictionary dictionary, "Keys"):
                return new SymList(dictionary.Items.Select(static pair => pair.Key));
            case (SymDictionary dictionary, "Values"):
                return new SymList(dictionary.Items.Select(static pair => pair.Value));
            case (SymDictionary dictionary, _) when dictionary.TryGet(name, out object? entry):
                return entry;
            case (string text, "Length"):
                return (Dim)text.Length;
            case (SymType type, "Name"):
                return type.Symbol?.MetadataName ?? type.Name.Substring(type.Name.LastIndexOf('.') + 1);
            default:
                throw EvaluationException.Unsupported(at, owner is null ? $"'{name}' is read from null" : $"'{name}' of {DescribeValue(owner)} is not known during the build");
        }
    }

    /// <summary>A call of .NET; what throws for these arguments at run time is refused.</summary>
    private object? CallLibrary(IMethodSymbol method, string type, object? receiver, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at, WriteBack? after)
    {
        try
        {
            return Short(CallKnownLibrary(method, type, receiver, arguments, at, after), at);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidOperationException or ArithmeticException or IndexOutOfRangeException)
        {
            throw EvaluationException.Unsupported(at, $"'{method.Name}' cannot be evaluated with these arguments: {exception.Message}");
        }
    }

    /// <summary>Refuses text that a loop makes longer and longer.</summary>
    private static object? Short(object? value, SyntaxNode at) =>
        value is string { Length: > MaxElements } text ? throw EvaluationException.Unsupported(at, $"this text of {Compiler.Invariant.Text(text.Length)} letters is too long to be evaluated during the build") : value;

    private object? CallKnownLibrary(IMethodSymbol method, string type, object? receiver, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at, WriteBack? after)
    {
        object?[] values = [.. arguments.Select(static pair => pair.Value)];
        switch (type)
        {
            case "System.Math" or "System.MathF":
                return CallMath(method.Name, type, values, at);
            case "System.Numerics.BigInteger" when method.Name == "GreatestCommonDivisor" && values is [Dim { Constant: long a }, Dim { Constant: long b }]:
                return (Dim)GreatestCommonDivisor(a, b);
            case "System.Linq.Enumerable":
                return CallLinq(method, values, at);
            case "System.Console" or "System.Diagnostics.Debug" or "System.Diagnostics.Trace" or "System.GC" when method.ReturnsVoid:
                return null;
            case "System.Collections.Generic.CollectionExtensions" when values[0] is SymDictionary entries:
                return CallDictionary(entries, method, [.. values.Skip(1)], at, after);
            case "System.String" when method.IsStatic:
                return CallString(method.Name, values, at);
            case "System.Char" when method.IsStatic && values is [char letter]:
                return CallLetter(method.Name, letter, at);
            case "System.Int32" or "System.Int64" when method.Name == "Parse" && values is [string digits]:
                return (Dim)long.Parse(digits, CultureInfo.InvariantCulture);
            case "System.Single" or "System.Double" when method.Name == "Parse" && values is [string digits]:
                return Stored(double.Parse(digits, CultureInfo.InvariantCulture), method.ReturnType, false, at);
            case "System.Array" when method.IsStatic:
                return CallArray(method, values, at);
            case "System.MemoryExtensions" when values[0] is SymList or string:
                return method.Name switch
                {
                    "AsSpan" when values.Length == 1 => values[0],
                    "Contains" or "SequenceEqual" when values.Length == 2 => Query(method.Name, Elements(values[0], at), [values[1]], at),
                    "IndexOf" when values is [SymList sought, _] => (Dim)sought.Items.FindIndex(item => Same(item, values[1], at)),
                    _ => throw EvaluationException.Unsupported(at, $"'{method.Name}' of a span cannot be evaluated during the build; use the array or string itself"),
                };
            case "System.Int32" or "System.Int64" when method.Name == "TryParse" && values is [string parsed, _]:
                bool isNumber = long.TryParse(parsed, NumberStyles.Integer, CultureInfo.InvariantCulture, out long read) && (type == "System.Int64" || read is >= int.MinValue and <= int.MaxValue);
                var result = new Frame(null, null);
                result.Declare(method.OriginalDefinition.Parameters[1], (Dim)(isNumber ? read : 0));
                after?.Invoke(result, method.OriginalDefinition.Parameters);
                return isNumber;
            case "System.ArgumentNullException" or "System.ArgumentException" or "System.ArgumentOutOfRangeException" when method.Name.StartsWith("Throw", StringComparison.Ordinal):
                return Guarded(method.Name, values, at);
            case "System.TimeSpan" or "System.DateTime" or "System.Diagnostics.Stopwatch":
                return new SymOpaque("a time");
            case "System.Single" or "System.Double" or "System.Int32" or "System.Int64" when values.Length > 0 && values[0] is Dim or double:
                return CallNumber(method, values, at);
            case "System.Convert" when values.Length > 0 && values[0] is Dim or double && method.ReturnType.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_Double:
                return method.ReturnType.SpecialType is SpecialType.System_Double or SpecialType.System_Single ? Stored(AsDouble(values[0], at), method.ReturnType, true, at) : values[0] is double real ? (Dim)(long)Math.Round(real) : values[0];
            case "System.Index" or "System.Range" or "System.FormattableString" when values.Length > 0:
                return values[0];
        }

        return receiver switch
        {
            null when method is { Name: "GetValueOrDefault", ContainingType.OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } => values.Length > 0 ? values[0] : Default((method.ContainingType as INamedTypeSymbol)?.TypeArguments.FirstOrDefault()),
            null when method.IsStatic && values.Length > 1 && method.Name is "ReferenceEquals" && values[0] is SymList or SymObject or SymContainer or SymModule or SymTensor or null => ReferenceEquals(values[0], values[1]),
            null when method.IsStatic && values.Length > 1 && method.Name is "Equals" && method.ContainingType.SpecialType == SpecialType.System_Object && values[0] is not SymList => Same(values[0], values[1], at),
            null => throw EvaluationException.Unsupported(at, method.IsStatic ? $"'{method.ContainingType.Name}.{method.Name}' cannot be evaluated during the build" : $"'{method.Name}' is called on null"),
            SymList when method.Name is "Equals" && values.Length == 1 && !method.ContainingType.IsTupleType => ReferenceEquals(receiver, values[0]),
            _ when method.Name is "Equals" && values.Length == 1 => Same(receiver, values[0], at),
            SymOpaque when method.Name is "ToString" => receiver,
            _ when method.Name is "ToString" => Text(receiver, values.FirstOrDefault() as string ?? "", at, method.ContainingType),
            _ when method is { Name: "GetValueOrDefault", ContainingType.OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } => receiver,
            _ when method.Name is "GetHashCode" => throw EvaluationException.Unsupported(at, "a hash code differs from run to run"),
            _ when method.Name is "GetType" => TypeOf(receiver, at),
            SymType { Symbol: { } inspected } when method.Name is "GetMember" or "GetMethod" or "GetProperty" or "GetField" && values.Length > 0 && values[0] is string member =>
                Members(inspected, method.Name, member),
            _ when method.Name is "Dispose" => null,
            string text => CallText(text, method.Name, values, at),
            SymList list => CallList(list, method, values, at),
            SymDictionary dictionary => CallDictionary(dictionary, method, values, at, after),
            SymContainer container => CallContainer(container, method, arguments, at, after),
            SymFunction function when method.Name is "Invoke" or "DynamicInvoke" => CallFunction(function, values, at),
            SymEnum member when method.Name == "HasFlag" && member.Value is Dim { Constant: long flags } && values[0] is SymEnum { Value: Dim { Constant: long flag } } => (flags & flag) == flag,
            SymOpaque => null,
            _ => throw EvaluationException.Unsupported(at, $"'{method.Name}' of {DescribeValue(receiver)} cannot be evaluated during the build"),
        };
    }

    private static long GreatestCommonDivisor(long a, long b) => b == 0 ? Math.Abs(a) : GreatestCommonDivisor(b, a % b);

    private object? Guarded(string name, object?[] values, SyntaxNode at)
    {
        bool fails = name switch
        {
            "ThrowIfNull" => values[0] is null,
            "ThrowIfNullOrEmpty" => values[0] is null or "",
            "ThrowIfNullOrWhiteSpace" => values[0] is null || values[0] is string text && text.Trim().Length == 0,
            "ThrowIfNegative" => Truth(Arithmetic(BinaryOperatorKind.LessThan, values[0], Dim.Zero, at), at),
            "ThrowIfNegativeOrZero" => Truth(Arithmetic(BinaryOperatorKind.LessThanOrEqual, values[0], Dim.Zero, at), at),
            "ThrowIfZero" => Same(values[0], Dim.Zero, at),
            "ThrowIfEqual" => Same(values[0], values[1], at),
            "ThrowIfNotEqual" => !Same(values[0], values[1], at),
            "ThrowIfGreaterThan" => Test(BinaryOperatorKind.GreaterThan),
            "ThrowIfGreaterThanOrEqual" => Test(BinaryOperatorKind.GreaterThanOrEqual),
            "ThrowIfLessThan" => Test(BinaryOperatorKind.LessThan),
            "ThrowIfLessThanOrEqual" => Test(BinaryOperatorKind.LessThanOrEqual),
            _ => throw EvaluationException.Unsupported(at, $"'{name}' cannot be evaluated during the build"),
        };
        bool Test(BinaryOperatorKind kind) => Truth(Arithmetic(kind, values[0], values[1], at), at);
        return fails ? throw EvaluationException.Unsupported(at, "this guard throws for the given arguments; give others in [Model(...)]") : null;
    }

    private object? CallMath(string name, string type, object?[] values, SyntaxNode at)
    {
        if (values.All(static value => value is Dim) && name is "Max" or "Min" or "Abs" or "Clamp" or "DivRem" or "Sign")
        {
            if (name is "Max" or "Min" && ((Dim)values[0]! - (Dim)values[1]!).Constant is long difference)
            {
                return difference >= 0 == (name == "Max") ? values[0] : values[1];
            }

            if (values.All(static value => value is Dim { Constant: not null }))
            {
                long[] known = [.. values.Select(static value => ((Dim)value!).Constant!.Value)];
                return name switch
                {
                    "Abs" => (Dim)Math.Abs(known[0]),
                    "Sign" => (Dim)Math.Sign(known[0]),
                    "Clamp" => (Dim)Math.Min(Math.Max(known[0], known[1]), known[2]),
                    _ => new SymList([(Dim)(known[0] / known[1]), (Dim)(known[0] % known[1])]),
                };
            }

            throw EvaluationException.DataDependent(at, $"Math.{name} of sizes that are known only when the model runs; give them as numbers in [Shape]");
        }

        double[] numbers = [.. values.Select(value => value is SymEnum ? 0 : AsDouble(value, at))];
        double x = numbers[0];
        double result = (name, numbers.Length) switch
        {
            ("Sqrt", 1) => Math.Sqrt(x),
            ("Cbrt", 1) => CubeRoot(x),
            ("Pow", 2) => Math.Pow(x, numbers[1]),
            ("Exp", 1) => Math.Exp(x),
            ("Log", 1) => Math.Log(x),
            ("Log", 2) => Math.Log(x, numbers[1]),
            ("Log2", 1) => Log2(x),
            ("Log10", 1) => Math.Log10(x),
            ("Sin", 1) => Math.Sin(x),
            ("Cos", 1) => Math.Cos(x),
            ("Tan", 1) => Math.Tan(x),
            ("Tanh", 1) => Math.Tanh(x),
            ("Atan", 1) => Math.Atan(x),
            ("Atan2", 2) => Math.Atan2(x, numbers[1]),
            ("Abs", 1) => Math.Abs(x),
            ("Sign", 1) => Math.Sign(x),
            ("Floor", 1) => Math.Floor(x),
            ("Ceiling", 1) => Math.Ceiling(x),
            ("Truncate", 1) => Math.Truncate(x),
            ("Round", 1) => Math.Round(x),
            ("Round", 2) when values[1] is SymEnum { Member: string mode } => mode switch
            {
                "AwayFromZero" => Math.Round(x, MidpointRounding.AwayFromZero),
                "ToEven" => Math.Round(x),
                "ToZero" => Math.Truncate(x),
                "ToNegativeInfinity" => Math.Floor(x),
                "ToPositiveInfinity" => Math.Ceiling(x),
                _ => throw EvaluationException.Unsupported(at, $"Math.Round with the mode {mode} cannot be evaluated during the build"),
            },
            ("Round", 2) when type == "System.MathF" => RoundSingle((float)x, (int)numbers[1]),
            ("Round", 2) => Math.Round(x, (int)numbers[1]),
            ("Max", 2) => Math.Max(x, numbers[1]),
            ("Min", 2) => Math.Min(x, numbers[1]),
            ("Clamp", 3) => Math.Min(Math.Max(x, numbers[1]), numbers[2]),
            ("ReciprocalSqrtEstimate", _) or _ => throw EvaluationException.Unsupported(at, $"Math.{name} cannot be evaluated during the build"),
        };
        return type == "System.MathF" ? (double)(float)result : name == "Sign" ? (Dim)(long)result : result;
    }

    /// <summary>Rounds as .NET does for float: scaled, rounded and scaled back in single precision.</summary>
    private static double RoundSingle(float value, int digits)
    {
        float power = (float)Math.Pow(10, digits);
        return Math.Abs(value) < 1e8f ? (float)((float)Math.Round((float)(value * power)) / power) : value;
    }

    /// <summary>The type of a value, where that is certain.</summary>
    private SymType TypeOf(object? value, SyntaxNode at)
    {
        ITypeSymbol? type = value switch
        {
            SymObject instance => instance.Type,
            SymModule layer => cache.TypeOf("TorchSharp.Modules." + layer.Definition.Name),
            SymUnknownModule layer => cache.TypeOf("TorchSharp.Modules." + layer.Name),
            SymContainer container => ContainerType(container),
            string => cache.Compilation.GetSpecialType(SpecialType.System_String),
            bool => cache.Compilation.GetSpecialType(SpecialType.System_Boolean),
            _ => null,
        };
        return type is not null ? new SymType(type.ToDisplayString(), type)
            : value is SymModule { Definition.Name: var name } ? new SymType("TorchSharp.Modules." + name, null)
            : throw EvaluationException.Unsupported(at, $"the exact type of {DescribeValue(value)} is not known during the build");
    }

    /// <summary>Exact for cubes, as .NET's own (which .NET Standard lacks) is.</summary>
    private static double CubeRoot(double x)
    {
        double root = Math.Sign(x) * Math.Pow(Math.Abs(x), 1.0 / 3);
        double whole = Math.Round(root);
        return whole * whole * whole == x ? whole : root;
    }

    /// <summary>Exact for powers of two, as .NET's own (which .NET Standard lacks) is.</summary>
    private static double Log2(double x)
    {
        double logarithm = Math.Log(x, 2);
        double whole = Math.Round(logarithm);
        return Math.Abs(whole) < 1000 && Math.Pow(2, whole) == x ? whole : logarithm;
    }

    /// <summary>Static methods of the number types.</summary>
    private object? CallNumber(IMethodSymbol method, object?[] values, SyntaxNode at)
    {
        double first = AsDouble(values[0], at);
        return method.Name switch
        {
            "IsNaN" => double.IsNaN(first),
            "IsInfinity" => double.IsInfinity(first),
            "IsPositiveInfinity" => double.IsPositiveInfinity(first),
            "IsNegativeInfinity" => double.IsNegativeInfinity(first),
            "IsFinite" => !double.IsNaN(first) && !double.IsInfinity(first),
            "IsNegative" => first < 0,
            "IsEvenInteger" => first % 2 == 0,
            "IsOddInteger" => Math.Abs(first % 2) == 1,
            "Max" or "Min" or "Abs" or "Sqrt" or "Pow" or "Exp" or "Log" or "Floor" or "Ceiling" or "Round" or "Sin" or "Cos" or "Tanh" or "Clamp" or "Sign" =>
                CallMath(method.Name, method.ContainingType.SpecialType == SpecialType.System_Single ? "System.MathF" : "System.Math", values, at),
            _ => throw EvaluationException.Unsupported(at, $"{method.ContainingType.Name}.{method.Name} cannot be evaluated during the build"),
        };
    }

    /// <summary>What reflection finds in a type: enough to ask whether a member is there.</summary>
    private static object? Members(ITypeSymbol type, string method, string name)
    {
        bool found = type.GetMembers(name).Any(static member => member.DeclaredAccessibility == Accessibility.Public);
        var handle = new SymOpaque("a member found by reflection");
        return method == "GetMember" ? new SymList(found ? [handle] : []) : found ? handle : null;
    }

    private object? CallString(string name, object?[] values, SyntaxNode at) => name switch
    {
        "IsNullOrEmpty" => values[0] is null or "",
        "IsNullOrWhiteSpace" => values[0] is null || values[0] is string text && text.Trim().Length == 0,
        "Join" => string.Join(Text(values[0], "", at), (values.Length == 2 && values[1] is SymList list ? list.Items : [.. values.Skip(1)]).Select(value => Text(value, "", at))),
        "Concat" => string.Concat(values.SelectMany(value => value is SymList list ? list.Items : [value]).Select(value => Text(value, "", at))),
        "Format" when values[0] is string format => string.Format(CultureInfo.InvariantCulture, format, [.. values.Skip(1).SelectMany(value => value is SymList list ? list.Items : [value]).Select(value => Clr(value, at))]),
        "Equals" => string.Equals(KnownText(values[0], at), KnownText(values[1], at), values.Length > 2 ? Comparison(values[2], at) : StringComparison.Ordinal),
        _ => throw EvaluationException.Unsupported(at, $"string.{name} cannot be evaluated during the build"),
    };

    /// <summary>A value as an argument of string.Format.</summary>
    private object? Clr(object? value, SyntaxNode at) => value switch
    {
        Dim { Constant: long whole } => whole,
        double number when Text(number, "", at) is not null => number,
        bool or char or string or null => value,
        _ => Text(value, "", at),
    };

    private static string? KnownText(object? value, SyntaxNode at) =>
        value is null or string ? (string?)value : throw EvaluationException.Unsupported(at, $"{DescribeValue(value)} has no text that is known during the build");

    private static StringComparison Comparison(object? value, SyntaxNode at) =>
        value is SymEnum { Type: nameof(StringComparison), Member: var member } && Enum.TryParse(member, out StringComparison comparison)
            ? comparison
            : throw EvaluationException.DataDependent(at, "how to compare this text must be known during the build");

    private object? CallText(string text, string name, object?[] values, SyntaxNode at)
    {
        int Number(int index) => values[index] is Dim { Constant: long whole } ? (int)whole : throw EvaluationException.DataDependent(at, "the position must be known during the build");
        string first = values.Length > 0 && values[0] is string or char ? Text(values[0], "", at) : "";
        bool isText = values.Length > 0 && values[0] is string or char;
        char[] letters = values is [SymList set] ? [.. set.Items.OfType<char>()] : values is [char letter] ? [letter] : [];
        return (name, values.Length) switch
        {
            ("ToLower" or "ToLowerInvariant", 0) => text.ToLowerInvariant(),
            ("ToUpper" or "ToUpperInvariant", 0) => text.ToUpperInvariant(),
            ("Trim", 0 or 1) => text.Trim(letters),
            ("TrimStart", 0 or 1) => text.TrimStart(letters),
            ("TrimEnd", 0 or 1) => text.TrimEnd(letters),
            ("Equals", 2) => string.Equals(text, KnownText(values[0], at), Comparison(values[1], at)),
            ("StartsWith", 1) when isText => text.StartsWith(first, StringComparison.Ordinal),
            ("StartsWith", 2) when isText => text.StartsWith(first, Comparison(values[1], at)),
            ("EndsWith", 1) when isText => text.EndsWith(first, StringComparison.Ordinal),
            ("EndsWith", 2) when isText => text.EndsWith(first, Comparison(values[1], at)),
            ("Contains", 1) when isText => text.IndexOf(first, StringComparison.Ordinal) >= 0,
            ("Contains", 2) when isText => text.IndexOf(first, Comparison(values[1], at)) >= 0,
            ("IndexOf", 1) when isText => (Dim)text.IndexOf(first, StringComparison.Ordinal),
            ("IndexOf", 2) when isText && values[1] is Dim => (Dim)text.IndexOf(first, Number(1), StringComparison.Ordinal),
            ("IndexOf", 2) when isText => (Dim)text.IndexOf(first, Comparison(values[1], at)),
            ("LastIndexOf", 1) when isText => (Dim)text.LastIndexOf(first, StringComparison.Ordinal),
            ("Replace", 2) when isText => text.Replace(first, Text(values[1], "", at)),
            ("Substring", 1) => text.Substring(Number(0)),
            ("Substring", 2) => text.Substring(Number(0), Number(1)),
            ("Insert", 2) => text.Insert(Number(0), Text(values[1], "", at)),
            ("Remove", 1) => text.Remove(Number(0)),
            ("Remove", 2) => text.Remove(Number(0), Number(1)),
            ("Split", >= 1) => Split(text, values, at),
            ("ToCharArray", 0) => new SymList(text.Select(static c => (object?)c)),
            ("PadLeft", 1 or 2) when Number(0) <= MaxElements => text.PadLeft(Number(0), values.Length > 1 && values[1] is char pad ? pad : ' '),
            ("PadRight", 1 or 2) when Number(0) <= MaxElements => text.PadRight(Number(0), values.Length > 1 && values[1] is char pad ? pad : ' '),
            _ => throw EvaluationException.Unsupported(at, $"string.{name} cannot be evaluated during the build with these arguments"),
        };
    }

    /// <summary>Split by a text, a letter or a set of them, with a largest count and options where they are given.</summary>
    private SymList Split(string text, object?[] values, SyntaxNode at)
    {
        string[] separators = [.. (values[0] is SymList several ? several.Items : [values[0]]).Select(separator => Text(separator, "", at))];
        long count = int.MaxValue;
        long options = 0;
        foreach (object? value in values.Skip(1))
        {
            switch (value)
            {
                case Dim { Constant: long number }:
                    count = number;
                    break;
                case SymEnum { Type: nameof(StringSplitOptions), Value: Dim { Constant: long flags } }:
                    options = flags;
                    break;
                default:
                    throw EvaluationException.Unsupported(at, "string.Split cannot be evaluated during the build with these arguments");
            }
        }

        // TrimEntries (2) came with .NET 5 and counts before empty entries are removed; the runtime that this code is written for lacks it.
        if (options is not (0 or 1) && count != int.MaxValue)
        {
            throw EvaluationException.Unsupported(at, "string.Split with a count and TrimEntries cannot be evaluated during the build");
        }

        IEnumerable<string> parts = text.Split(separators, (int)count, options == 1 ? StringSplitOptions.RemoveEmptyEntries : StringSplitOptions.None);
        if ((options & 2) != 0)
        {
            parts = parts.Select(static part => part.Trim()).Where(part => (options & 1) == 0 || part.Length > 0);
        }

        return new SymList(parts);
    }

    /// <summary>Questions about letters.</summary>
    private static object? CallLetter(string name, char letter, SyntaxNode at) => name switch
    {
        "IsUpper" => char.IsUpper(letter),
        "IsLower" => char.IsLower(letter),
        "IsDigit" or "IsAsciiDigit" => char.IsDigit(letter) && (name == "IsDigit" || letter < 128),
        "IsLetter" => char.IsLetter(letter),
        "IsAsciiLetter" => char.IsLetter(letter) && letter < 128,
        "IsLetterOrDigit" => char.IsLetterOrDigit(letter),
        "IsWhiteSpace" => char.IsWhiteSpace(letter),
        "ToUpper" or "ToUpperInvariant" => char.ToUpperInvariant(letter),
        "ToLower" or "ToLowerInvariant" => char.ToLowerInvariant(letter),
        "GetNumericValue" => char.GetNumericValue(letter),
        "ToString" => letter.ToString(),
        _ => throw EvaluationException.Unsupported(at, $"char.{name} cannot be evaluated during the build"),
    };

    private static SymFunction FunctionOf(object? value, SyntaxNode at) =>
        value as SymFunction ?? throw EvaluationException.Unsupported(at, $"this call needs a function that is known during the build, not {DescribeValue(value)}");

    private object? CallList(SymList list, IMethodSymbol method, object?[] values, SyntaxNode at)
    {
        string name = method.Name;
        if (list.Frozen && name is "Add" or "AddRange" or "Insert" or "Clear" or "Remove" or "RemoveAt" or "Reverse" or "Sort" or "Enqueue" or "Push" or "Pop" or "Dequeue" or "InsertRange" or "SetValue")
        {
            throw EvaluationException.Unsupported(at, StateWrite);
        }

        int Number(int index) => values[index] is Dim { Constant: long whole } ? (int)whole : throw EvaluationException.DataDependent(at, "the position must be known during the build");
        switch (name)
        {
            case "Add" when list.Kind == ListKind.Set:
                bool isNew = !list.Items.Any(item => Same(item, values[0], at));
                if (isNew && list.HasGap)
                {
                    throw EvaluationException.Unsupported(at, "the order of a HashSet after Remove and Add is not followed during the build; make a new one, or use a List");
                }

                if (isNew)
                {
                    list.Items.Add(values[0]);
                }

                return isNew;
            case "Push":
                list.Items.Insert(0, values[0]);
                return null;
            case "Peek" when list.Items.Count > 0:
                return list.Items[0];
            case "Add" or "Enqueue":
                list.Items.Add(values[0]);
                return null;
            case "AddRange" when list.Items.Count <= MaxElements:
                list.Items.AddRange(Elements(values[0], at));
                return null;
            case "Insert":
                list.Items.Insert(Number(0), values[1]);
                return null;
            case "Clear":
                list.Items.Clear();
                list.HasGap = false;
                return null;
            case "RemoveAt":
                list.Items.RemoveAt(Number(0));
                return null;
            case "Remove":
                int found = list.Items.FindIndex(item => Same(item, values[0], at));
                if (found >= 0)
                {
                    list.Items.RemoveAt(found);
                    list.HasGap = list.Kind == ListKind.Set;
                }

                return found >= 0;
            case "Reverse" when values.Length == 0:
                list.Items.Reverse();
                return null;
            case "Pop" or "Dequeue" when list.Items.Count > 0:
                object? taken = list.Items[0];
                list.Items.RemoveAt(0);
                return taken;
            case "Contains":
                return list.Items.Any(item => Same(item, values[0], at));
            case "IndexOf":
                return (Dim)list.Items.FindIndex(item => Same(item, values[0], at));
            case "AsSpan" or "AsEnumerable" or "AsReadOnly" when values.Length == 0:
                return list;
            case "ToArray" or "ToList" or "Clone" or "GetEnumerator":
                return new SymList(list.Items);
            case "GetLength" or "GetUpperBound" when Number(0) is >= 0 and var dimension && dimension < list.Rank:
                SymList rows = list;
                for (int outer = 0; outer < dimension; outer++)
                {
                    rows = rows.Items.Count > 0 ? (SymList)rows.Items[0]! : throw EvaluationException.Unsupported(at, "the length of a dimension of an empty array is not followed during the build");
                }

                return (Dim)(rows.Items.Count - (name == "GetLength" ? 0 : 1));
            case "Sort" when values.Length == 0:
                object?[] sorted = [.. list.Items.OrderBy(item => AsDouble(item, at))];
                list.Items.Clear();
                list.Items.AddRange(sorted);
                return null;
            case "GetRange":
                return new SymList(list.Items.GetRange(Number(0), Number(1)));
            case "ForEach":
                list.Items.ToList().ForEach(item => CallFunction(FunctionOf(values[0], at), [item], at));
                return null;
            case "Exists" or "TrueForAll" or "Find" or "FindIndex" or "ConvertAll" or "FindAll":
                return Query(name switch { "Exists" => "Any", "TrueForAll" => "All", "Find" => "FirstOrDefault", "ConvertAll" => "Select", "FindAll" => "Where", _ => name }, list.Items, values, at, name == "Find" ? method.ContainingType.TypeArguments.FirstOrDefault() ?? method.TypeArguments.FirstOrDefault() : null);
            case "Equals" when values[0] is SymList other:
                return Same(list, other, at);
            default:
                throw EvaluationException.Unsupported(at, $"'{name}' of a list cannot be evaluated during the build");
        }
    }

    /// <summary>Static methods of <c>Array</c>.</summary>
    private object? CallArray(IMethodSymbol method, object?[] values, SyntaxNode at)
    {
        if (method.Name == "Empty")
        {
            return new SymList([]);
        }

        if (values.ElementAtOrDefault(0) is not SymList { Rank: 1 } array)
        {
            throw EvaluationException.Unsupported(at, $"'Array.{method.Name}' cannot be evaluated during the build with these arguments");
        }

        if (method.Name is "Fill" or "Reverse" or "Sort" or "Clear" && array.Frozen || (method.Name == "Copy" && values.ElementAtOrDefault(1) is SymList { Frozen: true }))
        {
            throw EvaluationException.Unsupported(at, StateWrite);
        }

        void Replace(IEnumerable<object?> items)
        {
            object?[] replacing = [.. items];
            array.Items.Clear();
            array.Items.AddRange(replacing);
        }

        switch (method.Name, values.Length)
        {
            case ("IndexOf", 2):
                return (Dim)array.Items.FindIndex(item => Same(item, values[1], at));
            case ("Exists" or "TrueForAll" or "Find" or "FindIndex" or "FindAll" or "ConvertAll", 2):
                return CallList(array, method, [values[1]], at);
            case ("Fill", 2):
                Replace(Enumerable.Repeat(CopyOf(values[1], null), array.Items.Count));
                return null;
            case ("Reverse", 1):
                array.Items.Reverse();
                return null;
            case ("Sort", 1):
                Replace(array.Items.OrderBy(item => AsDouble(item, at)));
                return null;
            case ("Copy", 3) when values[1] is SymList target && values[2] is Dim { Constant: >= 0 and long count } && count <= array.Items.Count && count <= target.Items.Count:
                for (int i = 0; i < count; i++)
                {
                    target.Items[i] = array.Items[i];
                }

                return null;
            default:
                throw EvaluationException.Unsupported(at, $"'Array.{method.Name}' cannot be evaluated during the build with these arguments");
        }
    }

    private object? CallDictionary(SymDictionary dictionary, IMethodSymbol method, object?[] values, SyntaxNode at, WriteBack? after)
    {
        if (dictionary.Frozen && method.Name is "Add" or "TryAdd" or "Remove" or "Clear")
        {
            throw EvaluationException.Unsupported(at, StateWrite);
        }

        switch (method.Name)
        {
            case "Add" when values[0] is SymList { Items: [{ } pairKey, var pairValue] } && values.Length == 1:
                AddEntry(dictionary, pairKey, pairValue, at);
                return null;
            case "Add" when values[0] is { } key:
                AddEntry(dictionary, key, values[1], at);
                return null;
            case "TryAdd" when values[0] is { } key:
                bool added = !dictionary.TryGet(Key(key, at), out _);
                if (added)
                {
                    SetEntry(dictionary, key, values[1], at);
                }

                return added;
            case "ContainsKey" when values[0] is { } key:
                return dictionary.TryGet(Key(key, at), out _);
            case "GetValueOrDefault" when values[0] is { } key:
                return dictionary.TryGet(Key(key, at), out object? value) ? value : values.Length > 1 ? values[1] : Default(method.ReturnType, at);
            case "TryGetValue" when values[0] is { } key:
                bool present = dictionary.TryGet(Key(key, at), out object? got);
                got = present ? got : Default(method.Parameters[1].Type, at);
                var frame = new Frame(null, null);
                frame.Declare(method.OriginalDefinition.Parameters[1], got);
                after?.Invoke(frame, method.OriginalDefinition.Parameters);
                return present;
            case "Remove" when values[0] is { } key:
                bool removed = dictionary.Items.RemoveAll(pair => SymDictionary.SameKey(pair.Key, Key(key, at))) > 0;
                dictionary.HasGap |= removed;
                return removed;
            case "Clear":
                dictionary.HasGap = false;
                dictionary.Items.Clear();
                return null;
            default:
                throw EvaluationException.Unsupported(at, $"'{method.Name}' of a dictionary cannot be evaluated during the build");
        }
    }

    /// <summary>Adds an entry as <c>Add</c> does, which throws for a key that is there.</summary>
    private static void AddEntry(SymDictionary dictionary, object? key, object? value, SyntaxNode at)
    {
        if (key is null || dictionary.TryGet(Key(key, at), out _))
        {
            throw EvaluationException.Unsupported(at, key is null ? "a dictionary has no key null" : "the dictionary has an entry of this key already, so this throws");
        }

        SetEntry(dictionary, key, value, at);
    }

    private object? CallContainer(SymContainer container, IMethodSymbol method, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at, WriteBack? after)
    {
        switch (method.Name)
        {
            case "ContainsKey":
                return container.Items.Exists(pair => pair.Key.Equals(arguments[0].Value));
            case "TryGetValue":
                int index = container.Items.FindIndex(pair => pair.Key.Equals(arguments[0].Value));
                var frame = new Frame(null, null);
                frame.Declare(method.OriginalDefinition.Parameters[1], index < 0 ? null : container.Items[index].Value);
                after?.Invoke(frame, method.OriginalDefinition.Parameters);
                return index >= 0;
            case "ToArray" or "ToList" or "GetEnumerator":
                return new SymList(Elements(container, at));
            default:
                return ModuleMethod(container, method, arguments, at);
        }
    }

    private object? CallLinq(IMethodSymbol method, object?[] values, SyntaxNode at) => method.Name switch
    {
        "Range" when values is [Dim { Constant: long start }, Dim { Constant: >= 0 and <= MaxElements and long count }] => new SymList(Enumerable.Range(0, (int)count).Select(index => (object?)(Dim)(start + index))),
        "Repeat" when values is [_, Dim { Constant: >= 0 and <= MaxElements and long count }] => new SymList(Enumerable.Repeat(values[0], (int)count)),
        "Empty" => new SymList([]),
        "Range" or "Repeat" when values.LastOrDefault() is Dim { Constant: long outside } => throw EvaluationException.Unsupported(at, $"Enumerable.{method.Name} cannot give {Compiler.Invariant.Text(outside)} elements during the build"),
        "Range" or "Repeat" => throw EvaluationException.DataDependent(at, $"the length of Enumerable.{method.Name} is known only when the model runs"),
        "OfType" => new SymList(Elements(values[0], at).Where(item => HasType(item, method.TypeArguments[0], null, new Frame(null, null), at))),
        "Select" or "SelectMany" or "Where" or "Concat" or "Append" or "Prepend" or "Skip" or "Take" or "SkipLast" or "TakeLast" or "Reverse" or "Distinct" or "Zip" or "OrderBy" or "OrderByDescending" or "Order" or "OrderDescending" or "TakeWhile" or "SkipWhile" or "Chunk" or "Cast"
            or "AsEnumerable" when values[0] is not null =>
            new SymSequence(() => Elements(Query(method.Name, Elements(values[0], at), [.. values.Skip(1)], at), at), Interleaves(method.Name, values, at)),
        "ToList" or "ToArray" or "ToHashSet" or "Sum" or "Count" or "Max" or "Min" or "Average" or "Last" when values.Length == 1 => Finished(method, Query(method.Name, Elements(values[0], at), [], at)),
        _ => Finished(method, Query(method.Name, Interleaves(method.Name, values, at) && values[0] is SymSequence { HasEffects: true } ? throw Effects(at) : Elements(values[0], at), [.. values.Skip(1)], at, method.TypeArguments.FirstOrDefault())),
    };

    /// <summary>Sums and means of float are computed in double and rounded at the end.</summary>
    private static object? Finished(IMethodSymbol method, object? result) => Unwrap(method.ReturnType)?.SpecialType switch
    {
        SpecialType.System_Single when result is double number => (double)(float)number,
        SpecialType.System_Double or SpecialType.System_Single when result is Dim { Constant: long whole } => (double)whole,
        _ => result,
    };

    /// <summary>Whether a query has effects. Two parts with effects take turns for each element, which is not how they are run here.</summary>
    private bool Interleaves(string name, object?[] values, SyntaxNode at)
    {
        bool source = values.OfType<SymSequence>().Any(static sequence => sequence.HasEffects);
        bool own = values.OfType<SymFunction>().Any(function => (function.Code?.Syntax ?? function.Body ?? FindBody(function.Method)) is { } body && Syntax.ChangesOthers(body));
        return source && (own || name is "Take" or "TakeWhile" or "Zip" or "First" or "FirstOrDefault" or "Any" or "All" or "Contains" or "ElementAt") ? throw Effects(at) : source || own;
    }

    private static EvaluationException Effects(SyntaxNode at) => EvaluationException.Unsupported(
        at, "the functions of this query change variables while somebody runs through it, in an order that is not followed during the build; write a loop, or call ToList() on each part");

    private object? Query(string name, IReadOnlyList<object?> items, object?[] values, SyntaxNode at, ITypeSymbol? element = null)
    {
        SymFunction? function = values.FirstOrDefault(static value => value is SymFunction) as SymFunction;
        object? Run(object? item, int index) => function is null ? item : CallFunction(function, function.Method.Parameters.Length == 2 ? [item, (Dim)index] : [item], at);
        bool Holds(object? item, int index) => function is null || Truth(Run(item, index), at);
        int Number() => values[0] is Dim { Constant: long whole } ? (int)whole : throw EvaluationException.DataDependent(at, "the number of elements must be known during the build");
        object? Absent() => values.LastOrDefault() is var last && values.Length > (function is null ? 0 : 1) ? last : Default(element, at);
        object? Missing() => throw EvaluationException.Unsupported(at, $"{name}: the sequence has no such element");
        switch (name)
        {
            case "Select":
                return new SymList(items.Select(Run).ToArray());
            case "SelectMany" when values.Length == 2:
                SymFunction pair = FunctionOf(values[1], at);
                return new SymList(items.SelectMany((item, index) => Elements(Run(item, index), at).Select(inner => CallFunction(pair, [item, inner], at))).ToArray());
            case "SelectMany":
                return new SymList(items.Select(Run).SelectMany(result => Elements(result, at)).ToArray());
            case "Where":
                return new SymList(items.Where((item, index) => Holds(item, index)).ToArray());
            case "ToHashSet" when values.Length == 0:
                return SetOf(items, at);
            case "ToList" or "ToArray" or "AsEnumerable" or "Cast":
                return new SymList(items);
            case "ToDictionary":
                var dictionary = new SymDictionary();
                foreach (object? item in items)
                {
                    AddEntry(dictionary, CallFunction(FunctionOf(values[0], at), [item], at), values.Length > 1 && values[1] is SymFunction value ? CallFunction(value, [item], at) : item, at);
                }

                return dictionary;
            case "Any":
                return function is null ? items.Count > 0 : items.Select(Run).Any(result => Truth(result, at));
            case "All":
                return items.Select(Run).All(result => Truth(result, at));
            case "Count" or "LongCount":
                return (Dim)items.Where((item, index) => Holds(item, index)).Count();
            case "Sum":
                return items.Select(Run).Aggregate((object?)null, (sum, next) => sum is null ? next : Arithmetic(BinaryOperatorKind.Add, sum, next, at)) ?? Dim.Zero;
            case "Max" or "Min" when items.Count > 0:
                return items.Select(Run).Aggregate((best, next) => CallMath(name, "System.Math", [best, next], at));
            case "Average" when items.Count > 0:
                return items.Select(Run).Average(value => AsDouble(value, at));
            case "Aggregate":
                return values.Length == 1
                    ? items.Aggregate((sum, next) => CallFunction(function!, [sum, next], at))
                    : values.Skip(2).Aggregate(
                        items.Aggregate(values[0], (sum, next) => CallFunction(FunctionOf(values[1], at), [sum, next], at)),
                        (sum, result) => CallFunction(FunctionOf(result, at), [sum], at));
            case "Single" or "SingleOrDefault" when items.Where((item, index) => Holds(item, index)).Skip(1).Any():
                throw EvaluationException.Unsupported(at, $"{name}: the sequence has several such elements, so this throws");
            case "First" or "Single":
                int position = items.ToList().FindIndex(item => Holds(item, 0));
                return position < 0 ? Missing() : items[position];
            case "FirstOrDefault" or "SingleOrDefault":
                return items.Where((item, index) => Holds(item, index)).DefaultIfEmpty(Absent()).First();
            case "Last":
                return items.Count == 0 ? Missing() : items.Where((item, index) => Holds(item, index)).Last();
            case "LastOrDefault":
                return items.Where((item, index) => Holds(item, index)).DefaultIfEmpty(Absent()).Last();
            case "FindIndex":
                return (Dim)items.ToList().FindIndex(item => Holds(item, 0));
            case "Skip":
                return new SymList(items.Skip(Number()));
            case "Take":
                return new SymList(items.Take(Number()));
            case "TakeWhile" or "SkipWhile":
                int kept = items.ToList().FindIndex(item => !Holds(item, 0));
                kept = kept < 0 ? items.Count : kept;
                return new SymList(name == "TakeWhile" ? items.Take(kept) : items.Skip(kept));
            case "MaxBy" or "MinBy" when items.Count > 0 && values.Length == 1:
                (object? Item, double Key)[] candidates = [.. items.Select((item, index) => (item, AsDouble(Run(item, index), at)))];
                double extreme = name == "MaxBy" ? candidates.Max(static candidate => candidate.Key) : candidates.Min(static candidate => candidate.Key);
                return candidates.First(candidate => candidate.Key == extreme).Item;
            case "Order" or "OrderDescending" when values.Length == 0:
                return Query(name == "Order" ? "OrderBy" : "OrderByDescending", items, values, at);
            case "SkipLast":
                return new SymList(items.Take(Math.Max(0, items.Count - Number())));
            case "TakeLast":
                return new SymList(items.Skip(Math.Max(0, items.Count - Number())));
            case "Reverse":
                return new SymList(items.Reverse());
            case "Union" when values.Length == 1:
                return new SymList(SetOf(items.Concat(Elements(values[0], at)), at).Items);
            case "Concat":
                return new SymList(items.Concat(Elements(values[0], at)));
            case "Append":
                return new SymList(items.Append(values[0]));
            case "Prepend":
                return new SymList(items.Prepend(values[0]));
            case "Contains":
                return items.Any(item => Same(item, values[0], at));
            case "SequenceEqual":
                return Same(new SymList(items), new SymList(Elements(values[0], at)), at);
            case "ElementAt":
                return Number() is int place && place >= 0 && place < items.Count ? items[place] : Missing();
            case "Distinct" when values.Length == 0:
                return new SymList(SetOf(items, at).Items);
            case "Zip" when values.Length == 1:
                return new SymList(items.Zip(Elements(values[0], at), static (a, b) => (object?)new SymList([a, b])).ToArray());
            case "Zip":
                return new SymList(items.Zip(Elements(values[0], at), (a, b) => CallFunction(FunctionOf(values[1], at), [a, b], at)).ToArray());
            case "OrderBy" or "OrderByDescending":
                IEnumerable<(object? Item, double Key)> keyed = items.Select((item, index) => (item, key: AsDouble(Run(item, index), at))).ToArray();
                return values.Length > 1 || values is [not SymFunction]
                    ? throw EvaluationException.Unsupported(at, $"{name} with a comparer of its own cannot be evaluated during the build")
                    : new SymList((name == "OrderBy" ? keyed.OrderBy(static pair => pair.Key) : keyed.OrderByDescending(static pair => pair.Key)).Select(static pair => pair.Item).ToArray());
            case "Chunk":
                int size = Math.Max(1, Number());
                return new SymList(Enumerable.Range(0, (items.Count + size - 1) / size).Select(part => (object?)new SymList(items.Skip(part * size).Take(size))));
            default:
                throw EvaluationException.Unsupported(at, $"LINQ's {name} cannot be evaluated during the build");
        }
    }
}
