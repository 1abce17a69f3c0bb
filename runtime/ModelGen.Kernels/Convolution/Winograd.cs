using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// When minimal filtering of tiles of 4 x 4 outputs pays, and the gradient of the weights by it: tiles of the image and of the gradient are transformed, 36 products of matrices follow, and
/// their results are transformed to kernels.
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

    /// <summary>Whether a convolution is faster by tiles of 2 x 2 outputs than directly, with weights that are transformed already.</summary>
    /// <param name="s">The convolution.</param>
    public static bool SmallTilesPay(in ConvolutionShape s) =>
        HasForm(s) && Costs.SmallTilesPay(s.InputChannels, s.OutputChannels, s.OutputPixels, s.Batch * Ceiling(s.OutputHeight, 2) * Ceiling(s.OutputWidth, 2));

    /// <summary>Whether a convolution in floats is faster this way than directly in pairs of bfloat16 numbers.</summary>
    /// <param name="s">The convolution.</param>
    public static bool PaysOverPairs(in ConvolutionShape s) => Pays(s, overPairs: true, transformed: false);

    private static bool Pays(in ConvolutionShape s, bool overPairs, bool transformed) =>
        CanRun(s) && Costs.Pays(s.InputChannels, s.OutputChannels, Math.Min(s.OutputPixels, s.InputPixels), overPairs, transformed);

    /// <summary>Whether a convolution has the form, and images that tiles of 4 x 4 fit.</summary>
    public static bool CanRun(in ConvolutionShape s) =>
        HasForm(s)

        // Tiles that stick out compute numbers that nobody needs.
        && Tiles(s.OutputHeight) * Tiles(s.OutputWidth) * 16 <= 2 * s.OutputHeight * s.OutputWidth;

    /// <summary>Whether a convolution is one of 3 x 3 that minimal filtering is made for.</summary>
    public static bool HasForm(in ConvolutionShape s) =>
        s is { KernelHeight: 3, KernelWidth: 3, StrideY: 1, StrideX: 1, DilationY: 1, DilationX: 1, Groups: 1, Batch: > 0 }
        && s.PadTop is >= 0 and <= 2 && s.PadLeft is >= 0 and <= 2 && s.PadBottom is >= 0 and <= 2 && s.PadRight is >= 0 and <= 2
        && s.OutputHeight >= 3 && s.OutputWidth >= 3 && s.Height >= 3 && s.Width >= 3;

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
            Workers.Share(ref images, count, images.Worth);
            var gradients = new GradientJob { G = geometry, First = line, Source = gradient, Channels = outputs, Target = right, Row = outputRow, Tiles = tiles };
            Workers.Share(ref gradients, count, 1 + (16384 / (Points * geometry.TilesX * outputRow)));
            var product = new GemmProblem(inputs, outputs, count * geometry.TilesX)
            {
                A = left, ARow = 1, AColumn = inputRow, B = right, BRow = outputRow, BColumn = 1, C = sums, CRow = outputRow, Add = line > 0,
            };
            Gemm<V>.Run(product, new GemmBatch(Points, 1) { AOuter = tiles * inputRow, BOuter = tiles * outputRow, COuter = inputs * outputRow });
        }

        var back = new KernelBackJob { Source = sums, Row = outputRow, Inputs = inputs, Outputs = outputs, Target = result, Add = add };
        Workers.Share(ref back, inputs, 1 + (2048 / outputs));
    }

    private static nint Tiles(nint size) => Ceiling(size, 4);

    private static nint Ceiling(nint size, nint part) => (size + part - 1) / part;

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
        public readonly nint Lines(nint channels) => Math.Clamp((nint)(Budget / (Points * TilesX * channels)), Math.Min(Workers.Available, AllLines), AllLines);
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
                    FilterFour<V>.Column(pixels + j, c, half + (j * V.Count), 6 * V.Count);
                }

                for (nint i = 0; i < 6; i++)
                {
                    FilterFour<V>.Row(half + (i * 6 * V.Count), target + (i * 6 * point) + c, point);
                }
            }
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
}
