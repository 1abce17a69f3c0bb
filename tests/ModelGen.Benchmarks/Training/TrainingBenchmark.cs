using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>Generated training steps against eager TorchSharp on the same classes, weights and batch, in turns in one process; medians.</summary>
internal static class TrainingBenchmark
{
    private const int WarmUp = 5;
    private const int Block = 3;
    private const int Blocks = 12;
    private const double Tolerance = 1e-3;

    /// <summary>Operands of bfloat16 have eight bits.</summary>
    private const double MixedTolerance = 2e-2;

    private sealed record Row(
        string Model, string Precision, double EagerMs, double GeneratedMs, double Ratio, double FloorShare, double ManagedBytes, double PageFaults, double PeakRssMiB, double FirstStepMs);

    public static int Run(string? only, string? json, bool calls)
    {
        using VectorCalls? listener = calls ? new VectorCalls() : null;
        TrainingCase[] cases = [.. TrainingCase.All.Where(item => only is null || item.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (cases.Length == 0 && !"AdamW25M".Equals(only, StringComparison.OrdinalIgnoreCase))
        {
            Console.Error.WriteLine($"There is no model '{only}'. There are: {string.Join(", ", TrainingCase.All.Select(static item => item.Name).Distinct().Append("AdamW25M"))}.");
            return 2;
        }

        bool tuned = StepMeter.KeepFreedMemory();
        NativeLibraries.EnsureLoaded();
        NativeLibraries.ShareThreads();
        double peak = ProductSpeed();
        double copy = KernelBenchmark.CopySpeed(256e6);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Hardware.VectorBits}-bit vectors, {Workers.Count} workers, matrix product {peak:N0} GFLOP/s, copy {copy:N0} GB/s; eager code's allocator {(tuned ? "keeps freed memory" : "as it is")}"));
        Console.WriteLine("floor: three times the operations of forward at the speed of the matrix product, plus what the optimizer reads and writes at the speed of a copy");
        Console.WriteLine($"{"model",-16} {"precision",9} {"eager ms",10} {"ours ms",10} {"ratio",7} {"floor",7} {"managed B",10} {"faults",7} {"peak MiB",9} {"first ms",9}");
        var rows = new List<Row>();
        bool good = true;
        foreach (TrainingCase item in cases)
        {
            try
            {
                rows.Add(Print(Measure(item, peak, copy)));
            }
            catch (InvalidOperationException e)
            {
                good = false;
                Console.WriteLine($"{item.Name,-16} FAILED: {e.Message}");
            }

            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        if (only is null || only.Equals("AdamW25M", StringComparison.OrdinalIgnoreCase))
        {
            rows.Add(Print(MeasureOptimizer(copy)));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        good &= listener?.Print() ?? true;
        return good ? 0 : 1;
    }

    private static Row Print(Row row)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{row.Model,-16} {row.Precision,9} {row.EagerMs,10:N3} {row.GeneratedMs,10:N3} {row.Ratio,6:N2}x {row.FloorShare,7:P0} {row.ManagedBytes,10:N0} {row.PageFaults,7:N1} {row.PeakRssMiB,9:N0} {row.FirstStepMs,9:N0}"));
        return row;
    }

    private static Row Measure(TrainingCase item, double peak, double copy)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(1);
        Tensor x = item.Input();
        Tensor target = item.Targets();
        using Module model = item.Create();
        var start = model.state_dict().ToDictionary(static pair => pair.Key, static pair => pair.Value.clone());
        TrainAttribute settings = ((ICompiledModel)model).TrainSettings!;
        model.train();

        // Alone first, for the peak of the memory.
        StepMeter.ResetPeak();
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(settings));
        Tensor[] inputs = [x];
        step.DrawsLikeEager = true;
        random.manual_seed(2);
        long begin = Stopwatch.GetTimestamp();
        step.Run(inputs, target);
        double first = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        float loss = step.Loss.ToSingle();
        step.DrawsLikeEager = false;
        step.Run(inputs, target);
        (double bytes, double faults) = Cost(() => step.Run(inputs, target));
        double rss = StepMeter.PeakMiB();

        using Module eager = item.Create();
        eager.load_state_dict(start);
        eager.train();
        using optim.Optimizer optimizer = Optimizer(eager, OptimizerSettings.From(settings));
        random.manual_seed(2);
        float expected = EagerStep(item, eager, optimizer, x, target);
        bool mixed = settings.Precision == Precision.BFloat16;
        if (!(Math.Abs(loss - expected) <= (mixed ? MixedTolerance : Tolerance) * Math.Abs(expected)))
        {
            throw new InvalidOperationException($"the first loss is {loss} instead of {expected}");
        }

        for (int i = 0; i < WarmUp; i++)
        {
            EagerStep(item, eager, optimizer, x, target);
            step.Run(inputs, target);
        }

        var eagerMs = new List<double>(Blocks * Block);
        var ownMs = new List<double>(Blocks * Block);
        for (int i = 0; i < Blocks; i++)
        {
            for (int j = 0; j < Block; j++)
            {
                begin = Stopwatch.GetTimestamp();
                EagerStep(item, eager, optimizer, x, target);
                eagerMs.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            }

            for (int j = 0; j < Block; j++)
            {
                begin = Stopwatch.GetTimestamp();
                step.Run(inputs, target);
                ownMs.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            }
        }

        long parameters = model.parameters().Sum(static parameter => parameter.numel());
        double floor = (3.0 * item.Summary().FlopsPerSample * item.Batch / (peak * 1e6)) + (parameters * BytesPerParameter(settings.Optimizer) / (copy * 1e6));
        (double eagerMedian, double ownMedian) = (KernelBenchmark.Median(eagerMs), KernelBenchmark.Median(ownMs));
        return new Row(item.Name, mixed ? "bfloat16" : "float32", eagerMedian, ownMedian, eagerMedian / ownMedian, floor / ownMedian, bytes, faults, rss, first);
    }

