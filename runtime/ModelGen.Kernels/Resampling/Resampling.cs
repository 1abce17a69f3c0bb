using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Resampling of the middle dimension of <c>[outer, length, inner]</c> and its gradient, as PyTorch's <c>interpolate</c>. Several dimensions are resampled one after the other, which
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

        /// <summary>Number of elements, their numbers and their weights.</summary>
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
        private static float Near(float t) => (((1.25f * t) - 2.25f) * t * t) + 1;

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
            nint* elements = stackalloc nint[4];
            float* weights = stackalloc float[4];
            for (nint row = from; row < to; row++)
            {
                int taps = Grid.Taps(row % Grid.Size, elements, weights);
                float* start = X + (row / Grid.Size * Grid.Length * Inner);
                float* y = Y + (row * Inner);
                if (taps == 1)
                {
                    new ReadOnlySpan<float>(start + (elements[0] * Inner), (int)Inner).CopyTo(new Span<float>(y, (int)Inner));
                    continue;
                }

                for (nint i = 0; i < Inner; i += V.Count)
                {
                    V sum = V.All(weights[0]) * V.Load(start + (elements[0] * Inner) + i);
                    for (int tap = 1; tap < taps; tap++)
                    {
                        sum = V.Fma(V.All(weights[tap]), V.Load(start + (elements[tap] * Inner) + i), sum);
                    }

                    if (i + V.Count <= Inner)
                    {
                        sum.Store(y + i);
                    }
                    else
                    {
                        sum.StoreFirst(y + i, (int)(Inner - i));
                    }
                }
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
            nint* elements = stackalloc nint[4];
            float* weights = stackalloc float[4];
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
