using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Average pooling of images with channels last: windows of one size, or those of adaptive pooling.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class AveragePool<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Averages windows.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="x">Images.</param>
    /// <param name="y">Result [batch, output height, output width, channels].</param>
    public static void Forward(in PoolShape shape, Floats x, Floats y)
    {
        var job = new ForwardJob { S = shape, X = x, Y = y };
        Workers.Share(ref job, shape.Batch * shape.OutputHeight, 1 + (16384 / Math.Max(shape.Width * shape.Channels, 1)));
    }

    /// <summary>Gradient of the images.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="dx">Receives the gradient of the images.</param>
    public static void Backward(in PoolShape shape, Floats gradient, Floats dx)
    {
        var job = new BackwardJob { S = shape, Gradient = gradient, Result = dx };
        Workers.Run(ref job, shape.Batch, 1 + (16384 / Math.Max(shape.Height * shape.Width * shape.Channels, 1)));
    }

    private struct ForwardJob : IRange
    {
        public PoolShape S;
        public float* X;
        public float* Y;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                (nint image, nint row) = (line / S.OutputHeight, line % S.OutputHeight);
                S.Rows(row, out nint top, out nint bottom, out nint rows);
                for (nint column = 0; column < S.OutputWidth; column++)
                {
                    S.Columns(column, out nint left, out nint right, out nint columns);
                    Window(X + (image * S.Height * S.Width * S.Channels), top, bottom, left, right, 1f / (rows * columns), Y + (((line * S.OutputWidth) + column) * S.Channels));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Window(float* image, nint top, nint bottom, nint left, nint right, float share, float* target)
        {
            for (nint c = 0; c < S.Channels; c += V.Count)
            {
                V sum = V.Zero;
                for (nint y = top; y < bottom; y++)
                {
                    float* place = image + (((y * S.Width) + left) * S.Channels) + c;
                    for (nint x = left; x < right; x++, place += S.Channels)
                    {
                        sum += V.Load(place);
                    }
                }

                (sum * V.All(share)).StoreFirst(target + c, (int)Math.Min(V.Count, S.Channels - c));
            }
        }
    }

    private struct BackwardJob : IRange
    {
        public PoolShape S;
        public float* Gradient;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker)
        {
            nint size = S.Height * S.Width * S.Channels;
            for (nint image = from; image < to; image++)
            {
                float* result = Result + (image * size);
                new Span<float>(result, (int)size).Clear();
                for (nint row = 0; row < S.OutputHeight; row++)
                {
                    S.Rows(row, out nint top, out nint bottom, out nint rows);
                    for (nint column = 0; column < S.OutputWidth; column++)
                    {
                        S.Columns(column, out nint left, out nint right, out nint columns);
                        Window(Gradient + (((((image * S.OutputHeight) + row) * S.OutputWidth) + column) * S.Channels), top, bottom, left, right, 1f / (rows * columns), result);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Window(float* gradient, nint top, nint bottom, nint left, nint right, float share, float* image)
        {
            for (nint c = 0; c < S.Channels; c += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, S.Channels - c);
                V value = V.Load(gradient + c) * V.All(share);
                for (nint y = top; y < bottom; y++)
                {
                    float* place = image + (((y * S.Width) + left) * S.Channels) + c;
                    for (nint x = left; x < right; x++, place += S.Channels)
                    {
                        (V.Load(place) + value).StoreFirst(place, lanes);
                    }
                }
            }
        }
    }
}
