using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>
/// Products and convolutions of bfloat16 numbers, beside the same in floats and beside libtorch on bfloat16 tensors. Ours read and write floats and round on the way;
/// libtorch's tensors are rounded beforehand, half the memory.
/// </summary>
internal static class BFloat16Cases
{
    private static readonly (int Rows, int Depth, int Columns)[] Products = [(1024, 1024, 1024), (2048, 128, 512), (2048, 512, 128), (64, 9216, 128), (128, 784, 512)];

    private static readonly (string Name, int Batch, int Size, int In, int Out, int Stride, int Pad)[] Convolutions =
    [
        ("32-64 24x24 b64", 64, 26, 32, 64, 1, 0),
        ("64-64 32x32 b32", 32, 32, 64, 64, 1, 1),
        ("256-256 8x8 b32", 32, 8, 256, 256, 1, 1),
        ("512-512 4x4 b32", 32, 4, 512, 512, 1, 1),
        ("64-128 32x32 s2 b32", 32, 32, 64, 128, 2, 1),
    ];

    public static IEnumerable<KernelCase> Cases() => ProductCases().Concat(ConvolutionCasesOf());

    private static IEnumerable<KernelCase> ProductCases()
    {
        foreach ((int rows, int depth, int columns) in Products)
        {
            foreach (string form in (string[])["NN", "NT", "TN"])
            {
                Tensor a = form == "TN" ? randn(depth, rows) : randn(rows, depth);
                Tensor b = form == "NT" ? randn(columns, depth) : randn(depth, columns);
                Tensor left = (form == "TN" ? a.t() : a).to(ScalarType.BFloat16);
                Tensor right = (form == "NT" ? b.t() : b).to(ScalarType.BFloat16);
                var ours = new NativeMemoryBlock(4L * rows * columns);
                NativeMemoryBlock x = Memory.Copy(a);
                NativeMemoryBlock y = Memory.Copy(b);
                GemmProblem problem = form switch
                {
                    "NN" => GemmProblem.NN(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                    "NT" => GemmProblem.NT(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                    _ => GemmProblem.TN(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                };
                yield return new KernelCase(
                    "bf16",
                    $"{form} {rows} x {depth} x {columns}",
                    2.0 * rows * depth * columns,
                    4.0 * ((rows * depth) + (depth * columns) + (rows * columns)),
                    Memory.ByWidth(() => GemmBFloat16<V512>.Run(problem), () => GemmBFloat16<V256>.Run(problem), () => GemmBFloat16<V128>.Run(problem)),
                    () => left.mm(right).Dispose())
                {
                    Floats = Memory.ByWidth(() => Gemm<V512>.Run(problem), () => Gemm<V256>.Run(problem), () => Gemm<V128>.Run(problem)),
                };
            }
        }
    }

    private static IEnumerable<KernelCase> ConvolutionCasesOf()
    {
        foreach ((string name, int batch, int size, int inputs, int outputs, int stride, int pad) in Convolutions)
        {
            var shape = new ConvolutionShape(batch, size, size, inputs, outputs, 3, 3) { StrideY = stride, StrideX = stride, PadTop = pad, PadBottom = pad, PadLeft = pad, PadRight = pad };
            Tensor image = randn(batch, inputs, size, size);
            Tensor weights = randn(outputs, inputs, 3, 3);
            Tensor biases = randn(outputs);
            Tensor gradient = randn(batch, outputs, shape.OutputHeight, shape.OutputWidth);
            var buffers = new Buffers
            {
                X = Memory.Copy(image.permute(0, 2, 3, 1)),
                W = Memory.Copy(weights.permute(2, 3, 1, 0)),
                Dy = Memory.Copy(gradient.permute(0, 2, 3, 1)),
                Y = new NativeMemoryBlock(gradient.numel() * sizeof(float)),
                Dx = new NativeMemoryBlock(image.numel() * sizeof(float)),
                Dw = new NativeMemoryBlock(weights.numel() * sizeof(float)),
                Db = new NativeMemoryBlock(outputs * sizeof(float)),
            };
            Tensor[] rounded = [.. new[] { image, weights, biases, gradient }.Select(static tensor => tensor.to(ScalarType.BFloat16))];
            double flops = 2.0 * shape.OutputPixels * shape.Depth * outputs;
            double bytes = buffers.X.Bytes + buffers.W.Bytes + buffers.Y.Bytes;
            Action<bool, Pass> run = Hardware.VectorBits switch
            {
                512 => (pairs, pass) => Run<V512>(pairs, pass, shape, buffers),
                256 => (pairs, pass) => Run<V256>(pairs, pass, shape, buffers),
                _ => (pairs, pass) => Run<V128>(pairs, pass, shape, buffers),
            };
            Action forward = ConvolutionCases.Faster(last => ConvolutionCases.TorchForward(last, rounded[0], rounded[1], rounded[2], stride, pad, 1));
            Action all = ConvolutionCases.Faster(last => ConvolutionCases.TorchAll(last, rounded[0], rounded[1], rounded[2], rounded[3], stride, pad, 1));
            yield return new KernelCase("bf16", "conv " + name, flops, bytes, () => run(true, Pass.Forward), forward) { Floats = () => run(false, Pass.Forward) };
            yield return new KernelCase("bf16", "conv " + name + " dX", flops, bytes, () => run(true, Pass.Input), null) { Floats = () => run(false, Pass.Input) };
            yield return new KernelCase("bf16", "conv " + name + " dW", flops, bytes, () => run(true, Pass.Weight), null) { Floats = () => run(false, Pass.Weight) };
            yield return new KernelCase("bf16", "conv " + name + " all 3", 3 * flops, 2 * bytes, () => All(true), all) { Floats = () => All(false) };

            void All(bool pairs)
            {
                run(pairs, Pass.Forward);
                run(pairs, Pass.Input);
                run(pairs, Pass.Weight);
            }
        }
    }

    private static void Run<V>(bool pairs, Pass pass, in ConvolutionShape shape, Buffers buffers)
        where V : unmanaged, IVector<V>
    {
        (Floats x, Floats w, Floats dy) = (buffers.X.Floats(), buffers.W.Floats(), buffers.Dy.Floats());
        switch (pass, pairs)
        {
            case (Pass.Forward, true):
                ConvolutionBFloat16<V>.Forward(shape, x, w, buffers.Y.Floats());
                break;
            case (Pass.Forward, false):
                Convolution<V>.Forward(shape, x, w, buffers.Y.Floats());
                break;
            case (Pass.Input, true):
                ConvolutionBFloat16<V>.GradientInput(shape, dy, w, buffers.Dx.Floats(), false);
                break;
            case (Pass.Input, false):
                Convolution<V>.GradientInput(shape, dy, w, buffers.Dx.Floats(), false);
                break;
            case (Pass.Weight, true):
                ConvolutionBFloat16<V>.GradientWeight(shape, x, dy, buffers.Dw.Floats(), buffers.Db.Floats(), false);
                break;
            default:
                Convolution<V>.GradientWeight(shape, x, dy, buffers.Dw.Floats(), buffers.Db.Floats(), false);
                break;
        }
    }

    private enum Pass
    {
        Forward,
        Input,
        Weight,
    }

    private sealed class Buffers
    {
        public required NativeMemoryBlock X { get; init; }

        public required NativeMemoryBlock W { get; init; }

        public required NativeMemoryBlock Dy { get; init; }

        public required NativeMemoryBlock Y { get; init; }

        public required NativeMemoryBlock Dx { get; init; }

        public required NativeMemoryBlock Dw { get; init; }

        public required NativeMemoryBlock Db { get; init; }
    }
}
