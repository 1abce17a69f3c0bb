using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Convolutions with kernels of 3 x 3 and stride 1 by Winograd's minimal filtering, F(4x4, 3x3) (A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks",
/// arXiv:1509.09308): 36 multiplications for 16 outputs instead of 144. Tiles of the image are transformed, 36 products of matrices follow, and their results are transformed back.
/// Errors are about ten times those of sums taken directly, a few units in the sixth digit; infinities may become NaN.
/// </summary>
internal static unsafe class Winograd<V>
    where V : unmanaged, IVector<V>
{
    private const int Points = 36;

    /// <summary>Floats of transformed tiles that are worked on at a time: they stay in the cache that all cores share.</summary>
    private const long Budget = 2_000_000;

    private static readonly FilteringCosts Costs = FilteringCosts.For(32 * V.Count);

    [ThreadStatic]
    private static NativeMemoryBlock? block;

    /// <summary>Whether a convolution is faster this way.</summary>
    /// <param name="s">The convolution.</param>
    /// <param name="transformed">Whether its weights are transformed already.</param>
    public static bool Pays(in ConvolutionShape s, bool transformed = false) => Pays(s, overPairs: false, transformed);

    /// <summary>Whether a convolution in floats is faster this way than directly in pairs of bfloat16 numbers.</summary>
    /// <param name="s">The convolution.</param>
    public static bool PaysOverPairs(in ConvolutionShape s) => Pays(s, overPairs: true, transformed: false);

    private static bool Pays(in ConvolutionShape s, bool overPairs, bool transformed) =>
        CanRun(s) && Costs.Pays(s.InputChannels, s.OutputChannels, Math.Min(s.OutputPixels, s.InputPixels), overPairs, transformed);

    /// <summary>Whether a convolution has the form.</summary>
    public static bool CanRun(in ConvolutionShape s) =>
        s is { KernelHeight: 3, KernelWidth: 3, StrideY: 1, StrideX: 1, DilationY: 1, DilationX: 1, Groups: 1, Batch: > 0 }
        && s.PadTop is >= 0 and <= 2 && s.PadLeft is >= 0 and <= 2 && s.PadBottom is >= 0 and <= 2 && s.PadRight is >= 0 and <= 2
        && s.OutputHeight >= 3 && s.OutputWidth >= 3 && s.Height >= 3 && s.Width >= 3

        // Tiles that stick out compute numbers that nobody needs.
        && Tiles(s.OutputHeight) * Tiles(s.OutputWidth) * 16 <= 2 * s.OutputHeight * s.OutputWidth;

    /// <summary>Computes a convolution.</summary>
    /// <param name="s">The convolution.</param>
    /// <param name="input">Images.</param>
    /// <param name="weight">Weights; not read when they are transformed.</param>
    /// <param name="transformed">Transformed weights, or null.</param>
    /// <param name="output">Results.</param>
    /// <param name="epilogue">What happens to finished rows.</param>
    public static void Forward<TEpilogue>(in ConvolutionShape s, float* input, float* weight, float* transformed, float* output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        var geometry = new Geometry { Batch = s.Batch, Height = s.Height, Width = s.Width, PadTop = s.PadTop, PadLeft = s.PadLeft, OutputHeight = s.OutputHeight, OutputWidth = s.OutputWidth };
        Convolve(geometry, s, flipped: false, input, weight, transformed, output, add: false, epilogue);
    }

    /// <summary>Transforms weights [3][3][inputs][outputs] for <see cref="Forward"/>.</summary>
    public static void Transform(nint inputs, nint outputs, float* weight, float* target) => Transform(inputs, outputs, weight, target, flipped: false);

    /// <summary>The gradient of the input is a convolution of the gradient with turned kernels.</summary>
    public static void GradientInput<TEpilogue>(in ConvolutionShape s, float* gradient, float* weight, float* result, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        var geometry = new Geometry { Batch = s.Batch, Height = s.OutputHeight, Width = s.OutputWidth, PadTop = 2 - s.PadTop, PadLeft = 2 - s.PadLeft, OutputHeight = s.Height, OutputWidth = s.Width };
        Convolve(geometry, s, flipped: true, gradient, weight, transformed: null, result, add, epilogue);
    }

    /// <summary>Gradient of the weights.</summary>
    public static void GradientWeight(in ConvolutionShape s, float* input, float* gradient, float* result, bool add)
    {
        var geometry = new Geometry { Batch = s.Batch, Height = s.Height, Width = s.Width, PadTop = s.PadTop, PadLeft = s.PadLeft, OutputHeight = s.OutputHeight, OutputWidth = s.OutputWidth };
        (nint inputs, nint outputs) = (s.InputChannels, s.OutputChannels);
        (nint inputRow, nint outputRow) = (Padded(inputs), Padded(outputs));
        nint lines = geometry.Lines(inputRow + outputRow);
        nint tiles = lines * geometry.TilesX;
        float* sums = Memory(Points * inputs * outputRow, Points * tiles * inputRow, Points * tiles * outputRow, inputRow, out float* left, out float* right, out float* zeros);
        for (nint line = 0; line < geometry.AllLines; line += lines)
        {
            nint count = Math.Min(lines, geometry.AllLines - line);
            var images = new InputJob { G = geometry, First = line, Source = input, Channels = inputs, Target = left, Row = inputRow, Tiles = tiles, Zeros = zeros };
            Workers.Run(ref images, count, images.Worth);
            var gradients = new GradientJob { G = geometry, First = line, Source = gradient, Channels = outputs, Target = right, Row = outputRow, Tiles = tiles };
            Workers.Run(ref gradients, count, 1 + (16384 / (Points * geometry.TilesX * outputRow)));
            var product = new GemmProblem(inputs, outputs, count * geometry.TilesX)
            {
                A = left, ARow = 1, AColumn = inputRow, B = right, BRow = outputRow, BColumn = 1, C = sums, CRow = outputRow, Add = line > 0,
            };
            Gemm<V>.Run(product, new GemmBatch(Points, 1) { AOuter = tiles * inputRow, BOuter = tiles * outputRow, COuter = inputs * outputRow });
        }

        var back = new KernelBackJob { Source = sums, Row = outputRow, Inputs = inputs, Outputs = outputs, Target = result, Add = add };
        Workers.Run(ref back, inputs, 1 + (2048 / outputs));
    }

    private static nint Tiles(nint size) => (size + 3) / 4;

    private static nint Padded(nint channels) => (channels + V.Count - 1) / V.Count * V.Count;

    /// <summary>Four pieces of memory of the calling thread, the last one of zeros. <see cref="Scratch"/> is not used, as the products need it themselves.</summary>
    private static float* Memory(nint first, nint second, nint third, nint empty, out float* b, out float* c, out float* zeros)
    {
        static nint Room(nint floats) => ((floats + 15) / 16 * 16) + 16;
        long bytes = (Room(first) + Room(second) + Room(third) + Room(empty)) * sizeof(float);
        if (block is null || block.Bytes < bytes)
        {
            block?.Dispose();
            block = new NativeMemoryBlock(bytes);
        }

        var start = (float*)block.Address;
        b = start + Room(first);
        c = b + Room(second);
        zeros = c + Room(third);
        new Span<float>(zeros, (int)Room(empty)).Clear();
        return start;
    }

    private static void Convolve<TEpilogue>(Geometry geometry, in ConvolutionShape s, bool flipped, float* source, float* weight, float* transformed, float* target, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        (nint inputs, nint outputs) = flipped ? (s.OutputChannels, s.InputChannels) : (s.InputChannels, s.OutputChannels);
        (nint inputRow, nint outputRow, nint kernelRow) = (Padded(inputs), Padded(outputs), Padded(s.OutputChannels));
        nint lines = geometry.Lines(inputRow + outputRow);
        nint tiles = lines * geometry.TilesX;
        float* kernels = Memory(transformed is null ? Points * s.InputChannels * kernelRow : 0, Points * tiles * inputRow, Points * tiles * outputRow, inputRow, out float* left, out float* products, out float* zeros);
        if (transformed is null)
        {
            Transform(s.InputChannels, s.OutputChannels, weight, kernels, flipped);
        }
        else
        {
            kernels = transformed;
        }

        for (nint line = 0; line < geometry.AllLines; line += lines)
        {
            nint count = Math.Min(lines, geometry.AllLines - line);
            var images = new InputJob { G = geometry, First = line, Source = source, Channels = inputs, Target = left, Row = inputRow, Tiles = tiles, Zeros = zeros };
            Workers.Run(ref images, count, images.Worth);
            var product = new GemmProblem(count * geometry.TilesX, outputs, inputs)
            {
                A = left, ARow = inputRow, AColumn = 1, B = kernels, BRow = flipped ? 1 : kernelRow, BColumn = flipped ? kernelRow : 1, C = products, CRow = outputRow,
            };
            Gemm<V>.Run(product, new GemmBatch(Points, 1) { AOuter = tiles * inputRow, BOuter = s.InputChannels * kernelRow, COuter = tiles * outputRow });
            var back = new OutputJob<TEpilogue> { G = geometry, First = line, Source = products, Row = outputRow, Tiles = tiles, Channels = outputs, Target = target, Add = add, Epilogue = epilogue };
            Workers.Run(ref back, count, 1 + (16384 / (16 * geometry.TilesX * outputs)));
        }
    }

    private static void Transform(nint inputs, nint outputs, float* weight, float* target, bool flipped)
    {
        var transform = new KernelJob { Source = weight, Inputs = inputs, Outputs = outputs, Target = target, Row = Padded(outputs), Flipped = flipped };
        Workers.Run(ref transform, inputs, 1 + (2048 / outputs));
    }

    /// <summary>Images and the tiles over their outputs; a line is a row of tiles of one image.</summary>
    private struct Geometry
    {
        public nint Batch;
        public nint Height;
        public nint Width;
        public nint PadTop;
        public nint PadLeft;
        public nint OutputHeight;
        public nint OutputWidth;

        public readonly nint TilesX => Tiles(OutputWidth);

        public readonly nint TilesY => Tiles(OutputHeight);

        public readonly nint AllLines => Batch * TilesY;

        /// <summary>Lines that are worked on at a time.</summary>
        public readonly nint Lines(nint channels) => Math.Clamp((nint)(Budget / (Points * TilesX * channels)), Math.Min(Workers.Count, AllLines), AllLines);
    }

    /// <summary>Kernels [3][3][inputs][outputs] become [36][inputs][outputs]: G g Gᵀ.</summary>
    private struct KernelJob : IRange
    {
        public float* Source;
        public nint Inputs;
        public nint Outputs;
        public float* Target;
        public nint Row;
        public bool Flipped;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* half = stackalloc float[18 * 16];
            nint tap = Inputs * Outputs;
            for (nint input = from; input < to; input++)
            {
                for (nint output = 0; output < Outputs; output += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, Outputs - output);
                    float* source = Source + (input * Outputs) + output;
                    for (nint x = 0; x < 3; x++)
                    {
                        nint column = Flipped ? 2 - x : x;
                        V a = V.LoadFirst(source + (((Flipped ? 6 : 0) + column) * tap), lanes);
                        V b = V.LoadFirst(source + ((3 + column) * tap), lanes);
                        V c = V.LoadFirst(source + (((Flipped ? 0 : 6) + column) * tap), lanes);
                        Spread(a, b, c, half + (x * V.Count), 3 * V.Count);
                    }

                    float* target = Target + (input * Row) + output;
                    for (nint y = 0; y < 6; y++)
                    {
                        float* line = half + (y * 3 * V.Count);
                        Spread(V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), target + (y * 6 * Inputs * Row), Inputs * Row);
                    }
                }
            }
        }

        /// <summary>Six numbers from three: the rows of G.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Spread(V a, V b, V c, float* target, nint step)
        {
            V sum = (a + c) * V.All(-1f / 6);
            V middle = b * V.All(1f / 6);
            V outer = V.Fma(c, V.All(1f / 6), a * V.All(1f / 24));
            V twelfth = b * V.All(1f / 12);
            (a * V.All(0.25f)).Store(target);
            (sum - middle).Store(target + step);
            (sum + middle).Store(target + (2 * step));
            (outer + twelfth).Store(target + (3 * step));
            (outer - twelfth).Store(target + (4 * step));
            c.Store(target + (5 * step));
        }
    }

    /// <summary>Sums [36][inputs][outputs] become kernels [3][3][inputs][outputs]: Gᵀ m G.</summary>
    private struct KernelBackJob : IRange
    {
        public float* Source;
        public nint Row;
        public nint Inputs;
        public nint Outputs;
        public float* Target;
        public bool Add;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* half = stackalloc float[18 * 16];
            float* whole = stackalloc float[9 * 16];
            nint point = Inputs * Row;
            for (nint input = from; input < to; input++)
            {
                for (nint output = 0; output < Outputs; output += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, Outputs - output);
                    float* source = Source + (input * Row) + output;
                    for (nint x = 0; x < 6; x++)
                    {
                        Gather(source + (x * point), 6 * point, half + (x * V.Count), 6 * V.Count);
                    }

                    for (nint y = 0; y < 3; y++)
                    {
                        Gather(half + (y * 6 * V.Count), V.Count, whole + (y * 3 * V.Count), V.Count);
                    }

                    for (nint i = 0; i < 9; i++)
                    {
                        float* target = Target + (((i * Inputs) + input) * Outputs) + output;
                        V value = V.Load(whole + (i * V.Count));
                        value = Add ? value + V.LoadFirst(target, lanes) : value;
                        value.StoreFirst(target, lanes);
                    }
                }
            }
        }

        /// <summary>Three numbers from six: the columns of G.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Gather(float* source, nint step, float* target, nint targetStep)
        {
            V m1 = V.Load(source + step);
            V m2 = V.Load(source + (2 * step));
            V m3 = V.Load(source + (3 * step));
            V m4 = V.Load(source + (4 * step));
            V near = (m1 + m2) * V.All(-1f / 6);
            V far = m3 + m4;
            V.Fma(V.Load(source), V.All(0.25f), V.Fma(far, V.All(1f / 24), near)).Store(target);
            V.Fma(m2 - m1, V.All(1f / 6), (m3 - m4) * V.All(1f / 12)).Store(target + targetStep);
            (V.Fma(far, V.All(1f / 6), near) + V.Load(source + (5 * step))).Store(target + (2 * targetStep));
        }
    }

    /// <summary>Tiles of 6 x 6 pixels become [36][tiles][channels]: Bᵀ d B.</summary>
    private struct InputJob : IRange
    {
        public Geometry G;
        public nint First;
        public float* Source;
        public nint Channels;
        public float* Target;
        public nint Row;
        public nint Tiles;
        public float* Zeros;

        /// <summary>Lines that are worth a worker.</summary>
        public readonly nint Worth => 1 + (16384 / (Points * G.TilesX * Row));

        public readonly void Run(nint from, nint to, int worker)
        {
            float** pixels = stackalloc float*[Points];
            for (nint line = from; line < to; line++)
            {
                (nint image, nint y) = ((First + line) / G.TilesY, (First + line) % G.TilesY);
                for (nint x = 0; x < G.TilesX; x++)
                {
                    for (nint i = 0; i < 6; i++)
                    {
                        nint row = (y * 4) - G.PadTop + i;
                        for (nint j = 0; j < 6; j++)
                        {
                            nint column = (x * 4) - G.PadLeft + j;
                            bool inside = (nuint)row < (nuint)G.Height && (nuint)column < (nuint)G.Width;
                            pixels[(i * 6) + j] = inside ? Source + ((((image * G.Height) + row) * G.Width + column) * Channels) : Zeros;
                        }
                    }

                    Tile(pixels, Target + (((line * G.TilesX) + x) * Row));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tile(float** pixels, float* target)
        {
            float* half = stackalloc float[Points * 16];
            nint point = Tiles * Row;
            for (nint c = 0; c < Channels; c += V.Count)
            {
                for (nint j = 0; j < 6; j++)
                {
                    Transform(
                        V.Load(pixels[j] + c), V.Load(pixels[6 + j] + c), V.Load(pixels[12 + j] + c), V.Load(pixels[18 + j] + c), V.Load(pixels[24 + j] + c), V.Load(pixels[30 + j] + c), half + (j * V.Count), 6 * V.Count);
                }

                for (nint i = 0; i < 6; i++)
                {
                    float* line = half + (i * 6 * V.Count);
                    Transform(
                        V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), V.Load(line + (3 * V.Count)), V.Load(line + (4 * V.Count)), V.Load(line + (5 * V.Count)), target + (i * 6 * point) + c, point);
                }
            }
        }

        /// <summary>The rows of Bᵀ.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Transform(V d0, V d1, V d2, V d3, V d4, V d5, float* target, nint step)
        {
            V four = V.All(4);
            V five = V.All(-5);
            V even = V.Fma(d2, -four, d4);
            V odd = V.Fma(d1, -four, d3);
            V evenNear = d4 - d2;
            V oddNear = (d3 - d1) * V.All(2);
            V.Fma(d0, four, V.Fma(d2, five, d4)).Store(target);
            (even + odd).Store(target + step);
            (even - odd).Store(target + (2 * step));
            (evenNear + oddNear).Store(target + (3 * step));
            (evenNear - oddNear).Store(target + (4 * step));
            V.Fma(d1, four, V.Fma(d3, five, d5)).Store(target + (5 * step));
        }
    }

    /// <summary>Tiles of 4 x 4 gradients become [36][tiles][channels]: A y Aᵀ.</summary>
    private struct GradientJob : IRange
    {
        public Geometry G;
        public nint First;
        public float* Source;
        public nint Channels;
        public float* Target;
        public nint Row;
        public nint Tiles;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                (nint image, nint y) = ((First + line) / G.TilesY, (First + line) % G.TilesY);
                for (nint x = 0; x < G.TilesX; x++)
                {
                    float* corner = Source + ((((image * G.OutputHeight) + (y * 4)) * G.OutputWidth + (x * 4)) * Channels);
                    Tile(corner, Math.Min(4, G.OutputHeight - (y * 4)), Math.Min(4, G.OutputWidth - (x * 4)), Target + (((line * G.TilesX) + x) * Row));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tile(float* corner, nint rows, nint columns, float* target)
        {
            float* half = stackalloc float[24 * 16];
            nint point = Tiles * Row;
            nint down = G.OutputWidth * Channels;
            for (nint c = 0; c < Channels; c += V.Count)
            {
                for (nint j = 0; j < 4; j++)
                {
                    float* pixel = corner + (j * Channels) + c;
                    bool there = j < columns;
                    V y0 = there ? V.Load(pixel) : V.Zero;
                    V y1 = there && rows > 1 ? V.Load(pixel + down) : V.Zero;
                    V y2 = there && rows > 2 ? V.Load(pixel + (2 * down)) : V.Zero;
                    V y3 = there && rows > 3 ? V.Load(pixel + (3 * down)) : V.Zero;
                    Transform(y0, y1, y2, y3, half + (j * V.Count), 4 * V.Count);
                }

                for (nint i = 0; i < 6; i++)
                {
                    float* line = half + (i * 4 * V.Count);
                    Transform(V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), V.Load(line + (3 * V.Count)), target + (i * 6 * point) + c, point);
                }
            }
        }

        /// <summary>The rows of A.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Transform(V y0, V y1, V y2, V y3, float* target, nint step)
        {
            V even = y0 + y2;
            V odd = y1 + y3;
            V evenFar = V.Fma(y2, V.All(4), y0);
            V oddFar = V.Fma(y3, V.All(8), y1 * V.All(2));
            y0.Store(target);
            (even + odd).Store(target + step);
            (even - odd).Store(target + (2 * step));
            (evenFar + oddFar).Store(target + (3 * step));
            (evenFar - oddFar).Store(target + (4 * step));
            y3.Store(target + (5 * step));
        }
    }

    /// <summary>Products [36][tiles][channels] become tiles of 4 x 4 outputs: Aᵀ m A.</summary>
    private struct OutputJob<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public Geometry G;
        public nint First;
        public float* Source;
        public nint Row;
        public nint Tiles;
        public nint Channels;
        public float* Target;
        public bool Add;
        public TEpilogue Epilogue;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                (nint image, nint y) = ((First + line) / G.TilesY, (First + line) % G.TilesY);
                nint rows = Math.Min(4, G.OutputHeight - (y * 4));
                nint first = ((image * G.OutputHeight) + (y * 4)) * G.OutputWidth;
                for (nint x = 0; x < G.TilesX; x++)
                {
                    Tile(Source + (((line * G.TilesX) + x) * Row), Target + ((first + (x * 4)) * Channels), rows, Math.Min(4, G.OutputWidth - (x * 4)));
                }

                Epilogue.Run(Target + (first * Channels), Channels, first, rows * G.OutputWidth, 0, Channels);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tile(float* source, float* corner, nint rows, nint columns)
        {
            float* half = stackalloc float[24 * 16];
            float* whole = stackalloc float[16 * 16];
            nint point = Tiles * Row;
            for (nint c = 0; c < Channels; c += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, Channels - c);
                for (nint j = 0; j < 6; j++)
                {
                    Transform(source + (j * point) + c, 6 * point, half + (j * V.Count), 6 * V.Count);
                }

                for (nint i = 0; i < rows; i++)
                {
                    Transform(half + (i * 6 * V.Count), V.Count, whole + (i * 4 * V.Count), V.Count);
                    for (nint j = 0; j < columns; j++)
                    {
                        float* place = corner + (((i * G.OutputWidth) + j) * Channels) + c;
                        V value = V.Load(whole + (((i * 4) + j) * V.Count));
                        if (lanes == V.Count)
                        {
                            (Add ? value + V.Load(place) : value).Store(place);
                        }
                        else
                        {
                            (Add ? value + V.LoadFirst(place, lanes) : value).StoreFirst(place, lanes);
                        }
                    }
                }
            }
        }

        /// <summary>The rows of Aᵀ.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Transform(float* source, nint step, float* target, nint targetStep)
        {
            V m1 = V.Load(source + step);
            V m2 = V.Load(source + (2 * step));
            V m3 = V.Load(source + (3 * step));
            V m4 = V.Load(source + (4 * step));
            V near = m1 + m2;
            V nearDifference = m1 - m2;
            V far = m3 + m4;
            V farDifference = m3 - m4;
            (V.Load(source) + near + far).Store(target);
            V.Fma(farDifference, V.All(2), nearDifference).Store(target + targetStep);
            V.Fma(far, V.All(4), near).Store(target + (2 * targetStep));
            (V.Fma(farDifference, V.All(8), nearDifference) + V.Load(source + (5 * step))).Store(target + (3 * targetStep));
        }
    }
}
