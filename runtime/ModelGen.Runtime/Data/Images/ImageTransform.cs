namespace ModelGen.Data;

/// <summary>
/// Changes an image. Names, defaults and meaning are those of torchvision's <c>transforms.v2</c> for uint8 images; what is random comes from the stream of the sample. Transforms hold no
/// state, so that several threads may use one.
/// </summary>
public abstract class ImageTransform
{
    /// <summary>Changes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="random">Random numbers of this sample.</param>
    public abstract void Apply(Image image, RandomStream random);
}

/// <summary>Transforms one after the other.</summary>
public sealed class Compose : ImageTransform
{
    private readonly ImageTransform[] steps;

    /// <summary>A sequence.</summary>
    /// <param name="transforms">The transforms, in order.</param>
    public Compose(params IReadOnlyList<ImageTransform> transforms)
    {
        var steps = new List<ImageTransform>();
        foreach (ImageTransform transform in transforms)
        {
            // Both in one pass over memory.
            if (transform is Normalize normalize && steps is [.., ToTensor { Normalize: null }])
            {
                steps[^1] = new ToTensor(normalize);
            }
            else
            {
                steps.Add(transform);
            }
        }

        this.steps = [.. steps];
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        foreach (ImageTransform step in steps)
        {
            step.Apply(image, random);
        }
    }
}

/// <summary>Applies a transform with a probability.</summary>
/// <param name="transform">The transform.</param>
/// <param name="p">The probability; default 0.5.</param>
public sealed class RandomApply(ImageTransform transform, double p = 0.5) : ImageTransform
{
    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        if (random.Chance(p))
        {
            transform.Apply(image, random);
        }
    }
}
