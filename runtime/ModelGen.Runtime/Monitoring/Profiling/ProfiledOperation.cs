namespace ModelGen;

/// <summary>An operation of a step with its time.</summary>
/// <param name="Operation">What runs and what it costs.</param>
/// <param name="Seconds">Median time over the profiled steps.</param>
/// <param name="LeastSeconds">The time that it would take at the limit of the machine, of arithmetic or of memory.</param>
public sealed record ProfiledOperation(StepOperation Operation, double Seconds, double LeastSeconds)
{
    /// <summary>Floating-point operations a second, in 10^9.</summary>
    public double GigaflopsPerSecond => Operation.Flops / Seconds / 1e9;

    /// <summary>Bytes read and written a second, in 10^9.</summary>
    public double GigabytesPerSecond => Operation.Bytes / Seconds / 1e9;

    /// <summary>Share of the limit: 1 at the limit. Above 1 when the operands came from a nearer cache than a copy of that size finds, or when an algorithm needs fewer operations than it counts (Winograd).</summary>
    public double ShareOfLimit => LeastSeconds / Seconds;
}

/// <summary>The operations of one layer, or of one expression outside layers.</summary>
/// <param name="Name">State-dict path of the layer, else the expression.</param>
/// <param name="ForwardSeconds">Time of the forward pass.</param>
/// <param name="BackwardSeconds">Time of its gradients.</param>
/// <param name="UpdateSeconds">Time of the optimizer; 0 for layers, whose parameters are updated together.</param>
/// <param name="LeastSeconds">The time that all of it would take at the limit of the machine.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="Bytes">Bytes read and written.</param>
public sealed record ProfiledLayer(string Name, double ForwardSeconds, double BackwardSeconds, double UpdateSeconds, double LeastSeconds, long Flops, long Bytes)
{
    /// <summary>Time of all of it.</summary>
    public double Seconds => ForwardSeconds + BackwardSeconds + UpdateSeconds;
}
