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

            job = work;
            Volatile.Write(ref unfinished, sleeping.Count);
            Interlocked.Increment(ref generation);
            foreach (SemaphoreSlim sleeper in sleeping)
            {
                sleeper.Release();
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
            for (int spins = 0; spins < Spins && Volatile.Read(ref generation) == seen; spins++)
            {
                Thread.SpinWait(10);
            }

            sleeper.Wait();
            seen = Volatile.Read(ref generation);
            if (worker < job->Workers)
            {
                job->Part(job, worker);
            }

            Interlocked.Decrement(ref unfinished);
        }
    }
}
