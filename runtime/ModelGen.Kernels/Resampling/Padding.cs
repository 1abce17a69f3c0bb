using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Padding of the middle dimension of <c>[outer, length, inner]</c> with numbers of the tensor itself, and its gradient. Several dimensions are padded one after the other.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Padding<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>The numbers of the border backwards, without the border itself.</summary>
    public const int Reflect = 0;

    /// <summary>The border again and again.</summary>
    public const int Replicate = 1;

    /// <summary>The numbers of the other end.</summary>
    public const int Circular = 2;

    /// <summary>Pads.</summary>
    /// <param name="x">Operand [outer, length, inner].</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the padded one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="before">Elements that are added in front, 0 or more.</param>
    /// <param name="after">Elements that are added behind, 0 or more.</param>
    /// <param name="mode">One of the constants.</param>
    /// <param name="y">Result [outer, before + length + after, inner].</param>
    public static void Forward(Floats x, nint outer, nint length, nint inner, nint before, nint after, int mode, Floats y)
    {
        var job = new ForwardJob { X = x, Length = length, Inner = inner, Before = before, Padded = before + length + after, Mode = mode, Y = y };
        Workers.Run(ref job, outer * job.Padded, 1 + (16384 / Math.Max(inner, 1)));
    }

    /// <summary>Gradient: what an element gave to several places is added up.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the padded one, before.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="before">Elements that were added in front.</param>
    /// <param name="after">Elements that were added behind.</param>
    /// <param name="mode">One of the constants.</param>
    /// <param name="dx">Receives the gradient of the operand.</param>
    public static void Backward(Floats gradient, nint outer, nint length, nint inner, nint before, nint after, int mode, Floats dx)
    {
        var job = new BackwardJob { Gradient = gradient, Length = length, Inner = inner, Before = before, Padded = before + length + after, Mode = mode, Dx = dx };
        Workers.Run(ref job, outer, 1 + (16384 / Math.Max(length * inner, 1)));
    }

    private static nint Source(nint place, nint length, int mode)
    {
        if ((nuint)place < (nuint)length)
        {
            return place;
        }

        return mode switch
        {
            Reflect => place < 0 ? -place : (2 * (length - 1)) - place,
            Replicate => place < 0 ? 0 : length - 1,
            _ => place < 0 ? place + length : place - length,
        };
    }

    private struct ForwardJob : IRange
    {
        public float* X;
        public nint Length;
        public nint Inner;
        public nint Before;
        public nint Padded;
        public int Mode;
        public float* Y;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                nint source = (row / Padded * Length) + Source((row % Padded) - Before, Length, Mode);
                new ReadOnlySpan<float>(X + (source * Inner), (int)Inner).CopyTo(new Span<float>(Y + (row * Inner), (int)Inner));
            }
        }
    }

    private struct BackwardJob : IRange
    {
        public float* Gradient;
        public nint Length;
        public nint Inner;
        public nint Before;
        public nint Padded;
        public int Mode;
        public float* Dx;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint outer = from; outer < to; outer++)
            {
                float* start = Dx + (outer * Length * Inner);
                float* gradient = Gradient + (outer * Padded * Inner);
                new ReadOnlySpan<float>(gradient + (Before * Inner), (int)(Length * Inner)).CopyTo(new Span<float>(start, (int)(Length * Inner)));
                for (nint row = 0; row < Padded; row++)
                {
                    if (row < Before || row >= Before + Length)
                    {
                        Rows.Add(gradient + (row * Inner), start + (Source(row - Before, Length, Mode) * Inner), Inner);
                    }
                }
            }
        }
    }

    /// <summary>Additions of rows.</summary>
    private static class Rows
    {
        public static void Add(float* source, float* target, nint count)
        {
            nint i = 0;
            for (; i + V.Count <= count; i += V.Count)
            {
                (V.Load(target + i) + V.Load(source + i)).Store(target + i);
            }

            if (i < count)
            {
                (V.LoadFirst(target + i, (int)(count - i)) + V.LoadFirst(source + i, (int)(count - i))).StoreFirst(target + i, (int)(count - i));
            }
        }
    }
}
