using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Pixels of an image that a grid of results is computed from. The result at (i, j) of the grid sees, for each tap (s, t), the pixel
/// (FirstY + i * StepY + s * TapStepY, FirstX + j * StepX + t * TapStepX), which is zero outside of the image. Numbers of a result are counted
/// [TapsY][TapsX][Channels]; those of one s are a line.
/// </summary>
internal unsafe struct TapGrid
{
    /// <summary>First channel of the group in the first image.</summary>
    public float* Source;

    /// <summary>Number of images.</summary>
    public nint Batch;

    /// <summary>Height of an image.</summary>
    public nint Height;

    /// <summary>Width of an image.</summary>
    public nint Width;

    /// <summary>Channels seen; places where these hold several.</summary>
    public nint Channels;

    /// <summary>Distance of pixels: all channels of the image.</summary>
    public nint PixelStep;

    /// <summary>Height of the grid of results.</summary>
    public nint GridHeight;

    /// <summary>Width of the grid of results.</summary>
    public nint GridWidth;

    /// <summary>Row of the first tap of the first result; may be outside.</summary>
    public nint FirstY;

    /// <summary>Column of the first tap of the first result; may be outside.</summary>
    public nint FirstX;

    /// <summary>Rows between results.</summary>
    public nint StepY;

    /// <summary>Columns between results.</summary>
    public nint StepX;

    /// <summary>Rows of taps.</summary>
    public nint TapsY;

    /// <summary>Columns of taps.</summary>
    public nint TapsX;

    /// <summary>Rows between taps.</summary>
    public nint TapStepY;

    /// <summary>Columns between taps.</summary>
    public nint TapStepX;

    /// <summary>Number of results.</summary>
    public readonly nint Positions => Batch * GridHeight * GridWidth;

    /// <summary>Numbers of a line.</summary>
    public readonly nint Line => TapsX * Channels;

    /// <summary>Numbers that a result is computed from.</summary>
    public readonly nint Depth => TapsY * Line;

    /// <summary>Whether the numbers of a line follow each other in memory.</summary>
    public readonly bool Contiguous => TapsX == 1 || (TapStepX == 1 && PixelStep == Channels);

    /// <summary>What a convolution's outputs see of its input; a 1x1 convolution without stride is one row of pixels.</summary>
    /// <param name="shape">Shape.</param>
    /// <param name="input">Images.</param>
    public static TapGrid Outputs(in ConvolutionShape shape, float* input)
    {
        var grid = new TapGrid
        {
            Source = input,
            Batch = shape.Batch,
            Height = shape.Height,
            Width = shape.Width,
            Channels = shape.GroupInputs,
            PixelStep = shape.InputChannels,
            GridHeight = shape.OutputHeight,
            GridWidth = shape.OutputWidth,
            FirstY = -shape.PadTop,
            FirstX = -shape.PadLeft,
            StepY = shape.StrideY,
            StepX = shape.StrideX,
            TapsY = shape.KernelHeight,
            TapsX = shape.KernelWidth,
            TapStepY = shape.DilationY,
            TapStepX = shape.DilationX,
        };
        grid.Flatten();
        return grid;
    }

    /// <summary>Makes one row of all pixels where every result sees the pixel of its own place alone.</summary>
    public void Flatten()
    {
        if (TapsY == 1 && TapsX == 1 && FirstY == 0 && FirstX == 0 && StepY == 1 && StepX == 1 && GridHeight == Height && GridWidth == Width)
        {
            Width = GridWidth = Batch * Height * Width;
            Height = GridHeight = Batch = 1;
        }
    }

    /// <summary>The place of a result.</summary>
    /// <param name="position">Number of the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly GridPlace Place(nint position)
    {
        (nint rest, nint x) = Math.DivRem(position, GridWidth);
        (nint image, nint y) = Math.DivRem(rest, GridHeight);
        return new GridPlace { Image = image, Y = y, X = x };
    }

    /// <summary>The result after one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Next(ref GridPlace place)
    {
        if (++place.X == GridWidth)
        {
            place.X = 0;
            if (++place.Y == GridHeight)
            {
                place.Y = 0;
                place.Image++;
            }
        }
    }

