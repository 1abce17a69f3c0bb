using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Max pooling of images with channels last. NaN counts as the largest number and the first of equal ones wins, as in PyTorch. Backward finds the places again instead of
/// keeping them: windows are small and the images are needed anyway.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class MaxPool<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Largest numbers of windows.</summary>
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
    /// <param name="x">Images of the forward pass.</param>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="dx">Receives the gradient of the images.</param>
    public static void Backward(in PoolShape shape, Floats x, Floats gradient, Floats dx)
    {
        var job = new BackwardJob { S = shape, X = x, Gradient = gradient, Result = dx };
        Workers.Run(ref job, shape.Batch, 1 + (16384 / Math.Max(shape.Height * shape.Width * shape.Channels, 1)));
    }

    /// <summary>The part of a window inside the image.</summary>
    private readonly struct Window
    {
        private readonly nint top;
        private readonly nint left;
        private readonly nint rows;
        private readonly nint columns;
        private readonly nint stepY;
        private readonly nint stepX;
        private readonly nint width;
        private readonly nint channels;

        public Window(in PoolShape s, nint row, nint column)
        {
            nint startY = (row * s.StrideY) - s.PadTop;
            nint startX = (column * s.StrideX) - s.PadLeft;
            nint skipY = startY < 0 ? (-startY + s.DilationY - 1) / s.DilationY : 0;
            nint skipX = startX < 0 ? (-startX + s.DilationX - 1) / s.DilationX : 0;
            top = startY + (skipY * s.DilationY);
            left = startX + (skipX * s.DilationX);
            rows = Math.Min(s.KernelHeight - skipY, (s.Height - top + s.DilationY - 1) / s.DilationY);
            columns = Math.Min(s.KernelWidth - skipX, (s.Width - left + s.DilationX - 1) / s.DilationX);
            (stepY, stepX, width, channels) = (s.DilationY, s.DilationX, s.Width, s.Channels);
        }

        public bool IsEmpty => rows <= 0 || columns <= 0;

        /// <summary>Largest numbers of some channels.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Largest(float* image)
        {
            V most = V.All(float.NegativeInfinity);
            V isNumber = ~V.Zero;
            for (nint y = 0; y < rows; y++)
            {
                float* place = At(image, y);
                for (nint x = 0; x < columns; x++, place += stepX * channels)
                {
                    V value = V.Load(place);
                    most = V.Max(most, value);
                    isNumber &= V.Equal(value, value);
                }
            }

            // All bits set are NaN.
            return most | ~isNumber;
        }

        /// <summary>Adds a gradient where the largest number stands; the first place of equal ones takes it all.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float* image, float* result, V gradient, int lanes)
        {
            V most = Largest(image);
            V open = ~V.Zero;
            V isNaN = ~V.Equal(most, most);
            for (nint y = 0; y < rows; y++)
            {
                float* place = At(image, y);
                float* target = result + (place - image);
                for (nint x = 0; x < columns; x++, place += stepX * channels, target += stepX * channels)
                {
                    V value = V.Load(place);
                    V takes = open & (V.Equal(value, most) | (isNaN & ~V.Equal(value, value)));
                    open &= ~takes;
                    V sum = V.Load(target) + (gradient & takes);
                    if (lanes == V.Count)
                    {
                        sum.Store(target);
                    }
                    else
                    {
                        sum.StoreFirst(target, lanes);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private float* At(float* image, nint row) => image + ((((top + (row * stepY)) * width) + left) * channels);
    }

    private struct ForwardJob : IRange
    {
        public PoolShape S;
        public float* X;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                float* image = X + (line / S.OutputHeight * S.Height * S.Width * S.Channels);
                for (nint column = 0; column < S.OutputWidth; column++)
                {
                    var window = new Window(S, line % S.OutputHeight, column);
                    float* target = Y + (((line * S.OutputWidth) + column) * S.Channels);
                    nint c = 0;
                    for (; c + V.Count <= S.Channels; c += V.Count)
                    {
                        window.Largest(image + c).Store(target + c);
                    }

                    if (c < S.Channels)
                    {
                        window.Largest(image + c).StoreFirst(target + c, (int)(S.Channels - c));
                    }
                }
            }
        }
    }

    private struct BackwardJob : IRange
    {
        public PoolShape S;
        public float* X;
        public float* Gradient;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint size = S.Height * S.Width * S.Channels;
            for (nint image = from; image < to; image++)
            {
                float* x = X + (image * size);
                float* result = Result + (image * size);
                new Span<float>(result, (int)size).Clear();
                for (nint row = 0; row < S.OutputHeight; row++)
                {
                    for (nint column = 0; column < S.OutputWidth; column++)
                    {
                        var window = new Window(S, row, column);
                        if (window.IsEmpty)
                        {
                            continue;
                        }

                        float* gradient = Gradient + (((((image * S.OutputHeight) + row) * S.OutputWidth) + column) * S.Channels);
                        for (nint c = 0; c < S.Channels; c += V.Count)
                        {
                            int lanes = (int)Math.Min(V.Count, S.Channels - c);
                            window.Add(x + c, result + c, V.Load(gradient + c), lanes);
                        }
                    }
                }
            }
        }
    }
}
