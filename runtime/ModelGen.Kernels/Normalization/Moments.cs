using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Means and variances of the columns of a matrix that is written tile by tile. Each worker keeps the number of rows, the mean and the sum of squared distances from it for each column
/// and merges those of a tile (T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", 1983): no large sums are subtracted, and the order is fixed.
/// </summary>
internal static unsafe class Moments<V>
    where V : unmanaged, IVector<V>
{
    [ThreadStatic]
    private static NativeMemoryBlock? block;

    /// <summary>Starts to count.</summary>
    /// <param name="columns">Columns of the matrix.</param>
    /// <returns>The epilogue that sees every tile once.</returns>
    public static Epilogue Begin(nint columns)
    {
        nint padded = BatchNormal.Padded(columns) + 16;
        long floats = 3 * (long)padded * Workers.Count;
        if (block is null || block.Bytes < floats * sizeof(float))
        {
            block?.Dispose();
            block = new NativeMemoryBlock(floats * sizeof(float));
        }

        new Span<float>((float*)block.Address, (int)floats).Clear();
        return new Epilogue((float*)block.Address, padded);
    }

    /// <summary>Adds up what the workers have.</summary>
    /// <param name="counted">The epilogue.</param>
    /// <param name="columns">Columns of the matrix.</param>
    /// <param name="statistics">Receives the means, and behind them (the columns rounded up to 16 further) the variances.</param>
    public static void End(Epilogue counted, nint columns, float* statistics)
    {
        for (nint column = 0; column < columns; column++)
        {
            (double rows, double mean, double squares) = (0, 0, 0);
            for (int worker = 0; worker < Workers.Count; worker++)
            {
                float* own = counted.Of(worker) + column;
                double more = own[0];
                if (more == 0)
                {
                    continue;
                }

                double distance = own[counted.Padded] - mean;
                mean += distance * more / (rows + more);
                squares += own[2 * counted.Padded] + (distance * distance * rows * more / (rows + more));
                rows += more;
            }

            statistics[column] = (float)mean;
            statistics[BatchNormal.Padded(columns) + column] = (float)(squares / rows);
        }
    }

    /// <summary>Counts tiles.</summary>
    internal readonly struct Epilogue(float* memory, nint padded) : ITileEpilogue
    {
        /// <inheritdoc/>
        public static bool AddsUp => true;

        public nint Padded => padded;

        /// <summary>What a worker has: rows, means and squares of each column.</summary>
        public float* Of(int worker) => memory + (worker * 3 * padded);

        /// <inheritdoc/>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
        {
            float* own = Of(Workers.Current) + column;
            for (nint j = 0; j < columns; j += V.Count)
            {
                float before = own[j];
                float count = rows;
                V sum = V.Zero;
                float* place = (float*)tile + j;
                for (nint i = 0; i < rows; i++, place += stride)
                {
                    sum += V.Load(place);
                }

                V mean = sum * V.All(1 / count);
                V squares = V.Zero;
                place = (float*)tile + j;
                for (nint i = 0; i < rows; i++, place += stride)
                {
                    V distance = V.Load(place) - mean;
                    squares = V.Fma(distance, distance, squares);
                }

                float share = count / (before + count);
                V old = V.Load(own + padded + j);
                V apart = mean - old;
                V merged = V.Load(own + (2 * padded) + j) + squares;
                int lanes = (int)Math.Min(V.Count, columns - j);
                V.All(before + count).StoreFirst(own + j, lanes);
                V.Fma(apart, V.All(share), old).StoreFirst(own + padded + j, lanes);
                V.Fma(apart * apart, V.All(before * share), merged).StoreFirst(own + (2 * padded) + j, lanes);
            }
        }
    }
}
