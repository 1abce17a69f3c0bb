using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// The two sums over rows that the gradient of batch normalisation needs, of gradients that are written tile by tile: those of the gradients before the activation, and
/// those of their products with the distance of the operand from its mean.
/// </summary>
internal static unsafe class Slopes<V>
    where V : unmanaged, IVector<V>
{
    private const nint RowBlock = 12;

    [ThreadStatic]
    private static NativeMemoryBlock? block;

    /// <summary>Starts to count.</summary>
    /// <param name="x">Operand of the normalisation [rows, channels].</param>
    /// <param name="channels">Channels.</param>
    /// <param name="normal">The normalisation.</param>
    /// <returns>The epilogue that sees every tile once.</returns>
    public static Epilogue Begin(float* x, nint channels, BatchNormal normal)
    {
        nint padded = BatchNormal.Padded(channels) + 16;
        long floats = 2 * (long)padded * Workers.Count;
        if (block is null || block.Bytes < floats * sizeof(float))
        {
            block?.Dispose();
            block = new NativeMemoryBlock(floats * sizeof(float));
        }

        new Span<float>((float*)block.Address, (int)floats).Clear();
        return new Epilogue((float*)block.Address, padded, x, channels, normal);
    }

    /// <summary>Adds up what the workers have.</summary>
    /// <param name="counted">The epilogue.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="slopes">Receives the sums of gradients, and behind them (the channels rounded up to 16 further) those of products.</param>
    public static void End(Epilogue counted, nint channels, float* slopes)
    {
        for (nint channel = 0; channel < channels; channel++)
        {
            (double gradients, double products) = (0, 0);
            for (int worker = 0; worker < Workers.Count; worker++)
            {
                gradients += counted.Of(worker)[channel];
                products += counted.Of(worker)[counted.Padded + channel];
            }

            slopes[channel] = (float)gradients;
            slopes[BatchNormal.Padded(channels) + channel] = (float)products;
        }
    }

    /// <summary>Counts tiles.</summary>
    internal readonly struct Epilogue(float* memory, nint padded, float* x, nint channels, BatchNormal normal) : ITileEpilogue
    {
        /// <inheritdoc/>
        public static bool AddsUp => true;

        public nint Padded => padded;

        /// <summary>What a worker has: both sums of each channel.</summary>
        public float* Of(int worker) => memory + (worker * 2 * padded);

        /// <inheritdoc/>
        public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
        {
            // Few rows at a time: what lies in memory one after another is read so.
            for (nint i = 0; i < rows; i += RowBlock)
            {
                Block((float*)tile + (i * stride), stride, row + i, Math.Min(RowBlock, rows - i), column, columns);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Block(float* tile, nint stride, nint row, nint rows, nint column, nint columns)
        {
            float* own = Of(Workers.Current) + column;
            bool bounded = normal.IsBounded;
            for (nint j = 0; j < columns; j += V.Count)
            {
                V gradients = V.Zero;
                V products = V.Zero;
                V mean = V.Load(normal.Mean + column + j);
                float* place = tile + j;
                float* operand = x + (row * channels) + column + j;
                for (nint i = 0; i < rows; i++, place += stride, operand += channels)
                {
                    V value = V.Load(operand);
                    V gradient = V.Load(place);
                    gradient = bounded ? normal.Slope(gradient, value, column + j) : gradient;
                    gradients += gradient;
                    products = V.Fma(gradient, value - mean, products);
                }

                int lanes = (int)Math.Min(V.Count, columns - j);
                (V.Load(own + j) + gradients).StoreFirst(own + j, lanes);
                (V.Load(own + padded + j) + products).StoreFirst(own + padded + j, lanes);
            }
        }
    }
}
