using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Generator.Evaluation;

namespace ModelGen.Generator.Parsing;

/// <summary>The arguments of a layer attribute: as values for the graph, and as C# text for the eager module's constructor.</summary>
internal sealed class LayerArguments
{
    // Defaults of the attribute properties, which attribute data does not carry. A test compares them with the attributes themselves.
    private static readonly Dictionary<string, object?> Defaults = new(StringComparer.Ordinal)
    {
        ["Stride"] = 1L,
        ["Padding"] = 0L,
        ["Dilation"] = 1L,
        ["Groups"] = 1L,
        ["Bias"] = true,
        ["Epsilon"] = 1e-5,
        ["Momentum"] = 0.1,
        ["Dimensions"] = 1L,
        ["Causal"] = false,
        ["Dropout"] = 0.0,
        ["Probability"] = 0.5,
        ["Init"] = new SymEnum("ParameterInit", "Zeros", 0),
        ["StandardDeviation"] = 0.02,
    };

    private readonly Dictionary<string, object?> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> texts = new(StringComparer.Ordinal);

    /// <summary>All defaults, for the test that compares them with the attribute classes.</summary>
    public static IReadOnlyDictionary<string, object?> AllDefaults => Defaults;

    /// <summary>C# text of every argument, sorted by name.</summary>
    public EquatableArray<KeyValuePair<string, string>> Texts => texts.OrderBy(static pair => pair.Key, StringComparer.Ordinal).ToEquatableArray();

    /// <summary>A value: long, long[], double, bool, string, <see cref="SymEnum"/> or null.</summary>
    public object? Value(string name) => values.TryGetValue(name, out object? value) ? value : null;

    /// <summary>Reads an attribute.</summary>
    /// <param name="attribute">The attribute.</param>
    /// <param name="variable">Value of a name in a string expression; null to read the text only (blocks).</param>
    /// <param name="at">Where faults are reported.</param>
    public static LayerArguments Read(AttributeData attribute, Func<string, object?>? variable, SyntaxNode at)
    {
        var result = new LayerArguments();
        foreach (KeyValuePair<string, object?> pair in Defaults)
        {
            bool poolStride = pair.Key == "Stride" && attribute.AttributeClass!.Name.Contains("Pool");
            result.Set(pair.Key, poolStride ? null : pair.Value, poolStride ? null : pair.Value, variable, at);
        }

        for (int i = 0; i < attribute.ConstructorArguments.Length; i++)
        {
            string name = attribute.AttributeConstructor!.Parameters[i].Name;
            object? value = FromConstant(attribute.ConstructorArguments[i]);
            result.Set(char.ToUpperInvariant(name[0]) + name.Substring(1), value, value, variable, at);
        }

        foreach (KeyValuePair<string, TypedConstant> argument in attribute.NamedArguments)
        {
            object? value = FromConstant(argument.Value);
            result.Set(argument.Key, value, value, variable, at);
        }

        return result;
    }

    private static object? FromConstant(TypedConstant constant)
    {
        if (constant.Kind == TypedConstantKind.Array)
        {
            return constant.Values.Select(FromConstant).ToArray();
        }

        if (constant.Kind == TypedConstantKind.Enum && constant.Type is INamedTypeSymbol type)
        {
            string member = type.GetMembers().OfType<IFieldSymbol>().First(field => Equals(field.ConstantValue, constant.Value)).Name;
            return new SymEnum(type.Name, member, constant.Value);
        }

        return constant.Value switch
        {
            byte or short or int or long => Convert.ToInt64(constant.Value, System.Globalization.CultureInfo.InvariantCulture),
            float or double => Convert.ToDouble(constant.Value, System.Globalization.CultureInfo.InvariantCulture),
            object other => other,
            null => null,
        };
    }

    private void Set(string name, object? value, object? source, Func<string, object?>? variable, SyntaxNode at)
    {
        texts[name] = Text(name, source);
        values[name] = variable is null ? value : Evaluated(name, value, variable, at);
    }

    private static string Text(string name, object? value) => value switch
    {
        null => "null",
        long number => Invariant.Text(number),
        double number => Invariant.Text(number),
        bool flag => Invariant.Text(flag),
        SymEnum member => $"global::ModelGen.{member.Type}.{member.Member}",
        string keyword when IsKeyword(name, keyword) => Invariant.Literal(keyword),
        string expression when name != "Name" => $"({expression})",
        string text => Invariant.Literal(text),
        object?[] items => $"new long[] {{ {string.Join(", ", items.Select(item => Text(name, item)))} }}",
        _ => value.ToString(),
    };

    private static object? Evaluated(string name, object? value, Func<string, object?> variable, SyntaxNode at) => value switch
    {
        string keyword when name == "Name" || IsKeyword(name, keyword) => keyword,
        string expression => Arithmetic(SyntaxFactory.ParseExpression(expression), expression, variable, at),
        object?[] items => items.Select(item => Evaluated(name, item, variable, at) is long number ? number : throw EvaluationException.Unsupported(at, $"{name} must hold whole numbers")).ToArray(),
        _ => value,
    };

    private static bool IsKeyword(string name, string value) => name == "Padding" && value == "same";

    private static long Arithmetic(ExpressionSyntax expression, string text, Func<string, object?> variable, SyntaxNode at)
    {
        long Value(ExpressionSyntax inner) => Arithmetic(inner, text, variable, at);
        return expression switch
        {
            LiteralExpressionSyntax { Token.Value: int number } => number,
            ParenthesizedExpressionSyntax parenthesized => Value(parenthesized.Expression),
            PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus => -Value(minus.Operand),
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum => Value(sum.Left) + Value(sum.Right),
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.SubtractExpression } difference => Value(difference.Left) - Value(difference.Right),
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.MultiplyExpression } product => Value(product.Left) * Value(product.Right),
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.DivideExpression } quotient when Value(quotient.Right) is not 0 and long divisor => Value(quotient.Left) / divisor,
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.ModuloExpression } remainder when Value(remainder.Right) is not 0 and long divisor => Value(remainder.Left) % divisor,
            IdentifierNameSyntax identifier when variable(identifier.Identifier.Text) is Dim { Constant: long known } => known,
            _ => throw EvaluationException.Unsupported(at, $"the layer argument \"{text}\" is not arithmetic on whole numbers and constructor parameters"),
        };
    }
}
