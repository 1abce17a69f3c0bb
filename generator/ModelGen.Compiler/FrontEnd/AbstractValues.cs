namespace ModelGen.Compiler.FrontEnd;

/// <summary>A tensor during evaluation: a value of the graph being built.</summary>
/// <remarks>An object, as a tensor is in C#: two variables may hold the same one, and an in-place operator gives it another value.</remarks>
internal sealed class SymTensor
{
    public SymTensor(int id)
    {
        Id = id;
        Storage.Members.Add(this);
    }

    /// <summary>The value in the graph.</summary>
    public int Id { get; set; }

    /// <summary>The memory that this tensor shares with its views.</summary>
    public SymStorage Storage { get; private set; } = new();

    /// <summary>Why the graph value is out of date: memory that this view shares was overwritten. Null while it is good.</summary>
    public string? Stale { get; set; }

    /// <summary>What the tensor is to the module that owns it; none for results of operators.</summary>
    public WeightKind Weight { get; set; }

    /// <summary>Whether the optimizer moves a parameter.</summary>
    public bool RequiresGrad { get; set; } = true;

    /// <summary>Joins the memory of another tensor: this is a view of it.</summary>
    public SymTensor ViewOf(SymTensor other)
    {
        Storage = other.Storage;
        Storage.Members.Add(this);
        return this;
    }
}

/// <summary>Memory that a tensor and its views share.</summary>
internal sealed class SymStorage
{
    public List<SymTensor> Members { get; } = [];

    /// <summary>Whose memory it is when it must not be overwritten: a model input or a weight; null for results.</summary>
    public string? Owner { get; set; }
}

/// <summary>Ownership of a tensor by a module.</summary>
internal enum WeightKind
{
    None,
    Parameter,
    Buffer,
}

/// <summary>Collections that behave differently from a list.</summary>
internal enum ListKind
{
    /// <summary>Arrays, lists, queues and tuples.</summary>
    List,

    /// <summary>What was pushed last is first.</summary>
    Stack,

    /// <summary>Every element once.</summary>
    Set,
}

/// <summary>An array, list or tuple during evaluation. Whole numbers inside are <see cref="Ir.Dim"/>, other numbers double.</summary>
internal sealed class SymList(IEnumerable<object?> items)
{
    public List<object?> Items { get; } = [.. items];

    /// <summary>The collection whose rules it follows.</summary>
    public ListKind Kind { get; init; }

    /// <summary>Number of dimensions: the rows of an array of several are lists themselves.</summary>
    public int Rank { get; init; } = 1;

    /// <summary>Something was removed from a set: .NET puts the next element into its place.</summary>
    public bool HasGap { get; set; }

    /// <summary>Part of the finished model, so that a call of the model must not change it.</summary>
    public bool Frozen { get; set; }
}

/// <summary>An enum member during evaluation.</summary>
internal sealed record SymEnum(string Type, string Member, object? Value)
{
    // Members read from a tensor carry no number: the name decides.
    public bool Equals(SymEnum? other) => other is not null && Type == other.Type
        && (Value is not null && other.Value is not null ? Equals(Value, other.Value) : Member == other.Member);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Type);
}

/// <summary>The module's training flag during evaluation: true in the training step and false in inference.</summary>
internal sealed record SymTraining;
