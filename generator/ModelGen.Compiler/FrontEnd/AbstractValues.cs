using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>A tensor during evaluation: a value of the graph being built.</summary>
/// <remarks>An object, as a tensor is in C#: two variables may hold the same one, and an in-place operator gives it another value.</remarks>
internal sealed class SymTensor(int id)
{
    /// <summary>The value in the graph.</summary>
    public int Id { get; set; } = id;
}

/// <summary>An array, list or tuple during evaluation. Whole numbers inside are <see cref="Dim"/>, other numbers double.</summary>
internal sealed class SymList(IEnumerable<object?> items)
{
    public List<object?> Items { get; } = [.. items];
}

/// <summary>An enum member during evaluation.</summary>
internal sealed record SymEnum(string Type, string Member, object? Value);
