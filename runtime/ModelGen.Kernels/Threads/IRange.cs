using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>A loop body over a range of independent units. It must not throw.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IRange
{
    /// <summary>Whether it adds up over the units that a worker handles: which worker handles which unit must then always be the same, and <see cref="Workers.Share"/> splits evenly too.</summary>
    static virtual bool AddsUp => false;

    /// <summary>Handles the units from (inclusive) to (exclusive).</summary>
    /// <param name="from">First unit.</param>
    /// <param name="to">Unit after the last.</param>
    /// <param name="worker">Number of the worker, 0 or more: names its part of a scratch buffer.</param>
    void Run(nint from, nint to, int worker);
}
