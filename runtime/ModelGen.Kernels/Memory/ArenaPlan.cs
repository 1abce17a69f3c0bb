using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>The buffers of a generated function and their places in one arena. Filled by generated code for given sizes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ArenaPlan
{
    private readonly List<long> sizes = [];
    private readonly List<int> first = [];
    private readonly List<int> last = [];
    private readonly List<int> slotOf = [];
    private long[] offsets = [];

    /// <summary>Size of the arena in floats, after <see cref="Place"/>.</summary>
    public long Size { get; private set; }

    /// <summary>Adds a buffer.</summary>
    /// <param name="floats">Size in floats.</param>
    /// <param name="from">First statement that uses it.</param>
    /// <param name="to">Last statement that uses it.</param>
    public void Slot(long floats, int from, int to)
    {
        slotOf.Add(sizes.Count);
        sizes.Add(floats);
        first.Add(from);
        last.Add(to);
    }

    /// <summary>Adds a buffer that takes the place of an earlier one, which is not used any more when this one is written.</summary>
    /// <param name="earlier">Number of the earlier buffer.</param>
    /// <param name="to">Last statement that uses the new one.</param>
    public void Same(int earlier, int to)
    {
        int slot = slotOf[earlier];
        slotOf.Add(slot);
        last[slot] = Math.Max(last[slot], to);
    }

    /// <summary>Offset of a buffer in floats.</summary>
    /// <param name="buffer">Number of the buffer, in the order of the calls.</param>
    /// <returns>Its offset.</returns>
    public nint OffsetOf(int buffer) => (nint)offsets[slotOf[buffer]];

    /// <summary>Empties the plan for other sizes.</summary>
    public void Clear()
    {
        sizes.Clear();
        first.Clear();
        last.Clear();
        slotOf.Clear();
    }

    /// <summary>Places all buffers.</summary>
    public void Place()
    {
        offsets = new long[sizes.Count];
        Size = ArenaPlanner.Place(sizes, first, last, offsets);
    }
}
