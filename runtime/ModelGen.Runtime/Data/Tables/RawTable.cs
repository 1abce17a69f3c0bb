namespace ModelGen.Data;

/// <summary>The used columns of a file, as they were read: numbers with NaN for missing ones, texts with null.</summary>
/// <param name="Path">The file.</param>
/// <param name="Columns">A <c>List&lt;double&gt;</c> or <c>List&lt;string?&gt;</c> for every column of the schema.</param>
/// <param name="Row">What a message calls a row.</param>
internal sealed record RawTable(string Path, object[] Columns, Func<int, string> Row)
{
    public int Count => Columns[0] is List<double> numbers ? numbers.Count : ((List<string?>)Columns[0]).Count;

    public List<double> Numbers(int column) => (List<double>)Columns[column];

    public List<string?> Texts(int column) => (List<string?>)Columns[column];

    public static object[] Empty(TableSchema schema) => [.. schema.Columns.Select(static column => column is NumberColumn ? (object)new List<double>() : new List<string?>())];

    public DataFormatException Fault(int row, TableColumn column, string fault) => new($"{Path}: {Row(row)}, column '{column.Name}': {fault}.");
}
