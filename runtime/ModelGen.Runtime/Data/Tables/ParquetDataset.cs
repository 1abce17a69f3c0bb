using System.Globalization;
using System.Numerics;
using Parquet;
using Parquet.Schema;

namespace ModelGen.Data;

/// <summary>Reads tables of Apache Parquet with typed columns: numbers and booleans as numbers; texts, whole numbers and booleans as categories. Nulls are missing values.</summary>
public static class ParquetDataset
{
    // What the reader says of a column of texts.
    private static readonly Type Text = typeof(ReadOnlyMemory<char>);

    /// <summary>Reads a table and learns from it how to encode others.</summary>
    /// <param name="path">The file.</param>
    /// <param name="schema">The columns used; others are not read.</param>
    /// <returns>The rows; <see cref="TableDataset.Encoder"/> reads a validation set the same way.</returns>
    /// <exception cref="DataFormatException">The file is missing or malformed; the message gives row, column and fault.</exception>
    public static TableDataset Load(string path, TableSchema schema)
    {
        RawTable table = Read(path, schema);
        return new TableEncoder(schema, table).Encode(table);
    }

    /// <summary>Reads a table with the encoding of another.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoder">The encoding, learned from the training set.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="DataFormatException">The file is missing or malformed; the message gives row, column and fault.</exception>
    public static TableDataset Load(string path, TableEncoder encoder) => encoder.Encode(Read(path, encoder.Schema));

    private static RawTable Read(string path, TableSchema schema)
    {
        if (!File.Exists(path))
        {
            throw new DataFormatException($"{path}: no such file.");
        }

        try
        {
            // The reader has asynchronous methods only; a thread without a synchronisation context cannot block itself.
            return Task.Run(() => ReadAsync(path, schema)).GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is not (DataFormatException or OutOfMemoryException))
        {
            // A damaged file can make the reader fail in any way.
            throw new DataFormatException($"{path}: no Parquet file, or a damaged one: {exception.Message.ReplaceLineEndings(" ")}", exception);
        }
    }

    private static async Task<RawTable> ReadAsync(string path, TableSchema schema)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(path).ConfigureAwait(false);
        TableColumn[] columns = schema.Columns;
        object[] cells = RawTable.Empty(schema);
        for (int group = 0; group < reader.RowGroupCount; group++)
        {
            using ParquetRowGroupReader rows = reader.OpenRowGroupReader(group);
            for (int i = 0; i < columns.Length; i++)
            {
                DataField field = Find(reader.Schema, columns[i], path);
                if (!await ReadColumnAsync(rows, field, cells[i]).ConfigureAwait(false))
                {
                    throw new DataFormatException($"{path}: column '{columns[i].Name}' holds {(field.ClrType == Text ? nameof(String) : field.ClrType.Name)}, which is no {(columns[i] is NumberColumn ? "number" : "category")}.");
                }
            }
        }

        return new RawTable(path, cells, static row => $"row {row}");
    }

    private static DataField Find(ParquetSchema schema, TableColumn column, string path) =>
        Array.Find(schema.DataFields, field => field.Name == column.Name && !field.IsArray)
            ?? throw new DataFormatException($"{path}: there is no column '{column.Name}'; the columns are {string.Join(", ", schema.DataFields.Select(static field => field.Name))}.");

    private static async Task<bool> ReadColumnAsync(ParquetRowGroupReader rows, DataField field, object cells)
    {
        int count = checked((int)rows.RowCount);
        Type type = field.ClrType;
        if (type == Text)
        {
            if (cells is not List<string?> texts)
            {
                return false;
            }

            string?[] read = new string?[count];
            await rows.ReadAsync(field, read.AsMemory()).ConfigureAwait(false);
            texts.AddRange(read);
            return true;
        }

        if (type == typeof(bool))
        {
            Add(await Values<bool>(rows, field, count).ConfigureAwait(false), cells, static value => value ? 1 : 0);
            return true;
        }

        return type == typeof(double) ? await Numbers<double>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(float) ? await Numbers<float>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(decimal) ? await Numbers<decimal>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(long) ? await Numbers<long>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(ulong) ? await Numbers<ulong>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(int) ? await Numbers<int>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(uint) ? await Numbers<uint>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(short) ? await Numbers<short>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(ushort) ? await Numbers<ushort>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(sbyte) ? await Numbers<sbyte>(rows, field, count, cells).ConfigureAwait(false)
            : type == typeof(byte) && await Numbers<byte>(rows, field, count, cells).ConfigureAwait(false);
    }

    private static async Task<bool> Numbers<T>(ParquetRowGroupReader rows, DataField field, int count, object cells)
        where T : struct, INumber<T>
    {
        if (cells is not List<double> && (typeof(T) == typeof(double) || typeof(T) == typeof(float) || typeof(T) == typeof(decimal)))
        {
            return false;
        }

        Add(await Values<T>(rows, field, count).ConfigureAwait(false), cells, double.CreateChecked);
        return true;
    }

    private static async Task<T?[]> Values<T>(ParquetRowGroupReader rows, DataField field, int count)
        where T : struct
    {
        if (field.IsNullable)
        {
            var nullable = new T?[count];
            await rows.ReadAsync<T>(field, nullable.AsMemory()).ConfigureAwait(false);
            return nullable;
        }

        var values = new T[count];
        await rows.ReadAsync<T>(field, values.AsMemory()).ConfigureAwait(false);
        return [.. values.Select(static value => (T?)value)];
    }

    private static void Add<T>(T?[] values, object cells, Func<T, double> number)
        where T : struct
    {
        if (cells is List<double> numbers)
        {
            numbers.AddRange(values.Select(value => value is T present ? number(present) : double.NaN));
        }
        else
        {
            ((List<string?>)cells).AddRange(values.Select(static value => value is T present ? Convert.ToString(present, CultureInfo.InvariantCulture) : null));
        }
    }
}
