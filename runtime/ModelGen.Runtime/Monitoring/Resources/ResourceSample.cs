namespace ModelGen.Monitoring;

/// <summary>What a process took since the sample before.</summary>
/// <param name="Elapsed">Time since the monitor's start.</param>
/// <param name="CpuShare">Processor time over time and processors, from 0 to 1.</param>
/// <param name="Memory">Memory at the moment.</param>
/// <param name="MinorFaults">Page faults without disk access since the sample before; null where the system does not tell (it is read from Linux's <c>/proc</c>).</param>
/// <param name="MajorFaults">Page faults that read the disk since the sample before; null where the system does not tell.</param>
/// <param name="Collections">Garbage collections of all generations since the sample before.</param>
/// <param name="GcPause">Time that garbage collections stopped the program since the sample before.</param>
/// <param name="Gpus">One entry for each GPU that NVML reports; empty without.</param>
public sealed record ResourceSample(
    TimeSpan Elapsed, double CpuShare, MemorySample Memory, long? MinorFaults, long? MajorFaults, int Collections, TimeSpan GcPause, IReadOnlyList<GpuSample> Gpus);

/// <summary>A GPU at a moment, as NVML reports it.</summary>
/// <param name="Name">Name of the device.</param>
/// <param name="UtilizationShare">Share of time in which a kernel ran, over the driver's last sampling period, from 0 to 1.</param>
/// <param name="UsedBytes">Memory in use by all processes.</param>
/// <param name="TotalBytes">Memory of the device.</param>
public sealed record GpuSample(string Name, double UtilizationShare, long UsedBytes, long TotalBytes);
