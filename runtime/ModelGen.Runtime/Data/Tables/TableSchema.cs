namespace ModelGen.Data;

/// <summary>What is done with a row whose number is missing.</summary>
public enum MissingNumber
{
    /// <summary>The table is refused; the message gives the row.</summary>
    Refuse,

    /// <summary>The row is left out; it is counted.</summary>
    DropRow,

    /// <summary>The mean of the column's other numbers in the table that the encoding was learned from.</summary>
    Mean,

    /// <summary>Their median.</summary>
    Median,

    /// <summary>Zero.</summary>
    Zero,
}

/// <summary>What is done with a row whose category is missing, or was not in the table that the encoding was learned from.</summary>
public enum MissingCategory
{
    /// <summary>The table is refused; the message gives the row.</summary>
    Refuse,

    /// <summary>The row is left out; it is counted.</summary>
    DropRow,

    /// <summary>A category of its own, the last one.</summary>
    OwnCategory,
}

/// <summary>A column of a table.</summary>
/// <param name="Name">Its name in the header.</param>
public abstract record TableColumn(string Name);

/// <summary>A column of numbers.</summary>
/// <param name="Name">Its name in the header.</param>
public sealed record NumberColumn(string Name) : TableColumn(Name)
{
    /// <summary>What is done with missing numbers; default refuse.</summary>
    public MissingNumber Missing { get; init; }

    /// <summary>Whether the mean is subtracted and the result divided by the standard deviation, both learned from the table; default false.</summary>
    public bool Standardize { get; init; }
}

/// <summary>A column of categories: texts or whole numbers, compared as text.</summary>
/// <param name="Name">Its name in the header.</param>
public sealed record CategoryColumn(string Name) : TableColumn(Name)
{
    /// <summary>The categories in order; null (default) for those of the table, sorted by their characters (numbers by value).</summary>
    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>What is done with missing and unknown categories; default refuse.</summary>
    public MissingCategory Missing { get; init; }

    /// <summary>Whether a feature becomes one number per category, of which one is 1; otherwise its index, for an embedding. Default true. A target is always an index.</summary>
    public bool OneHot { get; init; } = true;
}

/// <summary>Which columns of a table are used, and how.</summary>
public sealed record TableSchema
{
    /// <summary>The columns that the model sees, in order. Numbers and one-hot categories make up the float32 input "features"; indices of categories the int64 input "categories".</summary>
    public required IReadOnlyList<TableColumn> Features { get; init; }

    /// <summary>The column to predict: a category gives an int64 label, a number a float32 target of one element.</summary>
    public required TableColumn Target { get; init; }

    /// <summary>Texts that stand for a missing value in a CSV; default empty, "?", "NA", "N/A", "NaN" and "null".</summary>
    public IReadOnlyList<string> MissingMarks { get; init; } = ["", "?", "NA", "N/A", "NaN", "null"];

    internal TableColumn[] Columns => [.. Features, Target];
}
