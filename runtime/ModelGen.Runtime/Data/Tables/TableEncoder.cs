using System.Globalization;

namespace ModelGen.Data;

/// <summary>How a table becomes numbers: categories, and what replaces and scales numbers. It is learned from one table (the training set) and used for others, so that they mean the same.</summary>
public sealed class TableEncoder
{
    private readonly Dictionary<string, int>?[] categories;
    private readonly (double Replacement, double Mean, double Deviation)[] numbers;

    internal TableEncoder(TableSchema schema, RawTable table)
    {
        Schema = schema;
        TableColumn[] columns = schema.Columns;
        categories = new Dictionary<string, int>?[columns.Length];
        numbers = new (double, double, double)[columns.Length];
        for (int i = 0; i < columns.Length; i++)
        {
            if (columns[i] is NumberColumn number)
            {
                numbers[i] = Learn(number, table.Numbers(i), table.Path);
            }
            else
            {
                categories[i] = Learn((CategoryColumn)columns[i], table.Texts(i));
            }
        }

        Inputs = [.. FieldsOf()];
        Target = schema.Target is CategoryColumn ? new FieldSpec(schema.Target.Name, ElementType.Int64, []) : new FieldSpec(schema.Target.Name, ElementType.Float32, [1]);
    }

    /// <summary>The columns.</summary>
    public TableSchema Schema { get; }

    /// <summary>Inputs of a sample.</summary>
    public IReadOnlyList<FieldSpec> Inputs { get; }

    /// <summary>Target of a sample.</summary>
    public FieldSpec Target { get; }

    /// <summary>The categories of a column, by index.</summary>
    /// <param name="column">Name of a category column.</param>
    /// <returns>The categories; one for missing values is called "(missing)".</returns>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    public IReadOnlyList<string> CategoriesOf(string column)
    {
        int index = Array.FindIndex(Schema.Columns, known => known is CategoryColumn && known.Name == column);
        return index < 0
            ? throw new ArgumentException($"There is no category column '{column}'.", nameof(column))
            : [.. categories[index]!.OrderBy(static pair => pair.Value).Select(static pair => pair.Key), .. HasOwnForMissing(index) ? ["(missing)"] : Array.Empty<string>()];
    }

    internal TableDataset Encode(RawTable table)
    {
        TableColumn[] columns = Schema.Columns;
        int features = Inputs.FirstOrDefault(static field => field.Type == ElementType.Float32)?.Count ?? 0;
        int indices = Inputs.FirstOrDefault(static field => field.Type == ElementType.Int64)?.Count ?? 0;
        var floats = new List<float>(table.Count * features);
        var longs = new List<long>(table.Count * indices);
        var labels = new List<long>();
        var targets = new List<float>();
        var rows = new List<int>();
        double[] values = new double[columns.Length];
        for (int row = 0; row < table.Count; row++)
        {
            bool complete = true;
            for (int i = 0; i < columns.Length && complete; i++)
            {
                complete = columns[i] is NumberColumn number ? TryNumber(table, row, i, number, out values[i]) : TryCategory(table, row, i, (CategoryColumn)columns[i], out values[i]);
            }

            if (!complete)
            {
                continue;
            }

            for (int i = 0; i < columns.Length - 1; i++)
            {
                Append(columns[i], i, values[i], floats, longs);
            }

            labels.Add((long)values[^1]);
            targets.Add((float)values[^1]);
            rows.Add(row);
        }

        if (rows.Count == 0)
        {
            throw new DataFormatException($"{table.Path}: empty: it holds no {(table.Count == 0 ? "row" : "row without missing values")}.");
        }

        (string, Array, long[])[] inputs = [.. Inputs.Select(field => (field.Name, field.Type == ElementType.Float32 ? (Array)floats.ToArray() : longs.ToArray(), field.Shape))];
        TensorDataset data = TensorDataset.Create(inputs, (Target.Name, Schema.Target is CategoryColumn ? labels.ToArray() : targets.ToArray(), Target.Shape));
        return new TableDataset(data, this, table, [.. rows]);
    }