    /// <summary>Where the numbers of results that follow each other in a row lie, if all are inside the image and at even distances.</summary>
    /// <param name="place">First result.</param>
    /// <param name="count">Number of results.</param>
    /// <param name="slice">Numbers wanted.</param>
    /// <param name="panel">Their places.</param>
    public readonly bool TryDirect(in GridPlace place, nint count, in DepthSlice slice, out PixelPanel panel)
    {
        nint y = FirstY + (place.Y * StepY) + (slice.FirstLine * TapStepY);
        nint lastY = y + ((slice.Lines - 1) * TapStepY);
        nint x = FirstX + (place.X * StepX);
        nint lastX = x + ((count - 1) * StepX) + ((TapsX - 1) * TapStepX);
        bool contiguous = Contiguous;
        nint row = TapStepY * Width * PixelStep;
        panel = new PixelPanel
        {
            First = Source + (((((place.Image * Height) + y) * Width) + x) * PixelStep) + slice.From,
            Step = StepX * PixelStep,
            Lines = contiguous ? slice.Lines : slice.Lines * TapsX,
            LineStep = contiguous ? row : TapStepX * PixelStep,
            Run = contiguous ? slice.Run : Channels,
            Group = contiguous ? 0 : TapsX,
            GroupStep = row - (TapsX * TapStepX * PixelStep),
        };

        // Rows of pixels that are a multiple of 4 KiB apart would fall on the same lines of the nearest cache.
        return (contiguous || slice.Run == Line) && place.X + count <= GridWidth && y >= 0 && lastY >= 0 && lastY < Height && y < Height && x >= 0 && lastX < Width && (panel.Step % 1024 != 0 || slice.Run <= 16);
    }

    /// <summary>Copies numbers of a result, zeros where taps are outside. Whole vectors are written: up to a vector past the end is overwritten.</summary>
    /// <param name="place">Result.</param>
    /// <param name="slice">Numbers wanted.</param>
    /// <param name="target">Lines, one after the other.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Copy<V>(in GridPlace place, in DepthSlice slice, float* target)
        where V : unmanaged, IVector<V>
    {
        nint y = FirstY + (place.Y * StepY) + (slice.FirstLine * TapStepY);
        nint x = FirstX + (place.X * StepX);
        float* image = Source + (place.Image * Height * Width * PixelStep);
        bool contiguous = Contiguous;
        nint inside = contiguous ? Math.Max(0, -x) * Channels : 0;
        nint outside = contiguous ? Math.Min(TapsX, Width - x) * Channels : 0;
        if (TapsX == 1)
        {
            inside = x < 0 ? slice.From + slice.Run : 0;
            outside = x >= Width ? 0 : Channels;
        }

        nint to = slice.From + slice.Run;
        nint first = Math.Clamp(inside, slice.From, to);
        nint last = Math.Clamp(outside, first, to);
        for (nint line = 0; line < slice.Lines; line++, y += TapStepY, target += slice.Run)
        {
            if ((nuint)y >= (nuint)Height)
            {
                Clear<V>(target, slice.Run);
                continue;
            }

            float* row = image + (((y * Width) + x) * PixelStep);
            if (contiguous)
            {
                Clear<V>(target, first - slice.From);
                Move<V>(row + first, target + (first - slice.From), last - first);
                Clear<V>(target + (last - slice.From), to - last);
                continue;
            }

            float* next = target;
            nint tap = slice.From / Channels;
            for (nint k = slice.From; k < to; tap++)
            {
                nint channel = k - (tap * Channels);
                nint count = Math.Min(Channels - channel, to - k);
                if ((nuint)(x + (tap * TapStepX)) < (nuint)Width)
                {
                    Move<V>(row + (tap * TapStepX * PixelStep) + channel, next, count);
                }
                else
                {
                    Clear<V>(next, count);
                }

                next += count;
                k += count;
            }
        }
    }

    /// <summary>Copies numbers of neighbouring results, normalised, where every result sees the pixel of its own place alone (<see cref="Flatten"/>). Whole vectors are written.</summary>
    /// <param name="normal">The normalisation.</param>
    /// <param name="position">First result.</param>
    /// <param name="count">Number of results.</param>
    /// <param name="slice">Numbers wanted.</param>
    /// <param name="target">Receives them.</param>
    /// <param name="step">Distance of results there.</param>
    public readonly void Normalise<V>(BatchNormal normal, nint position, nint count, in DepthSlice slice, float* target, nint step)
        where V : unmanaged, IVector<V> => normal.Rows<V>(Source + (position * PixelStep) + slice.From, PixelStep, target, step, count, slice.From, slice.Run);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move<V>(float* source, float* target, nint count)
        where V : unmanaged, IVector<V>
    {
        for (nint i = 0; i < count; i += V.Count)
        {
            V.Load(source + i).Store(target + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Clear<V>(float* target, nint count)
        where V : unmanaged, IVector<V>
    {
        for (nint i = 0; i < count; i += V.Count)
        {
            V.Zero.Store(target + i);
        }
    }
}
