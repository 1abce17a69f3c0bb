using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>
/// What the profiler's marks cost: off, the time of one mark (a loop with it against a loop without) times the marks of a step; on, steps with a clock against steps without, in
/// turns in one process.
/// </summary>
internal static class ProfilerBenchmark
{
    private const int Pairs = 25;
    private const int WarmUp = 5;

    public static int Run(string? only)
    {
        TrainingCase[] cases = [.. TrainingCase.All.DistinctBy(static item => item.Name).Where(item => only is null || item.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        NativeLibraries.EnsureLoaded();
        double mark = MarkProbe.NanosecondsPerMark();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a mark without profiler takes {mark:0.00} ns"));
        Console.WriteLine($"{"model",-16} {"statements",10} {"step ms",9} {"off",9} {"on",8}");
        foreach (TrainingCase item in cases)
        {
            using DisposeScope scope = NewDisposeScope();
            random.manual_seed(1);
            using Module model = item.Create();
            model.train();
            (Tensor x, Tensor target) = (item.Input(), item.Targets());
            using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!));
            if (step is not KernelStep kernels)
            {
                Console.WriteLine($"{item.Name,-16} runs on libtorch's operators");
                continue;
            }

            for (int i = 0; i < WarmUp; i++)
            {
                step.Run([x], target);
            }

            int marks = kernels.Operations.Length + 1;
            var (off, on) = (new double[Pairs], new double[Pairs]);
            for (int i = 0; i < Pairs; i++)
            {
                off[i] = Time(step, x, target);
                kernels.Clock = new StepClock(marks - 1, 1);
                on[i] = Time(step, x, target);
                kernels.Clock = null;
            }

            Array.Sort(off);
            Array.Sort(on);
            double milliseconds = off[Pairs / 2];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{item.Name,-16} {marks - 1,10} {milliseconds,9:0.000} {marks * mark / (milliseconds * 1e6),9:0.0000 %} {(on[Pairs / 2] / milliseconds) - 1,8:+0.0 %;-0.0 %}"));
        }

        return 0;
    }

    private static double Time(TrainingStep step, Tensor x, Tensor target)
    {
        long start = Stopwatch.GetTimestamp();
        step.Run([x], target);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>A step that does nothing but mark, between calls that keep the compiler from joining the marks.</summary>
    private sealed class MarkProbe() : KernelStep([("w", zeros(16))], new OptimizerSettings(ModelGen.Optimizer.SGD, 0.1))
    {
        private const int Calls = 20_000_000;
        private const int Tries = 7;

        public static double NanosecondsPerMark()
        {
            using var probe = new MarkProbe();
            (double with, double without) = (double.PositiveInfinity, double.PositiveInfinity);
            for (int i = 0; i < Tries; i++)
            {
                long start = Stopwatch.GetTimestamp();
                probe.Without();
                without = Math.Min(without, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
                start = Stopwatch.GetTimestamp();
                probe.With();
                with = Math.Min(with, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            }

            return Math.Max(0, with - without) / Calls;
        }

        protected override void Evaluate(IReadOnlyList<Tensor> inputs, Tensor target) => throw new NotSupportedException();

        protected override void Plan(ArenaPlan memory) => throw new NotSupportedException();

        protected override StepOperation[] Describe() => [];

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void With()
        {
            for (int i = 0; i < Calls; i++)
            {
                Mark(i);
                Work();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Without()
        {
            for (int i = 0; i < Calls; i++)
            {
                Work();
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Work()
        {
        }
    }
}
