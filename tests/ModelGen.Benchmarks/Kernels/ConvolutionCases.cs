using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>
/// Convolutions of the measured models: forward with bias, and the gradients. Torch gets channels-last or plain images, whichever is faster; its gradients are
/// forward and backward together.
/// </summary>
internal static class ConvolutionCases
{
    private static readonly (string Name, int Batch, int Size, int In, int Out, int Kernel, int Stride, int Pad, int Groups)[] Layers =
    [
        ("resnet32 64ch", 32, 32, 64, 64, 3, 1, 1, 1),
        ("resnet32 128ch", 32, 16, 128, 128, 3, 1, 1, 1),
        ("resnet32 256ch", 32, 8, 256, 256, 3, 1, 1, 1),
        ("resnet32 512ch", 32, 4, 512, 512, 3, 1, 1, 1),
        ("resnet32 64-128 s2", 32, 32, 64, 128, 3, 2, 1, 1),
        ("resnet32 64-128 1x1 s2", 32, 32, 64, 128, 1, 2, 0, 1),
        ("resnet224 first b1", 1, 224, 3, 64, 7, 2, 3, 1),
        ("resnet224 56 b1", 1, 56, 64, 64, 3, 1, 1, 1),
        ("resnet224 28 b1", 1, 28, 128, 128, 3, 1, 1, 1),
        ("resnet224 14 b1", 1, 14, 256, 256, 3, 1, 1, 1),
        ("resnet224 7 b1", 1, 7, 512, 512, 3, 1, 1, 1),
        ("mnist conv1", 64, 28, 1, 32, 3, 1, 0, 1),
        ("mnist conv2", 64, 26, 32, 64, 3, 1, 0, 1),
        ("mobilenet 24-144", 32, 16, 24, 144, 1, 1, 0, 1),
        ("mobilenet 144-24", 32, 16, 144, 24, 1, 1, 0, 1),
        ("mobilenet depthwise", 32, 16, 144, 144, 3, 1, 1, 144),
        ("mobilenet depthwise s2", 32, 16, 144, 144, 3, 2, 1, 144),
        ("depthwise 5x5", 32, 16, 144, 144, 5, 1, 2, 144),
        ("unet 64x64", 4, 64, 32, 32, 3, 1, 1, 1),
        ("unet 32x32", 4, 32, 128, 64, 3, 1, 1, 1),
        ("cifar 16ch", 32, 32, 16, 16, 3, 1, 1, 1),
        ("resnext 32x4", 8, 56, 128, 128, 3, 1, 1, 32),
        ("resnext 32x32", 8, 7, 1024, 1024, 3, 1, 1, 32),
    ];

    /// <summary>Convolutions without groups.</summary>
    public static IEnumerable<KernelCase> Cases() => Cases("conv");

    /// <summary>Convolutions with groups.</summary>
    public static IEnumerable<KernelCase> Grouped() => Cases("groupedconv");

    private static IEnumerable<KernelCase> Cases(string family)
    {
        foreach ((string name, int batch, int size, int inputs, int outputs, int kernel, int stride, int pad, int groups) in Layers.Where(layer => layer.Groups > 1 == (family == "groupedconv")))
        {
            var shape = new ConvolutionShape(batch, size, size, inputs, outputs, kernel, kernel)
            {
                StrideY = stride, StrideX = stride, PadTop = pad, PadBottom = pad, PadLeft = pad, PadRight = pad, Groups = groups,
            };
            Tensor image = randn(batch, inputs, size, size);
            Tensor weights = randn(outputs, inputs / groups, kernel, kernel);
            Tensor biases = randn(outputs);
            Tensor plain = nn.functional.conv2d(image, weights, biases, [stride, stride], [pad, pad], [1, 1], groups);
            Tensor gradient = randn(plain.shape);
            NativeMemoryBlock x = Memory.Copy(image.permute(0, 2, 3, 1));
            NativeMemoryBlock w = Memory.Copy(weights.permute(2, 3, 1, 0));
            NativeMemoryBlock b = Memory.Copy(biases);
            NativeMemoryBlock dy = Memory.Copy(gradient.permute(0, 2, 3, 1));
            var y = new NativeMemoryBlock(dy.Bytes);
            var dx = new NativeMemoryBlock(x.Bytes);
            var dw = new NativeMemoryBlock(w.Bytes);
            var db = new NativeMemoryBlock(b.Bytes);
            double flops = 2.0 * shape.OutputPixels * shape.Depth * outputs;
            yield return new KernelCase(
                family,
                name,
                flops,
                x.Bytes + w.Bytes + dy.Bytes,
                Memory.ByWidth(() => Forward<V512>(shape, x, w, b, y), () => Forward<V256>(shape, x, w, b, y), () => Forward<V128>(shape, x, w, b, y)),
                Faster(last => TorchForward(last, image, weights, biases, stride, pad, groups)));
            yield return new KernelCase(
                family,
                name + " dX",
                flops,
                x.Bytes + w.Bytes + dy.Bytes,
                Memory.ByWidth(() => GradientInput<V512>(shape, dy, w, dx), () => GradientInput<V256>(shape, dy, w, dx), () => GradientInput<V128>(shape, dy, w, dx)),
                null);
            yield return new KernelCase(
                family,
                name + " dW",
                flops,
                x.Bytes + w.Bytes + dy.Bytes,
                Memory.ByWidth(() => GradientWeight<V512>(shape, x, dy, dw, db), () => GradientWeight<V256>(shape, x, dy, dw, db), () => GradientWeight<V128>(shape, x, dy, dw, db)),
                null);
            yield return new KernelCase(
                family,
                name + " all 3",
                3 * flops,
                2 * (x.Bytes + w.Bytes + dy.Bytes),
                Memory.ByWidth(() => All<V512>(shape, x, w, b, y, dy, dx, dw, db), () => All<V256>(shape, x, w, b, y, dy, dx, dw, db), () => All<V128>(shape, x, w, b, y, dy, dx, dw, db)),
                Faster(last => TorchAll(last, image, weights, biases, gradient, stride, pad, groups)));
            foreach (NativeMemoryBlock block in (NativeMemoryBlock[])[x, w, b, dy, y, dx, dw, db])
            {
                block.Dispose();
            }
        }
    }

