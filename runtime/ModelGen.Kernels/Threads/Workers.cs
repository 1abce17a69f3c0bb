using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>
/// Runs loops on several cores. <see cref="Run"/> splits the units evenly and statically, <see cref="Share"/> lets workers that are done take from those that are not: results are the
/// same, bit for bit, for a number of workers in both. Where libtorch's OpenMP library is loaded its threads are used (two pools on the same cores hinder each other); otherwise threads of our own.
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

    [ThreadStatic]
    private static bool inside;

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

    /// <summary>Workers that a loop of the calling thread can have: inside another loop of several workers, one.</summary>
    internal static int Available => inside ? 1 : count;

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
    public static int For(nint units, nint unitsPerWorker = 1) => (int)Math.Clamp(units / Math.Max(unitsPerWorker, 1), 1, Available);

    /// <summary>Runs a loop and returns when all units are done. Each worker gets one part of it, always the same.</summary>
    /// <param name="body">The body; copied to nowhere, so it may hold pointers to the caller's locals.</param>
    /// <param name="units">Number of units.</param>
    /// <param name="unitsPerWorker">Units that are worth a worker.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
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
        Start(&job);
    }

    /// <summary>
    /// Runs a loop whose units may run in any grouping: each worker begins with its own part, in pieces, and then takes from the end of the others'. A core that is slower,
    /// or that the system takes away for a moment, does not keep the others waiting.
    /// </summary>
    /// <param name="body">The body. What it writes for a unit must not depend on which other units are in the same call, nor on the worker, unless it says that it <see cref="IRange.AddsUp"/>.</param>
    /// <param name="units">Number of units.</param>
    /// <param name="unitsPerWorker">Units that are worth a worker.</param>
    /// <param name="piece">Units that are run in one call at least, where so many are left; a quarter of those that are worth a worker unless given.</param>
    public static void Share<T>(ref T body, nint units, nint unitsPerWorker = 1, nint piece = 0)
        where T : unmanaged, IRange
    {
        int workers = For(units, unitsPerWorker);
        if (T.AddsUp || workers == 1 || units > int.MaxValue)
        {
            Run(ref body, units, unitsPerWorker);
            return;
        }

        WorkRange* ranges = stackalloc WorkRange[workers];
        for (int worker = 0; worker < workers; worker++)
        {
            ranges[worker] = new WorkRange(units * worker / workers, units * (worker + 1) / workers);
        }

        var job = new Job
        {
            Body = Unsafe.AsPointer(ref body),
            Units = units,
            Workers = workers,
            Part = &SharePart<T>,
            Ranges = ranges,
            Piece = (int)Math.Max(1, piece > 0 ? piece : unitsPerWorker / 4),
        };
        Start(&job);
    }

    private static void Start(Job* job)
    {
        if (parallel is not null)
        {
            parallel(&OnThread, job, (uint)job->Workers, 0);
        }
        else
        {
            Crew.Value.Run(job);
        }
    }

    // Without AggressiveOptimization the profile would have the JIT inline the whole body here, and what it inlines into a method is limited to a multiple of that method's own size: for a
    // large body the limit is reached in the middle, and the vector operations after it stay calls (measured: a step of MobileNetV2 took 1.2 times as long).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunPart<T>(Job* job, int worker)
        where T : unmanaged, IRange
    {
        nint from = job->Units * worker / job->Workers;
        nint to = job->Units * (worker + 1) / job->Workers;
        if (to > from)
        {
            (int before, bool wasInside) = (current, inside);
            (current, inside) = (worker, true);
            ((T*)job->Body)->Run(from, to, worker);
            (current, inside) = (before, wasInside);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SharePart<T>(Job* job, int worker)
        where T : unmanaged, IRange
    {
        (int before, bool wasInside) = (current, inside);
        (current, inside) = (worker, true);
        for (int i = 0; i < job->Workers; i++)
        {
            WorkRange* range = job->Ranges + ((worker + i) % job->Workers);
            while (i == 0 ? range->TakeFirst(job->Piece, out int from, out int to) : range->TakeLast(job->Piece, out from, out to))
            {
                ((T*)job->Body)->Run(from, to, worker);
            }
        }

        (current, inside) = (before, wasInside);
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

        /// <summary>Of a shared loop: what is left of each worker's part.</summary>
        public WorkRange* Ranges;

        /// <summary>Of a shared loop: units of a call at least.</summary>
        public int Piece;
    }
}
