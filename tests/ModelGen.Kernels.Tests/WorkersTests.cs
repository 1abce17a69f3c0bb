using System.Runtime.InteropServices;
using Xunit.Abstractions;

namespace ModelGen.Kernels.Tests;

/// <summary>Loops on several threads: these tests change settings of the process, so no other test runs beside them.</summary>
[CollectionDefinition(nameof(WorkersTests), DisableParallelization = true)]
[Collection(nameof(WorkersTests))]
public sealed unsafe class WorkersTests(ITestOutputHelper output) : IDisposable
{
    private readonly int before = Workers.Count;

    public static TheoryData<bool> Kinds => new() { false, true };

    public void Dispose()
    {
        Workers.Count = before;
        Workers.UseOwnThreads();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryUnitRunsOnceInItsPart(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        int* runs = stackalloc int[1001];
        int* owners = stackalloc int[1001];
        foreach (int workers in (int[])[1, 2, 3, 5, 8])
        {
            Workers.Count = workers;
            foreach (nint units in (nint[])[0, 1, 2, 3, 7, 8, 9, 100, 1001])
            {
                foreach (nint unitsPerWorker in (nint[])[0, 1, 3, 50])
                {
                    new Span<int>(runs, 1001).Clear();
                    var body = new Marks { Runs = runs, Owners = owners };
                    Workers.Run(ref body, units, unitsPerWorker);
                    int parts = Workers.For(units, unitsPerWorker);
                    Assert.Equal((int)Math.Clamp(units / Math.Max(unitsPerWorker, 1), 1, workers), parts);
                    for (nint i = 0; i < 1001; i++)
                    {
                        Assert.Equal(i < units ? 1 : 0, runs[i]);
                        if (i < units)
                        {
                            Assert.InRange(owners[i], 0, parts - 1);
                            Assert.InRange(i, units * owners[i] / parts, (units * (owners[i] + 1) / parts) - 1);
                        }
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryUnitOfASharedLoopRunsOnce(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        int* runs = stackalloc int[1001];
        int* owners = stackalloc int[1001];
        foreach (int workers in (int[])[1, 2, 3, 5, 8])
        {
            Workers.Count = workers;
            foreach (nint units in (nint[])[0, 1, 2, 3, 7, 8, 9, 100, 1001])
            {
                foreach ((nint unitsPerWorker, nint piece) in ((nint, nint)[])[(0, 0), (1, 0), (3, 1), (50, 0), (1, 200)])
                {
                    new Span<int>(runs, 1001).Clear();
                    var body = new Marks { Runs = runs, Owners = owners };
                    Workers.Share(ref body, units, unitsPerWorker, piece);
                    for (nint i = 0; i < 1001; i++)
                    {
                        Assert.Equal(i < units ? 1 : 0, runs[i]);
                        Assert.True(i >= units || owners[i] < Workers.For(units, unitsPerWorker));
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ALoopThatAddsUpByWorkerIsSplitEvenly(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 3;
        int* owners = stackalloc int[100];
        for (int i = 0; i < 50; i++)
        {
            var body = new EvenMarks { Owners = owners };
            Workers.Share(ref body, 100);
            for (int unit = 0; unit < 100; unit++)
            {
                Assert.InRange(unit, 100 * owners[unit] / 3, (100 * (owners[unit] + 1) / 3) - 1);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void WorkersThatAreDoneTakeFromOneThatIsNot(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 2;
        int* done = stackalloc int[1];
        done[0] = 0;
        var body = new Stuck { Done = done, Units = 1000 };
        Workers.Share(ref body, 1000);
        Assert.Equal(1000, done[0]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TenThousandTinyLoops(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 3;
        long* sums = stackalloc long[3 * 16];
        new Span<long>(sums, 48).Clear();
        var body = new Sums { Totals = sums };
        for (int i = 0; i < 10_000; i++)
        {
            Workers.Run(ref body, 3);
        }

        Assert.Equal((10_000L, 20_000L, 30_000L), (sums[0], sums[16], sums[32]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void NestedLoopsAreComplete(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 4;
        int* counts = stackalloc int[12 * 12];
        new Span<int>(counts, 144).Clear();
        var body = new Outer { Counts = counts };
        for (int i = 0; i < 20; i++)
        {
            Workers.Run(ref body, 12);
        }

        for (int i = 0; i < 144; i++)
        {
            Assert.Equal(20, counts[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SeveralCallersAtOnce(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 3;
        string? wrong = null;
        Thread[] callers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            long* sums = stackalloc long[3 * 16];
            new Span<long>(sums, 48).Clear();
            var body = new Sums { Totals = sums };
            for (int i = 0; i < 500; i++)
            {
                Workers.Run(ref body, 3);
            }

            if ((sums[0], sums[16], sums[32]) != (500, 1000, 1500))
            {
                wrong = $"{sums[0]}, {sums[16]}, {sums[32]}";
            }
        }))];
        Array.ForEach(callers, static caller => caller.Start());
        Array.ForEach(callers, static caller => caller.Join());
        Assert.Null(wrong);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TheNumberOfWorkersChangesBetweenLoops(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        long* sums = stackalloc long[8 * 16];
        var body = new Sums { Totals = sums };
        foreach (int workers in (int[])[1, 8, 2, 5, 1, 3])
        {
            Workers.Count = workers;
            Assert.Equal(workers, Workers.Count);
            new Span<long>(sums, 128).Clear();
            for (int i = 0; i < 50; i++)
            {
                Workers.Run(ref body, 8);
            }

            for (int unit = 0; unit < 8; unit++)
            {
                Assert.Equal(50 * (unit + 1), sums[unit * 16]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void LoopsAllocateNothing(bool openMP)
    {
        if (!Use(openMP))
        {
            return;
        }

        Workers.Count = 2;
        long* sums = stackalloc long[2 * 16];
        var body = new Sums { Totals = sums };
        Workers.Run(ref body, 2);
        Workers.Share(ref body, 2);
        long start = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Workers.Run(ref body, 2);
            Workers.Share(ref body, 2);
        }

        Assert.Equal(start, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void NumbersOutOfRangeAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(static () => Workers.Count = 0);
        Assert.Throws<ArgumentOutOfRangeException>(static () => Workers.Count = 1025);
        Assert.Equal(before, Workers.Count);
    }

    [Fact]
    public void LibrariesWithoutOpenMPAreRefused()
    {
        Assert.False(Workers.UseOpenMP(NativeLibrary.GetMainProgramHandle()));
        Assert.False(Workers.UsesOpenMP);
    }

    /// <summary>False, with a word in the output, when OpenMP is asked for and this machine has no such library.</summary>
    private bool Use(bool openMP)
    {
        if (!openMP)
        {
            Workers.UseOwnThreads();
            return true;
        }

        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string torch = Path.Combine(packages, "libtorch-cpu-linux-x64");
        IEnumerable<string> files = OperatingSystem.IsLinux() && Directory.Exists(torch) ? Directory.EnumerateFiles(torch, "libgomp*.so.1", SearchOption.AllDirectories) : [];
        foreach (string file in (string[])["libgomp.so.1", .. files])
        {
            if (NativeLibrary.TryLoad(file, out IntPtr library) && Workers.UseOpenMP(library))
            {
                Assert.True(Workers.UsesOpenMP);
                return true;
            }
        }

        output.WriteLine("There is no libgomp here: not tested.");
        return false;
    }

    private struct Marks : IRange
    {
        public int* Runs;
        public int* Owners;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint i = from; i < to; i++)
            {
                Interlocked.Increment(ref Runs[i]);
                Owners[i] = worker;
            }
        }
    }

    private struct EvenMarks : IRange
    {
        public int* Owners;

        public static bool AddsUp => true;

        public readonly void Run(nint from, nint to, int worker) => new Span<int>(Owners + from, (int)(to - from)).Fill(worker);
    }

    /// <summary>Whoever gets the first unit goes on when all others are done, which needs somebody to take the rest of its part.</summary>
    private struct Stuck : IRange
    {
        public int* Done;
        public int Units;

        public readonly void Run(nint from, nint to, int worker)
        {
            int own = (int)(to - from);
            if (from == 0)
            {
                int* done = Done;
                int others = Units - own;
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref *done) == others, TimeSpan.FromSeconds(60)), $"{*done} of {others} units were taken");
            }

            Interlocked.Add(ref *Done, own);
        }
    }

    /// <summary>Adds one more than its number to each unit's own line of memory.</summary>
    private struct Sums : IRange
    {
        public long* Totals;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint i = from; i < to; i++)
            {
                Totals[i * 16] += i + 1;
            }
        }
    }

    private struct Outer : IRange
    {
        public int* Counts;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint i = from; i < to; i++)
            {
                var inner = new Inner { Counts = Counts + (i * 12) };
                Workers.Run(ref inner, 12);
            }
        }
    }

    private struct Inner : IRange
    {
        public int* Counts;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint i = from; i < to; i++)
            {
                Interlocked.Increment(ref Counts[i]);
            }
        }
    }
}
