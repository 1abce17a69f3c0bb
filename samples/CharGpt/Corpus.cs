using ModelGen.Data;

namespace CharGpt;

/// <summary>Text to learn from, as windows of the model's context and what follows each of their characters.</summary>
/// <param name="Name">Where it comes from.</param>
/// <param name="Length">Number of characters.</param>
/// <param name="Train">The first nine tenths.</param>
/// <param name="Validation">The rest.</param>
internal sealed record Corpus(string Name, int Length, TensorDataset Train, TensorDataset Validation)
{
    private const int Stride = GptNet.Context / 2;

    /// <summary>Reads a text file, or all text files of a folder; by default the documents of this repository.</summary>
    /// <exception cref="DataFormatException">There is no text, or too little.</exception>
    public static Corpus Load(string? place)
    {
        place ??= Repository() ?? throw new DataFormatException("This is not run inside the repository, whose documents are the default text: give a file or folder with --data.");
        string[] files = Directory.Exists(place)
            ? [.. new[] { "*.md", "*.txt" }.SelectMany(pattern => Directory.EnumerateFiles(place, pattern, SearchOption.AllDirectories)).Where(static file => !IsBuilt(file)).Order(StringComparer.Ordinal)]
            : File.Exists(place) ? [place] : throw new DataFormatException($"{place}: no such file or folder.");
        long[] text = Alphabet.Encode(string.Join('\n', files.Select(File.ReadAllText)));
        int split = text.Length / 10 * 9;
        return text.Length >= 20 * GptNet.Context
            ? new Corpus($"{place}, {files.Length} file{(files.Length == 1 ? "" : "s")}", text.Length, Windows(text.AsSpan(0, split)), Windows(text.AsSpan(split)))
            : throw new DataFormatException($"{place}: {text.Length} characters of text (.md, .txt) are too few; at least {20 * GptNet.Context} are needed.");
    }

    private static bool IsBuilt(string file) => file.Split(Path.DirectorySeparatorChar).Any(static part => part is "bin" or "obj");

    private static string? Repository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "ModelGen.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName;
    }

    private static TensorDataset Windows(ReadOnlySpan<long> text)
    {
        int count = ((text.Length - 1 - GptNet.Context) / Stride) + 1;
        long[] inputs = new long[count * GptNet.Context], targets = new long[count * GptNet.Context];
        for (int i = 0; i < count; i++)
        {
            text.Slice(i * Stride, GptNet.Context).CopyTo(inputs.AsSpan(i * GptNet.Context));
            text.Slice((i * Stride) + 1, GptNet.Context).CopyTo(targets.AsSpan(i * GptNet.Context));
        }

        return TensorDataset.Create([("text", inputs, [GptNet.Context])], ("next", targets, [GptNet.Context]));
    }
}
