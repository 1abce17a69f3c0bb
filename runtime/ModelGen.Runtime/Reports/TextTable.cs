using System.Globalization;
using System.Text;

namespace ModelGen;

/// <summary>Plain text tables of the reports: columns padded to their widest cell, numbers aligned right, invariant culture.</summary>
internal sealed class TextTable
{
    private const string Gap = "  ";

    private readonly (string Title, bool RightAligned)[] columns;
    private readonly List<string[]?> rows = [];

    /// <param name="columns">Column titles; one that starts with '&gt;' is aligned right (and printed without the sign).</param>
    public TextTable(params string[] columns)
    {
        this.columns = [.. columns.Select(static title => (title.TrimStart('>'), title.StartsWith('>')))];
    }

    /// <summary>Adds a row.</summary>
    /// <param name="cells">One cell for each column.</param>
    public void Add(params string[] cells)
    {
        if (cells.Length != columns.Length)
        {
            throw new ArgumentException($"The table has {columns.Length} columns, the row {cells.Length} cells.", nameof(cells));
        }

        rows.Add(cells);
    }

    /// <summary>Adds a line across the table.</summary>
    public void AddRule() => rows.Add(null);

    /// <summary>A whole number with thousands separators, <c>1,199,882</c>.</summary>
    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number of bytes in the unit that leaves one to four figures: <c>812 B</c>, <c>4.6 MiB</c>.</summary>
    public static string Bytes(long value)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double amount = value;
        int unit = 0;
        while (amount >= 1024 && unit < units.Length - 1)
        {
            amount /= 1024;
            unit++;
        }

        return amount.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>The table, each line ended by a line feed, no blanks at line ends.</summary>
    public override string ToString()
    {
        int[] widths = [.. columns.Select((column, i) => rows.Where(static row => row is not null).Select(row => row![i].Length).Append(column.Title.Length).Max())];
        string rule = new('-', widths.Sum() + (Gap.Length * (widths.Length - 1)));
        var text = new StringBuilder();
        AppendLine(text, [.. columns.Select(static column => column.Title)], widths);
        text.Append(rule).Append('\n');
        foreach (string[]? row in rows)
        {
            if (row is null)
            {
                text.Append(rule).Append('\n');
            }
            else
            {
                AppendLine(text, row, widths);
            }
        }

        return text.ToString();
    }

    private void AppendLine(StringBuilder text, string[] cells, int[] widths)
    {
        IEnumerable<string> padded = cells.Select((cell, i) => columns[i].RightAligned ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
        text.Append(string.Join(Gap, padded).TrimEnd()).Append('\n');
    }
}