    private static void Forward<V>(in ConvolutionShape shape, NativeMemoryBlock x, NativeMemoryBlock w, NativeMemoryBlock b, NativeMemoryBlock y)
        where V : unmanaged, IVector<V> => Convolution<V>.Forward(shape, x.Floats(), w.Floats(), y.Floats(), new BiasEpilogue<V>(b.Floats()));

    private static void GradientInput<V>(in ConvolutionShape shape, NativeMemoryBlock dy, NativeMemoryBlock w, NativeMemoryBlock dx)
        where V : unmanaged, IVector<V> => Convolution<V>.GradientInput(shape, dy.Floats(), w.Floats(), dx.Floats(), false);

    private static void GradientWeight<V>(in ConvolutionShape shape, NativeMemoryBlock x, NativeMemoryBlock dy, NativeMemoryBlock dw, NativeMemoryBlock db)
        where V : unmanaged, IVector<V> => Convolution<V>.GradientWeight(shape, x.Floats(), dy.Floats(), dw.Floats(), db.Floats(), false);

    private static void All<V>(
        in ConvolutionShape shape, NativeMemoryBlock x, NativeMemoryBlock w, NativeMemoryBlock b, NativeMemoryBlock y, NativeMemoryBlock dy, NativeMemoryBlock dx, NativeMemoryBlock dw, NativeMemoryBlock db)
        where V : unmanaged, IVector<V>
    {
        Forward<V>(shape, x, w, b, y);
        GradientInput<V>(shape, dy, w, dx);
        GradientWeight<V>(shape, x, dy, dw, db);
    }

    internal static Action TorchForward(bool last, Tensor image, Tensor weights, Tensor biases, int stride, int pad, int groups)
    {
        Tensor x = Arranged(image, last);
        Tensor w = Arranged(weights, last);
        return () => nn.functional.conv2d(x, w, biases, [stride, stride], [pad, pad], [1, 1], groups).Dispose();
    }

    internal static Action TorchAll(bool last, Tensor image, Tensor weights, Tensor biases, Tensor gradient, int stride, int pad, int groups)
    {
        Tensor x = Arranged(image, last).requires_grad_();
        Tensor w = Arranged(weights, last).requires_grad_();
        Tensor b = biases.clone().requires_grad_();
        Tensor dy = Arranged(gradient, last);
        return () =>
        {
            using IDisposable guard = enable_grad();
            using Tensor y = nn.functional.conv2d(x, w, b, [stride, stride], [pad, pad], [1, 1], groups);
            foreach (Tensor result in autograd.grad([y], [x, w, b], [dy]))
            {
                result.Dispose();
            }
        };
    }

    private static Tensor Arranged(Tensor tensor, bool last) => last ? tensor.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : tensor.clone();

    /// <summary>The faster of torch's two memory layouts.</summary>
    internal static Action Faster(Func<bool, Action> make)
    {
        Action plain = make(false);
        Action last = make(true);
        return Time(plain) <= Time(last) ? plain : last;
    }

    private static double Time(Action action)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 6; i++)
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            action();
            best = i == 0 ? best : Math.Min(best, watch.Elapsed.TotalMilliseconds);
        }

        return best;
    }
}
