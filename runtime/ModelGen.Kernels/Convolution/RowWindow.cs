using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// The rows of images that a row of results sees, with zeros around the image and channels rounded up to whole vectors: every result then has all its taps. A row is copied, and
/// normalised, once while the rows of results pass by; the copies stay in the second cache.
/// </summary>
internal readonly unsafe struct RowWindow<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Results that are computed together; the last ones of a row may lie behind it.</summary>
    public const int Together = 4;

    private readonly TapGrid grid;
    private readonly BatchNormal normal;
    private readonly float* rows;
    private readonly nint rowFloats;
    private readonly nint count;
    private readonly nint pixel;
    private readonly nint left;
    private readonly nint inside;

    /// <summary>A window over the images of a grid, whose memory is filled with zeros.</summary>
    /// <param name="grid">What results see; the channels of a group are one.</param>
    /// <param name="normal">What is applied to what is inside the image.</param>
    /// <param name="memory">Memory of <see cref="Floats"/>.</param>
    public RowWindow(in TapGrid grid, BatchNormal normal, float* memory)
    {
        this.grid = grid;
        this.normal = normal;
        pixel = Channels(grid);
        rowFloats = RowFloats(grid);
        count = Count(grid);
        Seen = (int*)memory;
        left = Math.Max(0, -grid.FirstX);
        inside = Math.Max(0, Math.Min(Across(grid) - left, grid.Width - Math.Max(0, grid.FirstX)));
        rows = memory + ((count + 15) / 16 * 16);
        new Span<float>(rows, (int)((count + 1) * rowFloats)).Clear();
        new Span<int>(Seen, (int)count).Fill(-1);
    }

    /// <summary>Number of the image row that each copy is of.</summary>
    private int* Seen { get; }

    /// <summary>Distance of pixels.</summary>
    public nint Pixel => pixel;

    /// <summary>Floats that a window needs.</summary>
    public static nint Floats(in TapGrid grid) => ((Count(grid) + 15) / 16 * 16) + ((Count(grid) + 1) * RowFloats(grid));

    /// <summary>The first pixel that the first result sees in a row of the image.</summary>
    /// <param name="image">Image.</param>
    /// <param name="y">Row, which may be outside.</param>
    public float* Row(nint image, nint y)
    {
        if ((nuint)y >= (nuint)grid.Height)
        {
            return rows + (count * rowFloats);
        }

        nint number = (image * grid.Height) + y;
        nint slot = number % count;
        float* row = rows + (slot * rowFloats);
        if (Seen[slot] != number)
        {
            Seen[slot] = (int)number;
            Copy(grid.Source + (((number * grid.Width) + Math.Max(0, grid.FirstX)) * grid.PixelStep), row + (left * pixel));
        }

        return row;
    }

    private static nint Channels(in TapGrid grid) => (grid.PixelStep + V.Count - 1) / V.Count * V.Count;

    private static nint Across(in TapGrid grid) => ((grid.GridWidth - 1) * grid.StepX) + (Math.Max(0, grid.TapsX - 1) * grid.TapStepX) + 1;

    private static nint RowFloats(in TapGrid grid) => (Across(grid) + (Together * grid.StepX)) * Channels(grid);

    private static nint Count(in TapGrid grid) => (Math.Max(0, grid.TapsY - 1) * grid.TapStepY) + 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(float* source, float* target)
    {
        nint channels = grid.PixelStep;
        if (normal.IsIdentity && channels == pixel)
        {
            for (nint i = 0; i < inside * channels; i += V.Count)
            {
                V.Load(source + i).Store(target + i);
            }

            return;
        }

        for (nint x = 0; x < inside; x++, source += channels, target += pixel)
        {
            nint c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V value = V.Load(source + c);
                (normal.IsIdentity ? value : normal.Of(value, c)).Store(target + c);
            }

            if (c < channels)
            {
                int lanes = (int)(channels - c);
                V value = V.LoadFirst(source + c, lanes);
                (normal.IsIdentity ? value : normal.Of(value, c)).StoreFirst(target + c, lanes);
            }
        }
    }
}
