using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>
/// Runs loops on several cores. The units are split evenly and statically, so results are the same, bit for bit, for a number of workers. Where libtorch's OpenMP
/// library is loaded its threads are used (two pools on the same cores hinder each other); otherwise threads of our own.
/// </summary>
public static unsafe class Workers
{
    private static readonly Lazy<ThreadCrew> Crew = new(static () => new ThreadCrew());

    private static delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> parallel;
    private static delegate* unmanaged[SuppressGCTransition]<int> threadNumber;
    private static delegate* unmanaged[SuppressGCTransition]<int> threadCount;
    private static int count = Environment.ProcessorCount;

    [ThreadStatic]
    private static int current;

    /// <summary>Number of the worker that the calling thread is: what <see cref="IRange.Run"/> is given, for those who are called from there.</summary>
    internal static int Current => current;

    /// <summary>Number of workers, the calling thread among them; the number of processors unless set. Results may differ in the last bits between numbers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 1024.</exception>
    public static int Count
    {
        get => count;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1024);
            count = value;
        }
    }

    /// <summary>Whether the threads are those of an OpenMP library.</summary>
    public static bool UsesOpenMP => parallel is not null;

    /// <summary>Uses the threads of an OpenMP library from now on.</summary>
    /// <param name="library">Handle of a loaded library with the interface of GNU's libgomp (LLVM's has it too, except on Windows).</param>
    /// <returns>False when the library lacks it; nothing changes then.</returns>
    public static bool UseOpenMP(IntPtr library)
    {
        if (!NativeLibrary.TryGetExport(library, "GOMP_parallel", out IntPtr start)
            || !NativeLibrary.TryGetExport(library, "omp_get_thread_num", out IntPtr number)
            || !NativeLibrary.TryGetExport(library, "omp_get_num_threads", out IntPtr threads))
        {
            return false;
        }

        threadNumber = (delegate* unmanaged[SuppressGCTransition]<int>)number;
        threadCount = (delegate* unmanaged[SuppressGCTransition]<int>)threads;
        parallel = (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)start;
        return true;
    }

    /// <summary>Uses threads of our own again: for tests of both kinds in one process.</summary>
    internal static void UseOwnThreads() => parallel = null;

    /// <summary>How many workers a loop gets.</summary>
    /// <param name="units">Number of units.</param>
    /// <param name="unitsPerWorker">Units that are worth a worker: below about a microsecond of work waking one costs more than it brings.</param>
    public static int For(nint units, nint unitsPerWorker = 1) => (int)Math.Clamp(units / Math.Max(unitsPerWorker, 1), 1, count);

    /// <summary>Runs a loop and returns when all units are done.</summary>
    /// <param name="body">The body; copied to nowhere, so it may hold pointers to the caller's locals.</param>
    /// <param name="units">Number of units.</param>
    /// <param name="unitsPerWorker">Units that are worth a worker.</param>
    public static void Run<T>(ref T body, nint units, nint unitsPerWorker = 1)
        where T : unmanaged, IRange
    {
        int workers = For(units, unitsPerWorker);
        if (workers == 1)
        {
            int before = current;
            current = 0;
            body.Run(0, units, 0);
            current = before;
            return;
        }

        var job = new Job { Body = Unsafe.AsPointer(ref body), Units = units, Workers = workers, Part = &RunPart<T> };
        if (parallel is not null)
        {
            parallel(&OnThread, &job, (uint)workers, 0);
        }
        else
        {
            Crew.Value.Run(&job);
        }
    }

    private static void RunPart<T>(Job* job, int worker)
        where T : unmanaged, IRange
    {
        nint from = job->Units * worker / job->Workers;
        nint to = job->Units * (worker + 1) / job->Workers;
        if (to > from)
        {
            int before = current;
            current = worker;
            ((T*)job->Body)->Run(from, to, worker);
            current = before;
        }
    }

    [UnmanagedCallersOnly]
    private static void OnThread(void* data)
    {
        var job = (Job*)data;

        // The library may give fewer threads than asked for, as inside another parallel region; the parts stay the same.
        int threads = threadCount();
        for (int worker = threadNumber(); worker < job->Workers; worker += threads)
        {
            job->Part(job, worker);
        }
    }

    /// <summary>A loop that is running.</summary>
    internal struct Job
    {
        public void* Body;
        public nint Units;
        public int Workers;
        public delegate*<Job*, int, void> Part;
    }
}
