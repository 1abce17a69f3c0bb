using Microsoft.CodeAnalysis;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Parsing;

/// <summary>Evaluation met something that the compiler refuses; carries the diagnostic.</summary>
internal sealed class EvaluationException(DiagnosticInfo diagnostic) : Exception
{
    public DiagnosticInfo Diagnostic { get; } = diagnostic;

    public static EvaluationException Unsupported(SyntaxNode node, string message) => new(DiagnosticInfo.At(Descriptors.Unsupported, node, message));
}

/// <summary>A model or block during evaluation.</summary>
internal sealed class ModelInstance(INamedTypeSymbol type, string path)
{
    public INamedTypeSymbol Type { get; } = type;

    /// <summary>State-dict path, empty for the root; assigned when a block is read from its field.</summary>
    public string Path { get; set; } = path;

    /// <summary>Values of fields and constructor parameters, by name.</summary>
    public Dictionary<string, object?> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>State-dict path of a member.</summary>
    public string Child(string key) => Path.Length == 0 ? key : Path + "." + key;
}

/// <summary>A function value: a method, local function or lambda with the frame it was made in.</summary>
internal sealed record SymFunction(IMethodSymbol Method, ModelInstance? Instance, Frame? Captured, SyntaxNode? Body);

/// <summary>Local variables of a call.</summary>
internal sealed class Frame(ModelInstance? instance, Frame? outer)
{
    private readonly Dictionary<ISymbol, object?> variables = new(SymbolEqualityComparer.Default);

    public ModelInstance? Instance { get; } = instance;

    public object? Returned { get; set; }

    public bool TryGet(ISymbol symbol, out object? value) => variables.TryGetValue(symbol, out value) || (outer is not null && outer.TryGet(symbol, out value));

    public void Declare(ISymbol symbol, object? value) => variables[symbol] = value;

    public void Assign(ISymbol symbol, object? value)
    {
        if (!variables.ContainsKey(symbol) && outer is not null && outer.TryGet(symbol, out _))
        {
            outer.Assign(symbol, value);
        }
        else
        {
            variables[symbol] = value;
        }
    }
}

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
    Return,
}
