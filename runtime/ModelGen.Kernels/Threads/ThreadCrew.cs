namespace ModelGen.Kernels;

/// <summary>Threads that wait for parts of a loop: they spin for a short time, then sleep.</summary>
internal sealed unsafe class ThreadCrew
{
    private const int Spins = 2000;

    private readonly Lock busy = new();
    private readonly List<SemaphoreSlim> sleeping = [];
    private Workers.Job* job;
    private int generation;
    private int unfinished;
    private int spins = Spins;

    /// <summary>Runs all parts of a job. While another thread's job runs here, the caller does its parts alone, in order.</summary>
    public void Run(Workers.Job* work)
    {
        if (busy.IsHeldByCurrentThread || !busy.TryEnter())
        {
            for (int worker = 0; worker < work->Workers; worker++)
            {
                work->Part(work, worker);
            }

            return;
        }

        try
        {
            while (sleeping.Count < work->Workers - 1)
            {
                Start(sleeping.Count + 1);
            }

            int helpers = work->Workers - 1;
            // More threads than processors would take the time that they wait from those that work.
            spins = work->Workers <= Environment.ProcessorCount ? Spins : 0;
            job = work;
            Volatile.Write(ref unfinished, helpers);
            Interlocked.Increment(ref generation);
            for (int helper = 0; helper < helpers; helper++)
            {
                sleeping[helper].Release();
            }

            work->Part(work, 0);
            var spin = default(SpinWait);
            while (Volatile.Read(ref unfinished) > 0)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }
        finally
        {
            busy.Exit();
        }
    }

    private void Start(int worker)
    {
        var sleeper = new SemaphoreSlim(0);
        sleeping.Add(sleeper);
        int seen = Volatile.Read(ref generation);
        new Thread(() => Work(worker, sleeper, seen)) { IsBackground = true, Name = $"ModelGen worker {worker}" }.Start();
    }

    private void Work(int worker, SemaphoreSlim sleeper, int seen)
    {
        while (true)
        {
            for (int spin = 0; spin < Volatile.Read(ref spins) && Volatile.Read(ref generation) == seen; spin++)
            {
                Thread.SpinWait(10);
            }

            sleeper.Wait();
            seen = Volatile.Read(ref generation);
            job->Part(job, worker);
            Interlocked.Decrement(ref unfinished);
        }
    }
}
