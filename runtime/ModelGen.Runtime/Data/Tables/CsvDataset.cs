using System.Globalization;
using nietras.SeparatedValues;

namespace ModelGen.Data;

/// <summary>Reads tables of comma-separated values (RFC 4180: quoted cells, line breaks in them) with typed columns.</summary>
public static class CsvDataset
{
    /// <summary>Reads a table and learns from it how to encode others.</summary>
    /// <param name="path">The file, UTF-8; its first row names the columns.</param>
    /// <param name="schema">The columns used; others are left aside.</param>
    /// <param name="separator">Between cells; default comma.</param>
    /// <returns>The rows; <see cref="TableDataset.Encoder"/> reads a validation set the same way.</returns>
    /// <exception cref="DataFormatException">The file is missing or malformed; the message gives row, column and fault.</exception>
    public static TableDataset Load(string path, TableSchema schema, char separator = ',')
    {
        RawTable table = Read(path, schema, separator);
        return new TableEncoder(schema, table).Encode(table);
    }

    /// <summary>Reads a table with the encoding of another.</summary>
    /// <param name="path">The file, UTF-8; its first row names the columns.</param>
    /// <param name="encoder">The encoding, learned from the training set.</param>
    /// <param name="separator">Between cells; default comma.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="DataFormatException">The file is missing or malformed; the message gives row, column and fault.</exception>
    public static TableDataset Load(string path, TableEncoder encoder, char separator = ',') => encoder.Encode(Read(path, encoder.Schema, separator));

    /// <summary>What a message shows of a cell: any file may be passed by mistake, and a message is one short line.</summary>
    internal static string Shown(string cell)
    {
        const int Longest = 24;
        return string.Concat((cell.Length > Longest ? cell[..Longest] + "..." : cell).Select(static c => char.IsControl(c) ? '?' : c));
    }

    private static RawTable Read(string path, TableSchema schema, char separator)
    {
        try
        {
            // Sep would throw on rows of another width without naming the file; they are checked here.
            using SepReader reader = Sep.New(separator).Reader(static options => options with { Unescape = true, DisableColCountCheck = true }).FromFile(path);
            return Read(reader, path, schema);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException or NotSupportedException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message.ReplaceLineEndings(" ")}", exception);
        }
    }

    private static RawTable Read(SepReader reader, string path, TableSchema schema)
    {
        TableColumn[] columns = schema.Columns;
        int[] places = [.. columns.Select(column => reader.Header.TryIndexOf(column.Name, out int place)
            ? place
            : throw new DataFormatException(reader.Header.IsEmpty ? $"{path}: empty: it has no header." : $"{path}: there is no column '{column.Name}'; the columns are {string.Join(", ", reader.Header.ColNames.Select(Shown))}."))];
        object[] cells = RawTable.Empty(schema);
        var lines = new List<int>();
        HashSet<string> missing = [.. schema.MissingMarks];
        int width = reader.Header.ColNames.Count;
        foreach (SepReader.Row row in reader)
        {
            if (row.ColCount == 1 && width > 1 && row[0].Span.IsWhiteSpace())
            {
                continue;
            }

            if (row.ColCount != width)
            {
                throw new DataFormatException($"{path}: line {row.LineNumberFrom}: {row.ColCount} cells, the header has {width}.");
            }

            for (int i = 0; i < columns.Length; i++)
            {
                string text = row[places[i]].ToString().Trim();
                bool isMissing = missing.Contains(text);
                if (cells[i] is List<string?> texts)
                {
                    texts.Add(isMissing ? null : text);
                    continue;
                }

                double number = double.NaN;
                if (!isMissing && (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) || !double.IsFinite(number)))
                {
                    throw new DataFormatException($"{path}: line {row.LineNumberFrom}, column '{columns[i].Name}': '{Shown(text)}' is not a finite number.");
                }

                ((List<double>)cells[i]).Add(number);
            }

            lines.Add(row.LineNumberFrom);
        }

        return new RawTable(path, cells, row => $"line {lines[row]}");
    }
}
