using ModelGen.Kernels;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.Benchmarks;

/// <summary>Kernels whose time is that of memory: reductions, softmax, normalisations, pooling, cross-entropy, embeddings, dropout, optimizers, resampling. Bytes count each tensor once.</summary>
internal static class MemoryCases
{
    private const int Rows = 4096;
    private const int Width = 768;
    private const double Bytes = 4.0 * Rows * Width;

    /// <summary>Keeps the memory of all cases: addresses do not.</summary>
    private static readonly List<NativeMemoryBlock> Kept = [];

    public static IEnumerable<KernelCase> Cases() => Hardware.VectorBits switch
    {
        512 => Cases<V512>(),
        256 => Cases<V256>(),
        _ => Cases<V128>(),
    };

    private static IEnumerable<KernelCase> Cases<V>()
        where V : unmanaged, IVector<V> => [.. Reductions<V>(), .. Norms<V>(), .. Losses<V>(), .. Images<V>(), .. Steps<V>()];

    private static KernelCase Of(string name, double bytes, Action ours, Action? torch) => new("memory", name, 0, bytes, ours, torch);

    private static Floats Copy(Tensor tensor)
    {
        Kept.Add(Memory.Copy(tensor));
        return Kept[^1].Floats();
    }

    private static unsafe Longs Whole(Tensor tensor)
    {
        Longs memory = Room(2 * tensor.numel()).AsLongs();
        tensor.data<long>().CopyTo(new Span<long>(memory, (int)tensor.numel()));
        return memory;
    }

    private static Floats Room(long count)
    {
        Kept.Add(new NativeMemoryBlock(4 * count));
        return Kept[^1].Floats();
    }

    private static IEnumerable<KernelCase> Reductions<V>()
        where V : unmanaged, IVector<V>
    {
        Tensor matrix = randn(Rows, Width);
        (Floats x, Floats y, Floats places) = (Copy(matrix), Room(Rows * Width), Room(2 * Rows));
        yield return Of("sum of everything", Bytes, () => Reduction<V>.Sum(x, 1, Rows * Width, 1, 1, y), () => matrix.sum().Dispose());
        yield return Of("sum of rows", Bytes, () => Reduction<V>.Sum(x, Rows, Width, 1, 1, y), () => matrix.sum([1L]).Dispose());
        yield return Of("sum of columns", Bytes, () => Reduction<V>.Sum(x, 1, Rows, Width, 1, y), () => matrix.sum([0L]).Dispose());
        Tensor narrow = matrix.view(Rows * Width / 3, 3);
        yield return Of("sum of 3 columns", Bytes, () => Reduction<V>.Sum(x, 1, Rows * Width / 3, 3, 1, y), () => narrow.sum([0L]).Dispose());
        yield return Of("max of rows", Bytes, () => Reduction<V>.Max(x, Rows, Width, 1, y), () => matrix.amax([1L]).Dispose());
        yield return Of("argmax of rows", Bytes, () => Reduction<V>.ArgMax(x, Rows, Width, 1, places.AsLongs()), () => matrix.argmax(1).Dispose());
        yield return Of("softmax of rows", 2 * Bytes, () => Softmax<V>.Forward(x, Rows, Width, 1, y), () => F.softmax(matrix, 1).Dispose());
        yield return Of("log_softmax of columns", 2 * Bytes, () => Softmax<V>.Logarithm(x, 1, Rows, Width, y), () => F.log_softmax(matrix, 0).Dispose());
        yield return Of("cumulative sum", 2 * Bytes, () => Scan.Sum(x, Rows, Width, 1, y), () => matrix.cumsum(1).Dispose());
    }

    private static IEnumerable<KernelCase> Norms<V>()
        where V : unmanaged, IVector<V>
    {
        Tensor matrix = randn(Rows, Width);
        (Tensor scale, Tensor shift) = (randn(Width), randn(Width));
        (Floats x, Floats dy, Floats y) = (Copy(matrix), Copy(randn(Rows, Width)), Room(Rows * Width));
        (Floats weight, Floats bias, Floats a, Floats b) = (Copy(scale), Copy(shift), Room(Width), Room(Width));
        yield return Of("layer norm", 2 * Bytes, () => LayerNorm<V>.Forward(x, Rows, Width, weight, bias, 1e-5f, y), () => F.layer_norm(matrix, [Width], scale, shift).Dispose());
        yield return Of("layer norm's gradient", 3 * Bytes, () => LayerNorm<V>.Backward(dy, x, Rows, Width, weight, 1e-5f, y, a, b), null);
        (Floats statistics, Floats numbers, Floats slopes) = (Room(2 * Width), Room(3 * Width), Room(2 * Width));
        var normal = BatchNormal.Plain(numbers, Width);
        yield return Of("batch norm", 2 * Bytes, Normalise, () => F.batch_norm(matrix, null!, null!, scale, shift, training: true).Dispose());
        yield return Of("batch norm's gradient", 3 * Bytes, Differentiate, null);
        void Normalise()
        {
            BatchNorm<V>.Measure(x, Rows, Width, statistics);
            BatchNorm<V>.Settle(statistics, Rows, Width, weight, bias, 0.1f, 1e-5f, default, default, a, b, numbers);
            BatchNorm<V>.Apply(x, Rows, Width, normal, y);
        }

        void Differentiate()
        {
            BatchNorm<V>.Slopes(dy, x, Rows, Width, normal, slopes);
            BatchNorm<V>.Backward(dy, x, Rows, Width, normal, b, slopes, y, default, default);
        }

        Tensor images = matrix.view(4, 1024, Width).permute(0, 2, 1).contiguous();
        yield return Of("group norm", 2 * Bytes, () => GroupNorm<V>.Forward(x, 4, 1024, Width, 32, weight, bias, 1e-5f, y), () => F.group_norm(images, 32, scale, shift).Dispose());
        yield return Of("group norm's gradient", 3 * Bytes, () => GroupNorm<V>.Backward(dy, x, 4, 1024, Width, 32, weight, 1e-5f, y, a, b), null);
    }