    /// <summary>Managed bytes and page faults of a step in steady state; eager code, which moves the heap about, does not run in between.</summary>
    private static (double Bytes, double Faults) Cost(Action step)
    {
        // The JIT compiles hot code anew in the background during the first second, and its memory faults too.
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds < 1.5)
        {
            step();
        }

        const int Steps = Blocks * Block;
        (long bytes, long faults) = (GC.GetAllocatedBytesForCurrentThread(), StepMeter.PageFaults());
        for (int i = 0; i < Steps; i++)
        {
            step();
        }

        // Asking for the faults allocates nothing, so the order does not matter.
        return ((GC.GetAllocatedBytesForCurrentThread() - bytes) / (double)Steps, (StepMeter.PageFaults() - faults) / (double)Steps);
    }

    /// <summary>GFLOP/s of the product of two matrices of 1024 x 1024, the best of several.</summary>
    internal static double ProductSpeed()
    {
        const int Size = 1024;
        using var a = new NativeMemoryBlock(Size * Size * sizeof(float));
        using var b = new NativeMemoryBlock(Size * Size * sizeof(float));
        using var c = new NativeMemoryBlock(Size * Size * sizeof(float));
        var problem = new GemmProblem(Size, Size, Size) { A = a.Floats(), ARow = Size, AColumn = 1, B = b.Floats(), BRow = Size, BColumn = 1, C = c.Floats() };
        Action product = Memory.ByWidth(() => Gemm<V512>.Run(problem), () => Gemm<V256>.Run(problem), () => Gemm<V128>.Run(problem));
        double best = double.MaxValue;
        for (int i = 0; i < 20; i++)
        {
            long start = Stopwatch.GetTimestamp();
            product();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return 2.0 * Size * Size * Size / best / 1e6;
    }

    private static float EagerStep(TrainingCase item, Module model, optim.Optimizer optimizer, Tensor x, Tensor target)
    {
        using DisposeScope scope = NewDisposeScope();
        optimizer.zero_grad();
        Tensor loss = functional.cross_entropy(item.Eager(model, x), target);
        loss.backward();
        optimizer.step();
        return loss.ToSingle();
    }

    private static optim.Optimizer Optimizer(Module model, OptimizerSettings settings) => settings.Kind == ModelGen.Optimizer.SGD
        ? optim.SGD(model.parameters(), settings.LearningRate, settings.Momentum, weight_decay: settings.WeightDecay)
        : optim.AdamW(model.parameters(), settings.LearningRate, settings.Beta1, settings.Beta2, settings.Epsilon, settings.WeightDecay);

    /// <summary>AdamW reads parameter, gradient and two moments and writes three of them; SGD with momentum reads three and writes two.</summary>
    private static double BytesPerParameter(Optimizer kind) => kind == ModelGen.Optimizer.SGD ? 20 : 28;

    private static Row MeasureOptimizer(double copy)
    {
        const long Count = 25_000_000;
        using DisposeScope scope = NewDisposeScope();

        // As in a model of this size: 100 tensors.
        Parameter[] parameters = [.. Enumerable.Range(0, 100).Select(static _ => new Parameter(randn(Count / 100)))];
        foreach (Parameter parameter in parameters)
        {
            parameter.grad = randn(Count / 100);
        }

        using optim.Optimizer eager = optim.AdamW(parameters, 1e-3, weight_decay: 0.01);
        using var flat = new FlatBuffer(Enumerable.Range(0, 100).Select(static index => (index.ToString(CultureInfo.InvariantCulture), new long[] { Count / 100 })), ScalarType.Float32, CPU);
        using FlatBuffer gradients = flat.Like();
        using var own = new FlatOptimizer(new OptimizerSettings(ModelGen.Optimizer.AdamW, 1e-3) { WeightDecay = 0.01 }, flat, gradients);
        using (no_grad())
        {
            gradients.Data.normal_();
        }

        long start = Stopwatch.GetTimestamp();
        own.Step();
        double first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        (double bytes, double faults) = Cost(own.Step);
        eager.step();
        var eagerMs = new List<double>(Blocks * Block);
        var ownMs = new List<double>(Blocks * Block);
        for (int i = 0; i < Blocks * Block; i++)
        {
            start = Stopwatch.GetTimestamp();
            eager.step();
            eagerMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            start = Stopwatch.GetTimestamp();
            own.Step();
            ownMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        (double eagerMedian, double ownMedian) = (KernelBenchmark.Median(eagerMs), KernelBenchmark.Median(ownMs));
        return new Row("AdamW25M", "float32", eagerMedian, ownMedian, eagerMedian / ownMedian, Count * 28 / (copy * 1e6) / ownMedian, bytes, faults, StepMeter.PeakMiB(), first);
    }
}
