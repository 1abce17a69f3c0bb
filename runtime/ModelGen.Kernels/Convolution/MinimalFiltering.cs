using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Convolutions with kernels of 3 x 3 and stride 1 by Winograd's minimal filtering. Tiles of the image are transformed and written as panels, one product of matrices follows for each point
/// of a tile, and the results are transformed back. Weights lie as panels too, so that products read both operands from end to end.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
/// <typeparam name="TFilter">Size of the tiles.</typeparam>
internal static unsafe class MinimalFiltering<V, TFilter>
    where V : unmanaged, IVector<V>
    where TFilter : struct, ITileFilter<V>
{
    /// <summary>Floats of transformed tiles that are worked on at a time: they stay in the cache that all cores share.</summary>
    private const long Budget = 2_000_000;

    [ThreadStatic]
    private static NativeMemoryBlock? kernels;

    [ThreadStatic]
    private static NativeMemoryBlock? tiles;

    private static nint Side
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFilter.Side;
    }

    /// <summary>Pixels of a tile along each side, and points along each side of a transformed one.</summary>
    private static nint Window
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFilter.Side + 2;
    }

    private static nint Points
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TFilter.Side + 2) * (TFilter.Side + 2);
    }

    /// <summary>Tiles over a number of outputs.</summary>
    public static nint Tiles(nint size) => Ceiling(size, Side);

    /// <summary>Numbers of transformed weights.</summary>
    /// <param name="inputs">Channels that are read.</param>
    /// <param name="outputs">Channels that are written.</param>
    public static nint Size(nint inputs, nint outputs) => Points * inputs * Padded(outputs);

    /// <summary>Transforms weights [3][3][inputs][outputs] to [points][panels of outputs][inputs][outputs of a panel]; outputs past the end are zero.</summary>
    public static void Transform(nint inputs, nint outputs, float* weight, float* target)
    {
        var job = new KernelJob { Source = weight, Inputs = inputs, Outputs = outputs, Target = target };
        Workers.Share(ref job, job.Panels * Ceiling(inputs, KernelJob.Block), 1 + (2048 / (Gemm<V>.TileColumns * KernelJob.Block)));
    }

    /// <summary>As <see cref="Transform"/> for the gradient of the input: kernels are turned, and channels change places.</summary>
    private static void TransformTurned(nint inputs, nint outputs, float* weight, float* target)
    {
        var job = new TurnedKernelJob { Source = weight, Inputs = inputs, Outputs = outputs, Target = target };
        Workers.Share(ref job, Ceiling(inputs, V.Count) * Ceiling(outputs, V.Count), 1 + (2048 / (V.Count * V.Count)));
    }

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
        if (transformed is null)
        {
            transformed = Kernels(Size(s.InputChannels, s.OutputChannels));
            Transform(s.InputChannels, s.OutputChannels, weight, transformed);
        }

        var geometry = new Geometry
        {
            Batch = s.Batch, Height = s.Height, Width = s.Width, Inputs = s.InputChannels, PadTop = s.PadTop, PadLeft = s.PadLeft, OutputHeight = s.OutputHeight, OutputWidth = s.OutputWidth, Outputs = s.OutputChannels,
        };
        Run(geometry, input, transformed, output, add: false, epilogue);
    }

    /// <summary>The gradient of the input is a convolution of the gradient with turned kernels.</summary>
    public static void GradientInput<TEpilogue>(in ConvolutionShape s, float* gradient, float* weight, float* result, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        float* transformed = Kernels(Size(s.OutputChannels, s.InputChannels));
        TransformTurned(s.InputChannels, s.OutputChannels, weight, transformed);
        var geometry = new Geometry
        {
            Batch = s.Batch, Height = s.OutputHeight, Width = s.OutputWidth, Inputs = s.OutputChannels, PadTop = 2 - s.PadTop, PadLeft = 2 - s.PadLeft, OutputHeight = s.Height, OutputWidth = s.Width, Outputs = s.InputChannels,
        };
        Run(geometry, gradient, transformed, result, add, epilogue);
    }

    private static void Run<TEpilogue>(in Geometry g, float* input, float* transformed, float* output, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint row = Padded(g.Outputs);
        nint lines = Math.Clamp((nint)(Budget / (Points * g.TilesX * (g.Inputs + row))), 1, g.Lines);
        nint panels = Ceiling(lines * g.TilesX, Gemm<V>.TileRows);
        float* left = Memory(g.Inputs, panels, row, out float* products, out float* zeros);
        for (nint line = 0; line < g.Lines; line += lines)
        {
            nint count = Math.Min(lines, g.Lines - line);
            nint tiles = count * g.TilesX;
            var images = new InputJob { G = g, First = line * g.TilesX, Count = tiles, Panels = panels, Source = input, Zeros = zeros, Target = left };
            Workers.Share(ref images, Ceiling(tiles, Gemm<V>.TileRows) * images.Blocks, 1 + (4096 / (Points * Gemm<V>.TileRows * V.Count)));
            var product = new ProductJob { Inputs = g.Inputs, Tiles = tiles, Panels = panels, Row = row, Left = left, Right = transformed, Target = products };
            Workers.Share(ref product, Points * (row / Gemm<V>.TileColumns), 1 + (60_000 / (tiles * g.Inputs * Gemm<V>.TileColumns)));
            var back = new OutputJob<TEpilogue> { G = g, First = line, Point = panels * Gemm<V>.TileRows * row, Row = row, Source = products, Target = output, Add = add, Epilogue = epilogue };
            Workers.Share(ref back, count, 1 + (16384 / (Points * g.TilesX * row)));
        }
    }

    private static nint Ceiling(nint size, nint part) => (size + part - 1) / part;

    private static nint Padded(nint outputs) => Ceiling(outputs, Gemm<V>.TileColumns) * Gemm<V>.TileColumns;

    /// <summary>Memory of the calling thread for weights that are transformed on the way.</summary>
    private static float* Kernels(nint floats) => Room(ref kernels, floats);

    /// <summary>Memory of the calling thread for transformed tiles, their products and a pixel of zeros. <see cref="Scratch"/> is not used, as those who call may be.</summary>
    private static float* Memory(nint inputs, nint panels, nint row, out float* products, out float* zeros)
    {
        nint left = Ceiling(Points * panels * Gemm<V>.TileRows * inputs, 16) * 16;
        nint right = Points * panels * Gemm<V>.TileRows * row;
        float* start = Room(ref tiles, left + right + inputs + 64);
        products = start + left;
        zeros = products + right;
        new Span<float>(zeros, (int)inputs + 16).Clear();
        return start;
    }

    private static float* Room(ref NativeMemoryBlock? block, nint floats)
    {
        if (block is null || block.Bytes < floats * sizeof(float))
        {
            block?.Dispose();
            block = new NativeMemoryBlock(floats * sizeof(float));
        }

        return (float*)block.Address;
    }

    /// <summary>Images that are read and written, and the tiles over what is written; a line is a row of tiles of one image.</summary>
    private struct Geometry
    {
        public nint Batch;
        public nint Height;
        public nint Width;
        public nint Inputs;
        public nint PadTop;
        public nint PadLeft;
        public nint OutputHeight;
        public nint OutputWidth;
        public nint Outputs;

        public readonly nint TilesX => Tiles(OutputWidth);

        public readonly nint TilesY => Tiles(OutputHeight);

        public readonly nint Lines => Batch * TilesY;
    }

    /// <summary>G g Gᵀ. Units are blocks of input channels of a panel of outputs, so that what is written is in one piece for each point.</summary>
    private struct KernelJob : IRange
    {
        /// <summary>Input channels of a unit.</summary>
        public const int Block = 16;

        public float* Source;
        public nint Inputs;
        public nint Outputs;
        public float* Target;

        public readonly nint Panels => Padded(Outputs) / Gemm<V>.TileColumns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* half = stackalloc float[18 * 16];
            nint tap = Inputs * Outputs;
            nint width = Gemm<V>.TileColumns;
            nint point = Inputs * Padded(Outputs);
            nint blocks = Ceiling(Inputs, Block);
            for (nint unit = from; unit < to; unit++)
            {
                (nint panel, nint block) = Math.DivRem(unit, blocks);
                for (nint input = block * Block; input < Math.Min(Inputs, (block + 1) * Block); input++)
                {
                    for (nint column = 0; column < width; column += V.Count)
                    {
                        nint output = (panel * width) + column;
                        int lanes = (int)Math.Clamp(Outputs - output, 0, V.Count);
                        float* source = Source + (input * Outputs) + output;
                        for (nint x = 0; x < 3; x++, source += tap)
                        {
                            TFilter.Kernel(First(source, lanes), First(source + (3 * tap), lanes), First(source + (6 * tap), lanes), half + (x * V.Count), 3 * V.Count);
                        }

                        float* target = Target + (((panel * Inputs) + input) * width) + column;
                        for (nint y = 0; y < Window; y++)
                        {
                            float* line = half + (y * 3 * V.Count);
                            TFilter.Kernel(V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), target + (y * Window * point), point);
                        }
                    }
                }
            }
        }
    }

    /// <summary>No number where there are none: the first of a vector otherwise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V First(float* source, int lanes) => lanes == 0 ? V.Zero : V.LoadFirst(source, lanes);

    /// <summary>As <see cref="KernelJob"/> with turned kernels, whose outputs are read and inputs written. Units are squares of a vector of each.</summary>
    private struct TurnedKernelJob : IRange
    {
        public float* Source;
        public nint Inputs;
        public nint Outputs;
        public float* Target;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* half = stackalloc float[18 * 16];
            float* square = stackalloc float[(int)(Points * V.Count * V.Count)];
            float* turned = stackalloc float[16 * 16];
            nint tap = Inputs * Outputs;
            nint width = Gemm<V>.TileColumns;
            nint point = Outputs * Padded(Inputs);
            nint blocks = Ceiling(Outputs, V.Count);
            for (nint unit = from; unit < to; unit++)
            {
                (nint input, nint output) = (unit / blocks * V.Count, unit % blocks * V.Count);
                int lanes = (int)Math.Min(V.Count, Outputs - output);
                for (nint i = 0; i < V.Count; i++)
                {
                    float* source = Source + ((input + i) * Outputs) + output;
                    int there = input + i < Inputs ? lanes : 0;
                    for (nint x = 0; x < 3; x++)
                    {
                        float* column = source + ((2 - x) * tap);
                        TFilter.Kernel(First(column + (6 * tap), there), First(column + (3 * tap), there), First(column, there), half + (x * V.Count), 3 * V.Count);
                    }

                    for (nint y = 0; y < Window; y++)
                    {
                        float* line = half + (y * 3 * V.Count);
                        TFilter.Kernel(V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), square + (y * Window * V.Count * V.Count) + (i * V.Count), V.Count * V.Count);
                    }
                }

                float* target = Target + (input / width * Outputs * width) + (output * width) + (input % width);
                for (nint i = 0; i < Points; i++, target += point)
                {
                    float* source = square + (i * V.Count * V.Count);
                    if (lanes == V.Count)
                    {
                        V.Transpose(source, V.Count, target, width);
                        continue;
                    }

                    V.Transpose(source, V.Count, turned, V.Count);
                    for (nint k = 0; k < lanes; k++)
                    {
                        V.Load(turned + (k * V.Count)).Store(target + (k * width));
                    }
                }

                if (input + V.Count >= Inputs && (input + V.Count) % width != 0)
                {
                    ClearRest(output, lanes);
                }
            }
        }

        /// <summary>The second half of the last panel, where no inputs are.</summary>
        private readonly void ClearRest(nint output, int lanes)
        {
            nint width = Gemm<V>.TileColumns;
            for (nint i = 0; i < Points; i++)
            {
                float* target = Target + (i * Outputs * Padded(Inputs)) + (Inputs / width * Outputs * width) + (output * width) + V.Count;
                for (nint k = 0; k < lanes; k++)
                {
                    V.Zero.Store(target + (k * width));
                }
            }
        }
    }

    /// <summary>Tiles of pixels become [points][panels of tiles][channels][tiles of a panel]: Bᵀ d B. Units are vectors of channels of a panel.</summary>
    private struct InputJob : IRange
    {
        public Geometry G;
        public nint First;
        public nint Count;
        public nint Panels;
        public float* Source;
        public float* Zeros;
        public float* Target;

        /// <summary>Vectors of channels.</summary>
        public readonly nint Blocks => Ceiling(G.Inputs, V.Count);

        public readonly void Run(nint from, nint to, int worker)
        {
            nint rows = Gemm<V>.TileRows;
            float** pixels = stackalloc float*[(int)(Points * rows)];
            float* tiles = stackalloc float[(int)(Points * rows * V.Count)];
            nint there = -1;
            for (nint unit = from; unit < to; unit++)
            {
                (nint panel, nint vector) = Math.DivRem(unit, Blocks);
                if (panel != there)
                {
                    for (nint i = 0; i < rows; i++)
                    {
                        Pixels(First + (panel * rows) + i, (panel * rows) + i < Count, pixels + (i * Points));
                    }

                    there = panel;
                }

                nint channel = vector * V.Count;
                for (nint i = 0; i < rows; i++)
                {
                    Tile(pixels + (i * Points), channel, tiles + (i * V.Count), rows * V.Count);
                }

                nint depth = Math.Min(V.Count, G.Inputs - channel);
                for (nint point = 0; point < Points; point++)
                {
                    Panel.Transpose<V>(tiles + (point * rows * V.Count), V.Count, rows, depth, Target + (((((point * Panels) + panel) * G.Inputs) + channel) * rows), rows, rows);
                }
            }
        }

        /// <summary>Where the 16 pixels of a tile are.</summary>
        private readonly void Pixels(nint tile, bool exists, float** pixels)
        {
            (nint line, nint x) = Math.DivRem(tile, G.TilesX);
            (nint image, nint y) = Math.DivRem(line, G.TilesY);
            for (nint i = 0; i < Window; i++)
            {
                nint row = (y * Side) - G.PadTop + i;
                for (nint j = 0; j < Window; j++)
                {
                    nint column = (x * Side) - G.PadLeft + j;
                    bool inside = exists && (nuint)row < (nuint)G.Height && (nuint)column < (nuint)G.Width;
                    pixels[(i * Window) + j] = inside ? Source + ((((image * G.Height) + row) * G.Width + column) * G.Inputs) : Zeros;
                }
            }
        }

        /// <summary>A vector of channels of a tile; its points are <paramref name="step"/> apart.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Tile(float** pixels, nint channel, float* target, nint step)
        {
            float* half = stackalloc float[36 * 16];
            for (nint j = 0; j < Window; j++)
            {
                TFilter.Column(pixels + j, channel, half + (j * V.Count), Window * V.Count);
            }

            for (nint i = 0; i < Window; i++)
            {
                TFilter.Row(half + (i * Window * V.Count), target + (i * Window * step), step);
            }
        }
    }

    /// <summary>Products of the points. Units are panels of outputs of a point.</summary>
    private struct ProductJob : IRange
    {
        public nint Inputs;
        public nint Tiles;
        public nint Panels;
        public nint Row;
        public float* Left;
        public float* Right;
        public float* Target;

        public readonly void Run(nint from, nint to, int worker)
        {
            nint rows = Gemm<V>.TileRows;
            nint width = Gemm<V>.TileColumns;
            nint columns = Row / width;
            for (nint unit = from; unit < to; unit++)
            {
                (nint point, nint column) = Math.DivRem(unit, columns);
                float* left = Left + (point * Panels * rows * Inputs);
                float* target = Target + (point * Panels * rows * Row) + (column * width);
                for (nint tile = 0; tile < Tiles; tile += rows, left += rows * Inputs, target += rows * Row)
                {
                    Gemm<V>.Multiply(Inputs, left, rows, Right + (unit * Inputs * width), width, target, Row, (int)Math.Min(rows, Tiles - tile), add: false);
                }
            }
        }
    }

    /// <summary>Products [points][tiles][outputs] become tiles of outputs: Aᵀ m A. Units are lines of tiles.</summary>
    private struct OutputJob<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public Geometry G;
        public nint First;
        public nint Point;
        public nint Row;
        public float* Source;
        public float* Target;
        public bool Add;
        public TEpilogue Epilogue;

        /// <inheritdoc/>
        public static bool AddsUp => TEpilogue.AddsUp;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                (nint image, nint y) = Math.DivRem(First + line, G.TilesY);
                nint rows = Math.Min(Side, G.OutputHeight - (y * Side));
                nint first = ((image * G.OutputHeight) + (y * Side)) * G.OutputWidth;
                for (nint x = 0; x < G.TilesX; x++)
                {
                    Tile(Source + (((line * G.TilesX) + x) * Row), Target + ((first + (x * Side)) * G.Outputs), rows, Math.Min(Side, G.OutputWidth - (x * Side)));
                }

                Epilogue.Run(Target + (first * G.Outputs), G.Outputs, first, rows * G.OutputWidth, 0, G.Outputs);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tile(float* source, float* corner, nint rows, nint columns)
        {
            float* half = stackalloc float[24 * 16];
            float* whole = stackalloc float[4 * 16];
            for (nint c = 0; c < G.Outputs; c += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, G.Outputs - c);
                for (nint j = 0; j < Window; j++)
                {
                    TFilter.Output(source + (j * Point) + c, Window * Point, half + (j * V.Count), Window * V.Count);
                }

                for (nint i = 0; i < rows; i++)
                {
                    TFilter.Output(half + (i * Window * V.Count), V.Count, whole, V.Count);
                    float* place = corner + (i * G.OutputWidth * G.Outputs) + c;
                    for (nint j = 0; j < columns; j++, place += G.Outputs)
                    {
                        V value = V.Load(whole + (j * V.Count));
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
    }
}
