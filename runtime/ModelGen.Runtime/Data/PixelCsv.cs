using System.Globalization;

namespace ModelGen.Data;

/// <summary>Tables of square grey images: one row per image, its pixels and then its class.</summary>
public static class PixelCsv
{
    /// <summary>Reads a table. A first row that is no numbers is taken for a header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxValue">The pixel value of full ink for an image with this number of rows: 16 for 8 x 8 UCI digits, 255 for MNIST. Pixels are divided by it.</param>
    /// <param name="classes">Number of classes.</param>
    /// <returns>Images and labels.</returns>
    /// <exception cref="DataFormatException">The file is missing, or a row is not what it should be; the message gives its number.</exception>
    public static LabelledImages Load(string path, Func<int, int> maxValue, int classes = 10)
    {
        var images = new List<float>();
        var labels = new List<long>();
        int size = 0;
        int row = 0;
        foreach (string line in Lines(path))
        {
            row++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            string[] cells = line.Split(',');
            if (row == 1 && cells.All(static cell => !double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
            {
                continue;
            }

            size = size == 0 ? SquareSize(path, row, cells.Length - 1) : size;
            if (cells.Length != (size * size) + 1)
            {
                throw new DataFormatException($"{path}: row {row}: wrong size: {cells.Length} values, the rows before have {(size * size) + 1}.");
            }

            AddRow(path, row, cells, maxValue(size), classes, images, labels);
        }

        return labels.Count > 0 ? new LabelledImages([.. images], [.. labels], size, size) : throw new DataFormatException($"{path}: holds no rows.");
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    private static int SquareSize(string path, int row, int pixels)
    {
        int size = (int)Math.Round(Math.Sqrt(Math.Max(pixels, 0)));
        return size > 0 && size * size == pixels ? size : throw new DataFormatException($"{path}: row {row}: wrong size: {pixels} values before the label are not a square image.");
    }

    private static void AddRow(string path, int row, string[] cells, int maxValue, int classes, List<float> images, List<long> labels)
    {
        for (int i = 0; i < cells.Length - 1; i++)
        {
            if (!float.TryParse(cells[i], NumberStyles.Float, CultureInfo.InvariantCulture, out float value) || !(value >= 0 && value <= maxValue))
            {
                throw new DataFormatException($"{path}: row {row}, column {i + 1}: '{cells[i].Trim()}' is not a pixel value from 0 to {maxValue}.");
            }

            images.Add(value / maxValue);
        }

        string label = cells[^1].Trim();
        labels.Add(long.TryParse(label, NumberStyles.Integer, CultureInfo.InvariantCulture, out long number) && number >= 0 && number < classes
            ? number
            : throw new DataFormatException($"{path}: row {row}: label '{label}' is out of range; there are {classes} classes, 0 to {classes - 1}."));
    }
}
