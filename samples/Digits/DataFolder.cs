using ModelGen.Data;

namespace Digits;

/// <summary>What kind of data a folder holds.</summary>
internal abstract record DataFolder
{
    /// <summary>The four IDX files of MNIST and its relatives, plain or gzipped.</summary>
    /// <param name="Path">The folder.</param>
    public sealed record Idx(string Path) : DataFolder;

    /// <summary>Rows of pixels followed by a label.</summary>
    /// <param name="Train">File of the training set.</param>
    /// <param name="Test">File of the test set; null when there is one file only, which is then split.</param>
    public sealed record Csv(string Train, string? Test) : DataFolder;

    /// <summary>Looks into a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="DataFormatException">There is no such folder, or nothing in it that this sample reads.</exception>
    public static DataFolder Find(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new DataFormatException(File.Exists(path) ? $"{path}: is a file; --data wants the folder it is in." : $"{path}: no such folder.");
        }

        string[] names = [.. Directory.EnumerateFiles(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        if (names.Any(static name => name.Contains("idx1-ubyte", StringComparison.Ordinal) || name.Contains("idx3-ubyte", StringComparison.Ordinal)))
        {
            return new Idx(path);
        }

        string[] tables = [.. names.Where(static name => name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase))];
        if (tables.Length == 0)
        {
            throw new DataFormatException($"{path}: holds neither MNIST files (train-images-idx3-ubyte and so on, gz or not) nor a .csv file of pixels and label.");
        }

        if (tables.Length == 1)
        {
            return new Csv(Path.Combine(path, tables[0]), Test: null);
        }

        return new Csv(Only("train"), Only("test"));

        string Only(string word)
        {
            string[] found = [.. tables.Where(name => name.Contains(word, StringComparison.OrdinalIgnoreCase))];
            return found.Length == 1
                ? Path.Combine(path, found[0])
                : throw new DataFormatException($"{path}: of several .csv files exactly one must have '{word}' in its name, but {found.Length} have ({string.Join(", ", tables)}).");
        }
    }
}
