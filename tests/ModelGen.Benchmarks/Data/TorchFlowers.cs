using ModelGen.Data;
using SkiaSharp;

namespace ModelGen.Benchmarks;

/// <summary>The flowers as a user of TorchSharp loads them: decoded by SkiaSharp, then cropped, resized, flipped and normalised with tensor operations.</summary>
internal sealed class TorchFlowers(ImageFolder files, int size) : torch.utils.data.Dataset
{
    private readonly Tensor mean = tensor(DataBenchmark.Mean, [3, 1, 1]).DetachFromDisposeScope();
    private readonly Tensor deviation = tensor(DataBenchmark.Deviation, [3, 1, 1]).DetachFromDisposeScope();
    private int draws;

    public override long Count => files.Count;

    public override Dictionary<string, Tensor> GetTensor(long index)
    {
        using DisposeScope scope = NewDisposeScope();
        using SKCodec codec = SKCodec.Create(files.File((int)index));
        using SKBitmap bitmap = SKBitmap.Decode(codec, new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        var random = RandomStream.At(1, Interlocked.Increment(ref draws));
        (int left, int top, int width, int height) = Crop(bitmap.Width, bitmap.Height, random);
        Tensor pixels = tensor(bitmap.Bytes, [bitmap.Height, bitmap.Width, 4]);
        Tensor part = pixels[top..(top + height), left..(left + width), ..3].permute(2, 0, 1).to_type(ScalarType.Float32).unsqueeze(0);
        Tensor resized = functional.interpolate(part, [size, size], mode: InterpolationMode.Bilinear, align_corners: false, antialias: true).squeeze(0);
        Tensor flipped = random.Chance(0.5) ? resized.flip(2) : resized;
        Tensor image = flipped.div(255).sub(mean).div(deviation);
        return new Dictionary<string, Tensor> { ["image"] = image.contiguous().DetachFromDisposeScope(), ["label"] = tensor(files.Label((int)index)).DetachFromDisposeScope() };
    }

    protected override void Dispose(bool disposing)
    {
        mean.Dispose();
        deviation.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The draws of RandomResizedCrop with its defaults.</summary>
    private static (int Left, int Top, int Width, int Height) Crop(int width, int height, RandomStream random)
    {
        for (int i = 0; i < 10; i++)
        {
            double area = width * height * random.Uniform(0.08, 1);
            double ratio = Math.Exp(random.Uniform(Math.Log(3.0 / 4), Math.Log(4.0 / 3)));
            int w = (int)Math.Round(Math.Sqrt(area * ratio));
            int h = (int)Math.Round(Math.Sqrt(area / ratio));
            if (w > 0 && h > 0 && w <= width && h <= height)
            {
                return (random.Next(width - w + 1), random.Next(height - h + 1), w, h);
            }
        }

        int side = Math.Min(width, height);
        return ((width - side) / 2, (height - side) / 2, side, side);
    }
}

/// <summary>Our own decoding and transforms inside TorchSharp's loader: what is left is the loader.</summary>
internal sealed class WrappedDataset(ModelGen.Data.Dataset data) : torch.utils.data.Dataset
{
    public override long Count => data.Count;

    public override Dictionary<string, Tensor> GetTensor(long index)
    {
        (Tensor[] inputs, Tensor target) = data.ToTensors((int)index, 1);
        using (inputs[0])
        using (target)
        {
            return new Dictionary<string, Tensor> { ["image"] = inputs[0].squeeze(0), ["label"] = target.squeeze(0) };
        }
    }
}
