namespace ModelGen.Data;

/// <summary>Rows of a table as samples, in memory.</summary>
public sealed class TableDataset : Dataset
{
    private readonly TensorDataset data;
    private readonly RawTable table;
    private readonly int[] rows;

    internal TableDataset(TensorDataset data, TableEncoder encoder, RawTable table, int[] rows)
    {
        (this.data, Encoder) = (data, encoder);
        DroppedRows = table.Count - rows.Length;
        this.rows = rows;

        // Only what names a row is kept of the table.
        this.table = table with { Columns = [] };
    }

    /// <summary>How the table became numbers; other tables are read with it.</summary>
    public TableEncoder Encoder { get; }

    /// <summary>Rows left out because of missing values.</summary>
    public int DroppedRows { get; }

    /// <inheritdoc/>
    public override int Count => data.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs => data.Inputs;

    /// <inheritdoc/>
    public override FieldSpec Target => data.Target;

    /// <inheritdoc/>
    public override void Read(int index, Sample sample) => data.Read(index, sample);

    /// <inheritdoc/>
    public override string Describe(int index) => $"sample {index} ({table.Path}, {table.Row(rows[index])})";
}
