namespace ModelGen.Data;

/// <summary>Square grey images with labels.</summary>
/// <param name="Images">Pixels in [0, 1], image after image, row-major.</param>
/// <param name="Labels">Class of each image.</param>
/// <param name="Rows">Rows of an image.</param>
/// <param name="Columns">Columns of an image.</param>
public sealed record LabelledImages(float[] Images, long[] Labels, int Rows, int Columns)
{
    /// <summary>As a data set with one input <c>[1, rows, columns]</c> and class labels.</summary>
    /// <returns>The data set.</returns>
    public TensorDataset ToDataset() => TensorDataset.FromArrays(Images, [1, Rows, Columns], Labels);
}

/// <summary>The four files of MNIST and of data sets in its form (Fashion-MNIST, KMNIST ...).</summary>
public static class MnistFolder
{
    /// <summary>Reads a folder: <c>train-images-idx3-ubyte</c>, <c>train-labels-idx1-ubyte</c>, <c>t10k-...</c>; with a dot for the last dash, and with <c>.gz</c>, too.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="classes">Number of classes.</param>
    /// <returns>Training and test set.</returns>
    /// <exception cref="DataFormatException">A file is missing, damaged, or does not fit the others.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of classes below 1.</exception>
    public static (LabelledImages Train, LabelledImages Test) Load(string folder, int classes = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        LabelledImages train = Load(folder, "train", classes, out _);
        LabelledImages test = Load(folder, "t10k", classes, out string testFile);
        return train.Rows == test.Rows && train.Columns == test.Columns
            ? (train, test)
            : throw new DataFormatException($"{testFile}: wrong size: test images are {test.Rows} x {test.Columns}, training images {train.Rows} x {train.Columns}.");
    }

    private static LabelledImages Load(string folder, string part, int classes, out string imageFile)
    {
        imageFile = Find(folder, part + "-images", "idx3-ubyte");
        string labelFile = Find(folder, part + "-labels", "idx1-ubyte");
        IdxFile images = IdxFile.Read(imageFile, 3);
        IdxFile labels = IdxFile.Read(labelFile, 1);
        if (images.Sizes[0] != labels.Sizes[0])
        {
            throw new DataFormatException($"{labelFile}: {labels.Sizes[0]} labels for the {images.Sizes[0]} images of {Path.GetFileName(imageFile)}.");
        }

        int wrong = Array.FindIndex(labels.Values, label => label >= classes);
        if (wrong >= 0)
        {
            throw new DataFormatException($"{labelFile}: label {labels.Values[wrong]} of image {wrong} is out of range; there are {classes} classes, 0 to {classes - 1}.");
        }

        return new LabelledImages([.. images.Values.Select(static value => value / 255f)], [.. labels.Values.Select(static label => (long)label)], images.Sizes[1], images.Sizes[2]);
    }

    private static string Find(string folder, string stem, string suffix)
    {
        string[] names = [$"{stem}-{suffix}", $"{stem}.{suffix}", $"{stem}-{suffix}.gz", $"{stem}.{suffix}.gz"];
        return names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new DataFormatException($"{Path.Combine(folder, names[0])}: no such file (nor with .gz).");
    }
}
