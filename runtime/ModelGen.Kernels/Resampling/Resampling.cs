using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Resampling of the middle dimension of <c>[outer, length, inner]</c> and its gradient, as PyTorch's <c>interpolate</c>. Several dimensions are resampled one after the other, or two of them at once, which
/// gives bilinear and bicubic interpolation.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Resampling<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>The element at or before a position.</summary>
    public const int Nearest = 0;

    /// <summary>The element whose centre is nearest.</summary>
    public const int NearestExact = 1;

    /// <summary>A line between neighbours.</summary>
    public const int Linear = 2;

    /// <summary>A cubic through four neighbours.</summary>
    public const int Cubic = 3;

    /// <summary>Elements that a new one is made of at most.</summary>
    private const int MostTaps = 4;

    /// <summary>Numbers that are copied by a call: fewer take less time than it.</summary>
    private const nint Long = 512;

    /// <summary>Columns that a worker takes at a time in gradients.</summary>
    private const nint Block = 256;

    /// <summary>Resamples.</summary>
    /// <param name="x">Operand [outer, length, inner].</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the resampled one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="size">Its new size.</param>
    /// <param name="mode">One of the constants.</param>
    /// <param name="scale">Factor that positions follow; 0 for the ratio of the sizes.</param>
    /// <param name="align">Whether the first and last elements keep their places.</param>
    /// <param name="y">Result [outer, size, inner].</param>
    public static void Forward(Floats x, nint outer, nint length, nint inner, nint size, int mode, double scale, bool align, Floats y)
    {
        var job = new ForwardJob { X = x, Inner = inner, Grid = new Grid(length, size, mode, scale, align), Y = y };
        Workers.Run(ref job, outer * size, 1 + (8192 / Math.Max(inner, 1)));
    }

    /// <summary>
    /// Resamples the second and third dimensions of <c>[outer, height, width, inner]</c>: the same numbers as by two calls for one dimension each, but rows between them stay in the nearest caches.
    /// </summary>
    /// <param name="x">Operand [outer, height, width, inner].</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="height">Size of the second.</param>
    /// <param name="width">Size of the third.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="newHeight">New size of the second dimension.</param>
    /// <param name="modeY">One of the constants.</param>
    /// <param name="scaleY">Factor that positions follow; 0 for the ratio of the sizes.</param>
    /// <param name="alignY">Whether the first and last elements keep their places.</param>
    /// <param name="newWidth">New size of the third dimension.</param>
    /// <param name="modeX">As for the second dimension.</param>
    /// <param name="scaleX">As for the second dimension, too.</param>
    /// <param name="alignX">So is this.</param>
    /// <param name="y">Result [outer, newHeight, newWidth, inner].</param>
    public static void Forward(
        Floats x, nint outer, nint height, nint width, nint inner, nint newHeight, int modeY, double scaleY, bool alignY, nint newWidth, int modeX, double scaleX, bool alignX, Floats y)
    {
        nint units = outer * newHeight;
        nint unitsPerWorker = 1 + (8192 / Math.Max(newWidth * inner, 1));
        nint row = ColumnSums<V>.Padded(width * inner);
        nint table = (newWidth * (MostTaps + (MostTaps * sizeof(nint) / sizeof(float)))) + V.Count;
        float* memory = Scratch.Floats((Workers.For(units, unitsPerWorker) * row) + table);
        var job = new PlaneJob { X = x, Width = width, Inner = inner, Rows = new Grid(height, newHeight, modeY, scaleY, alignY), NewWidth = newWidth, Y = y, Row = row, Memory = memory };
        job.Elements = (nint*)(memory + (Workers.For(units, unitsPerWorker) * row));
        job.Weights = (float*)(job.Elements + (newWidth * MostTaps));
        var columns = new Grid(width, newWidth, modeX, scaleX, alignX);
        job.Doubles = columns.DoublesLinearly;
        for (nint column = 0; column < newWidth; column++)
        {
            job.Taps = columns.Taps(column, job.Elements + (column * MostTaps), job.Weights + (column * MostTaps));
        }

        Workers.Run(ref job, units, unitsPerWorker);
    }

    /// <summary>Gradient: each element collects what it gave, in order.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the resampled one, before.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="size">Its new size.</param>
    /// <param name="mode">One of the constants.</param>
    /// <param name="scale">Factor that positions follow; 0 for the ratio of the sizes.</param>
    /// <param name="align">Whether the first and last elements keep their places.</param>
    /// <param name="dx">Receives the gradient of the operand.</param>
    public static void Backward(Floats gradient, nint outer, nint length, nint inner, nint size, int mode, double scale, bool align, Floats dx)
    {
        var job = new BackwardJob { Gradient = gradient, Inner = inner, Blocks = (inner + Block - 1) / Block, Grid = new Grid(length, size, mode, scale, align), Dx = dx };
        Workers.Run(ref job, outer * job.Blocks, 1 + (8192 / Math.Max(size * Math.Min(inner, Block), 1)));
    }

    /// <summary>Makes a new element, which is a line of numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(float* x, nint inner, int taps, nint* elements, float* weights, float* y)
    {
        if (taps == 1)
        {
            Copy(x + (elements[0] * inner), inner, y);
        }
        else if (taps == 2)
        {
            Two(x + (elements[0] * inner), x + (elements[1] * inner), V.All(weights[0]), V.All(weights[1]), inner, y);
        }
        else
        {
            Four(x, inner, elements, weights, y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* x, nint inner, float* y)
    {
        if (inner >= Long)
        {
            Buffer.MemoryCopy(x, y, inner * sizeof(float), inner * sizeof(float));
            return;
        }

        nint i = 0;
        for (; i + V.Count <= inner; i += V.Count)
        {
            V.Load(x + i).Store(y + i);
        }

        if (i < inner)
        {
            V.Load(x + i).StoreFirst(y + i, (int)(inner - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(float* a, float* b, V first, V second, nint inner, float* y)
    {
        nint i = 0;
        for (; i + (4 * V.Count) <= inner; i += 4 * V.Count)
        {
            V.Fma(second, V.Load(b + i), first * V.Load(a + i)).Store(y + i);
            V.Fma(second, V.Load(b + i + V.Count), first * V.Load(a + i + V.Count)).Store(y + i + V.Count);
            V.Fma(second, V.Load(b + i + (2 * V.Count)), first * V.Load(a + i + (2 * V.Count))).Store(y + i + (2 * V.Count));
            V.Fma(second, V.Load(b + i + (3 * V.Count)), first * V.Load(a + i + (3 * V.Count))).Store(y + i + (3 * V.Count));
        }

        for (; i + V.Count <= inner; i += V.Count)
        {
            V.Fma(second, V.Load(b + i), first * V.Load(a + i)).Store(y + i);
        }

        if (i < inner)
        {
            V.Fma(second, V.Load(b + i), first * V.Load(a + i)).StoreFirst(y + i, (int)(inner - i));
        }
    }

    /// <summary>Two new elements between neighbours, the weights of the second being those of the first in turn.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoOpposite(float* x, V first, V second, nint inner, float* y)
    {
        nint i = 0;
        for (; i + V.Count <= inner; i += V.Count)
        {
            V a = V.Load(x + i);
            V b = V.Load(x + inner + i);
            V.Fma(second, b, first * a).Store(y + i);
            V.Fma(first, b, second * a).Store(y + inner + i);
        }

        if (i < inner)
        {
            V a = V.Load(x + i);
            V b = V.Load(x + inner + i);
            V.Fma(second, b, first * a).StoreFirst(y + i, (int)(inner - i));
            V.Fma(first, b, second * a).StoreFirst(y + inner + i, (int)(inner - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(float* x, nint inner, nint* elements, float* weights, float* y)
    {
        (V first, V second, V third, V fourth) = (V.All(weights[0]), V.All(weights[1]), V.All(weights[2]), V.All(weights[3]));
        float* a = x + (elements[0] * inner);
        float* b = x + (elements[1] * inner);
        float* c = x + (elements[2] * inner);
        float* d = x + (elements[3] * inner);
        for (nint i = 0; i < inner; i += V.Count)
        {
            V sum = V.Fma(second, V.Load(b + i), first * V.Load(a + i));
            sum = V.Fma(fourth, V.Load(d + i), V.Fma(third, V.Load(c + i), sum));
            if (i + V.Count <= inner)
            {
                sum.Store(y + i);
            }
            else
            {
                sum.StoreFirst(y + i, (int)(inner - i));
            }
        }
    }

    /// <summary>Which elements a new one is made of.</summary>
    private readonly struct Grid
    {
        private readonly float scale;
        private readonly int mode;
        private readonly bool align;

        public Grid(nint length, nint size, int mode, double factor, bool align)
        {
            Length = length;
            Size = size;
            this.mode = mode;
            this.align = align;
            scale = align ? (size > 1 ? (float)(length - 1) / (size - 1) : 0) : factor > 0 ? (float)(1 / factor) : (float)length / size;
        }

        public nint Length { get; }

        public nint Size { get; }

        /// <summary>Whether the size is doubled with lines between neighbours: but for the ends, new elements are a quarter and three quarters of the way from one to the next.</summary>
        public bool DoublesLinearly => mode == Linear && !align && Size == 2 * Length && scale == 0.5f;

        /// <summary>Number of elements, their numbers and their weights.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public int Taps(nint place, nint* elements, float* weights)
        {
            if (mode is Nearest or NearestExact)
            {
                elements[0] = Math.Min((nint)MathF.Floor(mode == Nearest ? place * scale : (place + 0.5f) * scale), Length - 1);
                weights[0] = 1;
                return 1;
            }

            float position = align ? place * scale : (scale * (place + 0.5f)) - 0.5f;
            if (mode == Linear)
            {
                position = MathF.Max(position, 0);
                nint first = Math.Min((nint)position, Length - 1);
                float share = Math.Clamp(position - first, 0, 1);
                (elements[0], elements[1]) = (first, Math.Min(first + 1, Length - 1));
                (weights[0], weights[1]) = (1 - share, share);
                return 2;
            }

            float floor = MathF.Floor(position);
            float t = position - floor;
            for (int i = 0; i < 4; i++)
            {
                elements[i] = Math.Clamp((nint)floor - 1 + i, 0, Length - 1);
            }

            (weights[0], weights[1], weights[2], weights[3]) = (Far(t + 1), Near(t), Near(1 - t), Far(2 - t));
            return 4;
        }

        // The cubic convolution of R. Keys (1981) with PyTorch's parameter, -0.75.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Near(float t) => (((1.25f * t) - 2.25f) * t * t) + 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Far(float t) => (((((-0.75f * t) + 3.75f) * t) - 6) * t) + 3;
    }

    private struct ForwardJob : IRange
    {
        public float* X;
        public nint Inner;
        public Grid Grid;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint* elements = stackalloc nint[MostTaps];
            float* weights = stackalloc float[MostTaps];
            for (nint row = from; row < to; row++)
            {
                int taps = Grid.Taps(row % Grid.Size, elements, weights);
                float* start = X + (row / Grid.Size * Grid.Length * Inner);
                float* y = Y + (row * Inner);
                Mix(start, Inner, taps, elements, weights, y);
            }
        }
    }

    private struct PlaneJob : IRange
    {
        public float* X;
        public nint Width;
        public nint Inner;
        public Grid Rows;
        public nint NewWidth;
        public float* Y;

        /// <summary>Elements and weights of each new column, <see cref="MostTaps"/> places for each.</summary>
        public nint* Elements;
        public float* Weights;
        public int Taps;

        /// <summary>Whether columns are doubled linearly.</summary>
        public bool Doubles;

        /// <summary>A row of each worker, and its size.</summary>
        public float* Memory;
        public nint Row;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint* elements = stackalloc nint[MostTaps];
            float* weights = stackalloc float[MostTaps];
            float* own = Memory + (worker * Row);
            nint size = Width * Inner;
            for (nint row = from; row < to; row++)
            {
                int taps = Rows.Taps(row % Rows.Size, elements, weights);
                float* source = X + (row / Rows.Size * Rows.Length * size);
                if (taps == 1)
                {
                    source += elements[0] * size;
                }
                else
                {
                    Mix(source, size, taps, elements, weights, own);
                    source = own;
                }

                Columns(source, Y + (row * NewWidth * Inner));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Columns(float* source, float* y)
        {
            (nint inner, nint count, int taps) = (Inner, NewWidth, Taps);
            nint* elements = Elements;
            float* weights = Weights;
            if (Doubles)
            {
                // The first and the last column lie outside of all neighbours; between two neighbours there are two columns with opposite weights.
                Mix(source, inner, taps, elements, weights, y);
                for (nint column = 1; column < count - 1; column += 2)
                {
                    TwoOpposite(source + (column / 2 * inner), V.All(weights[column * MostTaps]), V.All(weights[(column * MostTaps) + 1]), inner, y + (column * inner));
                }

                Mix(source, inner, taps, elements + ((count - 1) * MostTaps), weights + ((count - 1) * MostTaps), y + ((count - 1) * inner));
                return;
            }

            for (nint column = 0; column < count; column++, y += inner, elements += MostTaps, weights += MostTaps)
            {
                Mix(source, inner, taps, elements, weights, y);
            }
        }
    }

    private struct BackwardJob : IRange
    {
        public float* Gradient;
        public nint Inner;
        public nint Blocks;
        public Grid Grid;
        public float* Dx;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint* elements = stackalloc nint[MostTaps];
            float* weights = stackalloc float[MostTaps];
            for (nint unit = from; unit < to; unit++)
            {
                (nint outer, nint column) = (unit / Blocks, unit % Blocks * Block);
                nint columns = Math.Min(Block, Inner - column);
                float* dx = Dx + (outer * Grid.Length * Inner) + column;
                float* gradient = Gradient + (outer * Grid.Size * Inner) + column;
                for (nint row = 0; row < Grid.Length; row++)
                {
                    new Span<float>(dx + (row * Inner), (int)columns).Clear();
                }

                for (nint row = 0; row < Grid.Size; row++)
                {
                    int taps = Grid.Taps(row, elements, weights);
                    for (int tap = 0; tap < taps; tap++)
                    {
                        Add(gradient + (row * Inner), V.All(weights[tap]), dx + (elements[tap] * Inner), columns);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(float* source, V weight, float* target, nint columns)
        {
            nint i = 0;
            for (; i + V.Count <= columns; i += V.Count)
            {
                V.Fma(weight, V.Load(source + i), V.Load(target + i)).Store(target + i);
            }

            if (i < columns)
            {
                V.Fma(weight, V.LoadFirst(source + i, (int)(columns - i)), V.LoadFirst(target + i, (int)(columns - i))).StoreFirst(target + i, (int)(columns - i));
            }
        }
    }
}