    private static (double Replacement, double Mean, double Deviation) Learn(NumberColumn column, List<double> values, string path)
    {
        double[] present = [.. values.Where(static value => !double.IsNaN(value))];
        bool needed = column.Standardize || column.Missing is MissingNumber.Mean or MissingNumber.Median;
        if (present.Length == 0)
        {
            return needed ? throw new DataFormatException($"{path}: column '{column.Name}' has no number to learn from.") : (0, 0, 1);
        }

        double mean = present.Average();
        double deviation = Math.Sqrt(present.Average(value => (value - mean) * (value - mean)));
        Array.Sort(present);
        double median = (present[(present.Length - 1) / 2] + present[present.Length / 2]) / 2;
        double replacement = column.Missing switch { MissingNumber.Mean => mean, MissingNumber.Median => median, _ => 0 };

        // A constant column tells nothing; dividing by its deviation would make it NaN.
        return (replacement, column.Standardize ? mean : 0, column.Standardize && deviation > 0 ? deviation : 1);
    }

    private static Dictionary<string, int> Learn(CategoryColumn column, List<string?> values)
    {
        IEnumerable<string> known = column.Categories ?? [.. values.OfType<string>().Distinct().OrderBy(static text => Number(text) ?? double.PositiveInfinity).ThenBy(static text => text, StringComparer.Ordinal)];
        return known.Select(static (text, index) => (text, index)).ToDictionary(static pair => pair.text, static pair => pair.index, StringComparer.Ordinal);

        static double? Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null;
    }

    private IEnumerable<FieldSpec> FieldsOf()
    {
        int features = 0;
        int indices = 0;
        for (int i = 0; i < Schema.Features.Count; i++)
        {
            (features, indices) = Schema.Features[i] switch
            {
                NumberColumn => (features + 1, indices),
                CategoryColumn { OneHot: true } => (features + Size(i), indices),
                _ => (features, indices + 1),
            };
        }

        if (features > 0)
        {
            yield return new FieldSpec("features", ElementType.Float32, [features]);
        }

        if (indices > 0)
        {
            yield return new FieldSpec("categories", ElementType.Int64, [indices]);
        }
    }

    private int Size(int column) => categories[column]!.Count + (HasOwnForMissing(column) ? 1 : 0);

    private bool HasOwnForMissing(int column) => Schema.Columns[column] is CategoryColumn { Missing: MissingCategory.OwnCategory };

    private bool TryNumber(RawTable table, int row, int index, NumberColumn column, out double value)
    {
        value = table.Numbers(index)[row];
        if (double.IsNaN(value))
        {
            if (column.Missing == MissingNumber.Refuse)
            {
                throw table.Fault(row, column, "the number is missing (NumberColumn.Missing says what to do then)");
            }

            value = numbers[index].Replacement;
            if (column.Missing == MissingNumber.DropRow)
            {
                return false;
            }
        }

        value = (value - numbers[index].Mean) / numbers[index].Deviation;
        return true;
    }

    private bool TryCategory(RawTable table, int row, int index, CategoryColumn column, out double value)
    {
        string? text = table.Texts(index)[row];
        if (text is not null && categories[index]!.TryGetValue(text, out int found))
        {
            value = found;
            return true;
        }

        value = categories[index]!.Count;
        return column.Missing switch
        {
            MissingCategory.Refuse => throw table.Fault(row, column, text is null
                ? "the category is missing (CategoryColumn.Missing says what to do then)"
                : $"'{CsvDataset.Shown(text)}' is none of the {categories[index]!.Count} known categories (CategoryColumn.Missing says what to do then)"),
            MissingCategory.DropRow => false,
            _ => true,
        };
    }

    private void Append(TableColumn column, int index, double value, List<float> floats, List<long> longs)
    {
        switch (column)
        {
            case NumberColumn:
                floats.Add((float)value);
                break;
            case CategoryColumn { OneHot: true }:
                for (int category = 0; category < Size(index); category++)
                {
                    floats.Add(category == (int)value ? 1 : 0);
                }

                break;
            default:
                longs.Add((long)value);
                break;
        }
    }
}
