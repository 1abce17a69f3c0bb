using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ModelGen.Compiler;
using ModelGen.Compiler.Models;

namespace ModelGen.Generator.Diagnostics;

/// <summary>A diagnostic with its position and its arguments as text, so that no symbol is kept alive.</summary>
/// <remarks>The syntax tree is kept, not file and span alone: a trimmed location would bypass <c>#pragma warning disable</c>.</remarks>
internal sealed record DiagnosticInfo(DiagnosticDescriptor Descriptor, SyntaxTree Tree, TextSpan Span, EquatableArray<string> Arguments)
{
    public static DiagnosticInfo At(DiagnosticDescriptor descriptor, SyntaxNode node, params string[] arguments) => new(descriptor, node.SyntaxTree, node.Span, arguments);

    public static DiagnosticInfo At(DiagnosticDescriptor descriptor, SyntaxToken token, params string[] arguments) => new(descriptor, token.SyntaxTree!, token.Span, arguments);

    /// <summary>Reported as a warning although the descriptor says error: the class keeps working without its compiled form.</summary>
    public bool Mild { get; init; }

    /// <summary>The whole message.</summary>
    public string Message => string.Format(System.Globalization.CultureInfo.InvariantCulture, Descriptor.MessageFormat.ToString(System.Globalization.CultureInfo.InvariantCulture), [.. Arguments]);

    public Diagnostic ToDiagnostic() => Diagnostic.Create(
        Descriptor, Location.Create(Tree, Span), Mild ? DiagnosticSeverity.Warning : Descriptor.DefaultSeverity, additionalLocations: null, properties: null, [.. Arguments]);
}

/// <summary>What parsing a class gave: a model, or the reasons why there is none, or warnings beside it.</summary>
internal sealed record ParseResult(ModelSpec? Model, EquatableArray<DiagnosticInfo> Diagnostics)
{
    /// <summary>Where the model's memory budget stands, without a message: whether the plan exceeds it is known once the model is compiled. Null without one.</summary>
    public DiagnosticInfo? Budget { get; init; }
}
