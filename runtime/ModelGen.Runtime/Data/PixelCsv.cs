using System.Globalization;

namespace ModelGen.Data;

/// <summary>Tables of square grey images: one row per image, its pixels and then its class, separated by commas.</summary>
public static class PixelCsv
{
    /// <summary>Reads a table. A first row without a single number is taken for a header; blank lines are skipped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxValue">The pixel value of full ink for an image with this number of rows: 16 for 8 x 8 UCI digits, 255 for MNIST. Pixels are divided by it.</param>
    /// <param name="classes">Number of classes; labels are 0 to one less.</param>
    /// <returns>Images, float32 in [0, 1], and labels.</returns>
    /// <exception cref="DataFormatException">The file is missing, or a row is not what it should be; the message gives its number.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A largest value or number of classes below 1.</exception>
    public static LabelledImages Load(string path, Func<int, int> maxValue, int classes = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        var table = new Table(path, maxValue, classes);
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                table.Add(line);
            }
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }

        return table.ToImages();
    }

    /// <summary>The rows read so far; the first sets the width of all.</summary>
    private sealed class Table(string path, Func<int, int> maxValue, int classes)
    {
        private readonly List<float> images = [];
        private readonly List<long> labels = [];
        private int row;
        private int width;
        private int size;
        private int largest;

        public void Add(string line)
        {
            row++;
            if (string.IsNullOrWhiteSpace(line))
            {
                return;
            }

            string[] cells = line.Split(',');
            bool first = width == 0;
            width = first ? cells.Length : width;
            if (cells.Length != width)
            {
                throw Fault($"wrong size: {cells.Length} values, the rows before have {width}");
            }

            if (first && IsHeader(cells))
            {
                return;
            }

            if (size == 0)
            {
                size = SquareSize(cells.Length - 1);
                largest = maxValue(size);
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(largest, nameof(maxValue));
            }

            AddPixels(cells.AsSpan(..^1));
            AddLabel(cells[^1]);
        }

        public LabelledImages ToImages() => labels.Count > 0
            ? new LabelledImages([.. images], [.. labels], size, size)
            : throw new DataFormatException($"{path}: empty: it holds no rows of pixels and label.");

        /// <summary>Every cell must be a word: a row of numbers with one damaged cell is a fault, not a header.</summary>
        private static bool IsHeader(string[] cells) => cells.Length > 1
            && Array.TrueForAll(cells, static cell => !string.IsNullOrWhiteSpace(cell) && !double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _));

        /// <summary>What a message shows of a cell: any file may be passed by mistake, and a message is one short line.</summary>
        private static string Shown(string cell)
        {
            const int Longest = 24;
            string text = cell.Trim();
            return string.Concat((text.Length > Longest ? text[..Longest] + "..." : text).Select(static c => char.IsControl(c) ? '?' : c));
        }

        private int SquareSize(int pixels)
        {
            int side = (int)Math.Round(Math.Sqrt(pixels));
            return pixels > 0 && side * side == pixels
                ? side
                : throw Fault($"wrong size: {pixels} values before the label are not a square image; a row is its pixels and then its label, separated by commas");
        }

        private void AddPixels(ReadOnlySpan<string> cells)
        {
            for (int i = 0; i < cells.Length; i++)
            {
                if (!float.TryParse(cells[i], NumberStyles.Float, CultureInfo.InvariantCulture, out float value) || !(value >= 0 && value <= largest))
                {
                    throw Fault($"'{Shown(cells[i])}' is not a pixel value from 0 to {largest}", i + 1);
                }

                images.Add(value / largest);
            }
        }

        private void AddLabel(string cell) =>
            labels.Add(long.TryParse(cell, NumberStyles.Integer, CultureInfo.InvariantCulture, out long label) && label >= 0 && label < classes
                ? label
                : throw Fault($"label '{Shown(cell)}' is out of range; there are {classes} classes, 0 to {classes - 1}"));

        private DataFormatException Fault(string fault, int? column = null) =>
            new($"{path}: row {row}{(column is null ? "" : $", column {column}")}: {fault}.");
    }
}
