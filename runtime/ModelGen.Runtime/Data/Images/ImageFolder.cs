namespace ModelGen.Data;

/// <summary>A folder with one folder of images per class, as torchvision's <c>ImageFolder</c>: classes are numbered in the order of their names. JPEG, PNG, BMP and WebP.</summary>
public sealed class ImageFolder : ImageDataset
{
    private readonly List<(string Path, int Label)> files;

    private ImageFolder(string[] classes, List<(string Path, int Label)> files, ImageTransform? transform)
        : base(classes, transform)
        => this.files = files;

    /// <inheritdoc/>
    public override int Count => files.Count;

    /// <summary>Lists a folder; images are read when they are asked for.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="transform">What is done with each image, such as <c>Compose(RandomResizedCrop(224), RandomHorizontalFlip(), ToTensor(), Normalize(...))</c>; null for nothing but
    /// <see cref="ToTensor"/>. All images must come out with the same size.</param>
    /// <returns>The data set. Other files than images are left out.</returns>
    /// <exception cref="DataFormatException">There is no such folder, no folder in it, or a class without an image.</exception>
    public static ImageFolder Open(string folder, ImageTransform? transform = null)
    {
        try
        {
            string[] folders = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)];
            if (folders.Length == 0)
            {
                throw new DataFormatException($"{folder}: empty: it holds no folder of images for each class.");
            }

            var files = new List<(string, int)>();
            for (int label = 0; label < folders.Length; label++)
            {
                string[] images = [.. Directory.EnumerateFiles(folders[label], "*", SearchOption.AllDirectories).Where(IsImage).Order(StringComparer.Ordinal)];
                if (images.Length == 0)
                {
                    throw new DataFormatException($"{folders[label]}: empty: it holds no image ({string.Join(", ", ImageDecoder.Extensions)}).");
                }

                files.AddRange(images.Select(path => (path, label)));
            }

            return new ImageFolder([.. folders.Select(static path => Path.GetFileName(path))], files, transform);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new DataFormatException($"{folder}: no such folder.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException($"{folder}: cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>The same images with another transform, such as one without randomness for validation.</summary>
    /// <param name="transform">The other transform.</param>
    /// <returns>The data set.</returns>
    public ImageFolder With(ImageTransform? transform) => new([.. Classes], files, transform);

    /// <summary>The file of an image.</summary>
    /// <param name="index">The image.</param>
    /// <returns>Its path.</returns>
    public string File(int index) => files[index].Path;

    /// <inheritdoc/>
    public override long Label(int index) => files[index].Label;

    /// <inheritdoc/>
    public override string Describe(int index) => $"sample {index} ({files[index].Path})";

    /// <inheritdoc/>
    protected override void Load(int index, Image image) => ImageDecoder.Read(files[index].Path, image);

    private static bool IsImage(string path) => ImageDecoder.Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);
}
