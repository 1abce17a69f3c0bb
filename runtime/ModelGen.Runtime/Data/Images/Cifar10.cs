namespace ModelGen.Data;

/// <summary>The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label and 3 x 32 x 32 bytes.</summary>
public static class Cifar10
{
    private const int Side = 32;
    private const int ImageBytes = 3 * Side * Side;
    private const int RecordBytes = 1 + ImageBytes;

    private static readonly string[] ClassNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Reads a folder with <c>data_batch_1.bin</c> to <c>data_batch_5.bin</c> and <c>test_batch.bin</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="train">Transform of training images; null for nothing but <see cref="ToTensor"/>.</param>
    /// <param name="test">Transform of test images; null for nothing but <see cref="ToTensor"/>.</param>
    /// <returns>Training and test set.</returns>
    /// <exception cref="DataFormatException">A file is missing or damaged; the message gives the record.</exception>
    public static (ImageArrays Train, ImageArrays Test) Load(string folder, ImageTransform? train = null, ImageTransform? test = null) => (
        Load([.. Enumerable.Range(1, 5).Select(number => Path.Combine(folder, $"data_batch_{number}.bin"))], train),
        Load([Path.Combine(folder, "test_batch.bin")], test));

    /// <summary>Reads some files.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="transform">Transform of the images; null for nothing but <see cref="ToTensor"/>.</param>
    /// <returns>Their images, in order.</returns>
    /// <exception cref="DataFormatException">A file is missing or damaged; the message gives the record.</exception>
    public static ImageArrays Load(IReadOnlyList<string> paths, ImageTransform? transform = null)
    {
        var pixels = new MemoryStream();
        var labels = new List<long>();
        foreach (string path in paths)
        {
            Read(path, pixels, labels);
        }

        return new ImageArrays(pixels.ToArray(), [.. labels], 3, Side, Side, ClassNames, transform);
    }

    private static void Read(string path, MemoryStream pixels, List<long> labels)
    {
        byte[] record = new byte[RecordBytes];
        try
        {
            using FileStream file = File.OpenRead(path);
            for (int number = 0; ; number++)
            {
                int got = file.ReadAtLeast(record, RecordBytes, throwOnEndOfStream: false);
                if (got == 0 && number > 0)
                {
                    return;
                }

                if (got < RecordBytes)
                {
                    throw new DataFormatException(got == 0 ? $"{path}: empty." : $"{path}: truncated: record {number} has {got} of {RecordBytes} bytes.");
                }

                labels.Add(record[0] < ClassNames.Length
                    ? record[0]
                    : throw new DataFormatException($"{path}: label {record[0]} of record {number} is out of range; there are {ClassNames.Length} classes, so this is no CIFAR-10 file or a damaged one."));
                pixels.Write(record, 1, ImageBytes);
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
    }
}