    private static IEnumerable<KernelCase> Losses<V>()
        where V : unmanaged, IVector<V>
    {
        const int Tokens = 64;
        const int Vocabulary = 50_257;
        Tensor scores = randn(Tokens, Vocabulary);
        Tensor targets = randint(0, Vocabulary, [Tokens], ScalarType.Int64);
        (Floats x, Floats slope, Floats loss, Longs wanted) = (Copy(scores), Room(Tokens * Vocabulary), Room(1), Whole(targets));
        double bytes = 4.0 * Tokens * Vocabulary;
        yield return Of("cross-entropy and gradient", 2 * bytes, () => CrossEntropy<V>.Run(x, wanted, Tokens, Vocabulary, 0, loss, slope), null);
        yield return Of("cross-entropy", bytes, () => CrossEntropy<V>.Loss(x, wanted, Tokens, Vocabulary, 0, loss), () => F.cross_entropy(scores, targets).Dispose());
        foreach (int width in (int[])[8, 256])
        {
            const int Uses = 16_384;
            Tensor table = randn(10_000, width);
            Tensor numbers = randint(0, 10_000, [Uses], ScalarType.Int64);
            (Floats rows, Floats y, Floats dTable, Longs indices) = (Copy(table), Copy(randn(Uses, width)), Room(10_000L * width), Whole(numbers));
            yield return Of($"embedding of {width}", 8.0 * Uses * width, () => Embedding<V>.Forward(rows, 10_000, width, indices, Uses, y), () => table.index_select(0, numbers).Dispose());
            yield return Of($"embedding's gradient of {width}", (4.0 * 10_000 * width) + (12.0 * Uses * width), () => Embedding<V>.Backward(y, 10_000, width, indices, Uses, -1, dTable), null);
        }
    }

    private static IEnumerable<KernelCase> Images<V>()
        where V : unmanaged, IVector<V>
    {
        Tensor images = randn(8, 56, 56, 64).permute(0, 3, 1, 2);
        (Floats x, Floats y, Floats z) = (Copy(randn(8, 56, 56, 64)), Room(8 * 112 * 112 * 64), Room(8 * 112 * 112 * 64));
        const double Size = 4.0 * 8 * 56 * 56 * 64;
        var shape = new PoolShape(8, 56, 56, 64, 28, 28) { KernelHeight = 2, KernelWidth = 2, StrideY = 2, StrideX = 2 };
        yield return Of("max pool", 1.25 * Size, () => MaxPool<V>.Forward(shape, x, y), () => F.max_pool2d(images, 2).Dispose());
        yield return Of("max pool's gradient", 2.25 * Size, () => MaxPool<V>.Backward(shape, x, y, z), null);
        yield return Of("average pool", 1.25 * Size, () => AveragePool<V>.Forward(shape, x, y), () => F.avg_pool2d(images, 2).Dispose());
        yield return Of("doubling by the nearest", 5 * Size, () => Double(Resampling<V>.Nearest), () => F.interpolate(images, [112, 112], mode: InterpolationMode.Nearest).Dispose());
        yield return Of("doubling, bilinear", 5 * Size, () => Double(Resampling<V>.Linear), () => F.interpolate(images, [112, 112], mode: InterpolationMode.Bilinear, align_corners: false).Dispose());
        yield return Of("reflection padding", 2 * Size, () => Padding<V>.Forward(x, 8, 56, 56 * 64, 1, 1, Padding<V>.Reflect, y), () => F.pad(images, [0, 0, 1, 1], PaddingModes.Reflect).Dispose());

        void Double(int mode) => Resampling<V>.Forward(x, 8, 56, 56, 64, 112, mode, 0, false, 112, mode, 0, false, y);
    }

    private static IEnumerable<KernelCase> Steps<V>()
        where V : unmanaged, IVector<V>
    {
        const int Count = Rows * Width;
        (Floats p, Floats g, Floats m, Floats s) = (Copy(randn(Count)), Copy(randn(Count)), Room(Count), Room(Count));
        Tensor like = randn(Count);
        yield return Of("mask of dropout", Bytes, () => Dropout<V>.Mask(m, Count, 0.1f, 1, 2), () => F.dropout(like, 0.1).Dispose());
        yield return Of("AdamW", 7 * Bytes, () => Adam<V>.Step(p, g, m, s, Count, new AdamSettings(1e-3, 0.9, 0.999, 1e-8, 0.01, true, 3)), null);
        yield return Of("SGD with momentum", 5 * Bytes, () => Sgd<V>.Step(p, g, m, Count, new SgdSettings(1e-3, 0.9, false, 0)), null);
    }
}
