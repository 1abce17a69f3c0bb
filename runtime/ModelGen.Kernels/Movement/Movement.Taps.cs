using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// Weights of convolutions between [outputs][inputs][taps], as modules keep them, and [taps][inputs][outputs], as kernels read them. Regarded as a matrix of outputs by (inputs, taps) they
/// are turned in squares, which fill the registers although there are only nine taps or so.
/// </content>
public static unsafe partial class Movement<V>
{
    /// <summary>Copies weights if the dimensions are theirs, in either direction.</summary>
    private static bool TryTaps(in CopyJob job, int rank)
    {
        if (rank != 3 || job.FromStrides[0] != 1 || job.FromStrides[1] != job.Sizes[0] || job.FromStrides[2] != job.Sizes[0] * job.Sizes[1]
            || job.ToStrides[2] != 1 || job.ToStrides[1] != job.Sizes[2] || job.ToStrides[0] != job.Sizes[2] * job.Sizes[1])
        {
            return false;
        }

        // Of two dimensions that change places the smaller one counts the taps.
        bool toKernel = job.Sizes[0] < job.Sizes[2];
        (nint taps, nint outputs) = toKernel ? (job.Sizes[0], job.Sizes[2]) : (job.Sizes[2], job.Sizes[0]);
        if (outputs < V.Count || taps * job.Sizes[1] < V.Count)
        {
            return false;
        }

        var turn = new TapsJob
        {
            Module = toKernel ? job.From : job.To, Kernel = toKernel ? job.To : job.From, ToKernel = toKernel, Taps = taps, Inputs = job.Sizes[1], Outputs = outputs,
        };
        Workers.Run(ref turn, (turn.Width + V.Count - 1) / V.Count, 1 + (32768 / (outputs * V.Count)));
        return true;
    }

    /// <summary>Units are vectors of (inputs, taps), for all outputs.</summary>
    private struct TapsJob : IRange
    {
        public float* Module;
        public float* Kernel;
        public bool ToKernel;
        public nint Taps;
        public nint Inputs;
        public nint Outputs;

        public readonly nint Width => Inputs * Taps;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* square = stackalloc float[16 * 16];
            nint* rows = stackalloc nint[16];
            for (nint unit = from; unit < to; unit++)
            {
                nint column = unit * V.Count;
                nint columns = Math.Min(V.Count, Width - column);
                for (nint i = 0; i < columns; i++)
                {
                    (nint input, nint tap) = Math.DivRem(column + i, Taps);
                    rows[i] = ((tap * Inputs) + input) * Outputs;
                }

                nint output = 0;
                for (; columns == V.Count && output + V.Count <= Outputs; output += V.Count)
                {
                    Square(Module + (output * Width) + column, Kernel + output, rows, square);
                }

                for (; output < Outputs; output++)
                {
                    float* module = Module + (output * Width) + column;
                    for (nint i = 0; i < columns; i++)
                    {
                        float* kernel = Kernel + rows[i] + output;
                        if (ToKernel)
                        {
                            *kernel = module[i];
                        }
                        else
                        {
                            module[i] = *kernel;
                        }
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Square(float* module, float* kernel, nint* rows, float* square)
        {
            if (ToKernel)
            {
                V.Transpose(module, Width, square, V.Count);
                for (nint i = 0; i < V.Count; i++)
                {
                    V.Load(square + (i * V.Count)).Store(kernel + rows[i]);
                }

                return;
            }

            for (nint i = 0; i < V.Count; i++)
            {
                V.Load(kernel + rows[i]).Store(square + (i * V.Count));
            }

            V.Transpose(square, V.Count, module, Width);
        }
    }
}
