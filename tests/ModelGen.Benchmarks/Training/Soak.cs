using System.Globalization;
using System.Runtime.CompilerServices;

namespace ModelGen.Benchmarks;

/// <summary>Many steps of one model, a smaller batch among them now and then, and what the process has more of afterwards.</summary>
internal static class Soak
{
    /// <summary>Growth that is taken for noise of the runtime, in MiB, besides what the system added by joining pages into huge ones, which are resident as a whole.</summary>
    private const double Allowed = 4;

    // Compiled for good at once: the runtime would replace this method on the stack in the ten thousandth pass of its loop, and the JIT's memory for that (4.5 MiB) stays in
    // the process.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Run(string? only, string? steps)
    {
        int count = steps is null ? 20_000 : int.Parse(steps, CultureInfo.InvariantCulture);
        TrainingCase? item = TrainingCase.All.FirstOrDefault(item => item.Name.Equals(only ?? "Mlp", StringComparison.OrdinalIgnoreCase));
        if (item is null || count < 1000)
        {
            Console.Error.WriteLine($"usage: soak [--only {string.Join("|", TrainingCase.All.Select(static item => item.Name).Distinct())}] [--steps N], N at least 1000");
            return 2;
        }

        NativeLibraries.EnsureLoaded();
        random.manual_seed(1);
        using Tensor x = item.Input();
        using Tensor target = item.Targets();
        using Tensor fewer = x[..(item.Batch / 2)];
        using Tensor fewerTargets = target[..(int)(target.shape[0] / 2)];
        using Module model = item.Create();
        model.train();
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!));
        Tensor[] inputs = [x];
        Tensor[] fewerInputs = [fewer];
        Console.WriteLine($"{item.Name}: {count} steps with {item.Batch} samples, after every 100 one with {item.Batch / 2}");
        Console.WriteLine($"{"steps",8} {"resident MiB",13} {"of it huge",11} {"managed B/step",15} {"faults/step",12} {"loss",10}");
        (double settled, double settledHuge) = (0, 0);
        int part = count / 10;
        for (int i = 0; i < 10; i++)
        {
            (long bytes, long faults) = (0, 0);
            for (int j = 0; j < part; j++)
            {
                (long bytesBefore, long faultsBefore) = (GC.GetAllocatedBytesForCurrentThread(), StepMeter.PageFaults());
                step.Run(inputs, target);
                bytes += GC.GetAllocatedBytesForCurrentThread() - bytesBefore;
                faults += StepMeter.PageFaults() - faultsBefore;
                if (j % 100 == 99)
                {
                    step.Run(fewerInputs, fewerTargets);
                }
            }

            if (i == 0)
            {
                // The first collection, in which the runtime sets up what every later one uses, would come somewhere in the middle.
                GC.Collect();
            }

            (double resident, double huge) = (StepMeter.ResidentMiB(), StepMeter.HugePagesMiB());
            (settled, settledHuge) = i == 0 ? (resident, huge) : (settled, settledHuge);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{(i + 1) * part,8} {resident,13:N1} {huge,11:N1} {(double)bytes / part,15:N1} {(double)faults / part,12:N3} {step.Loss.ToSingle(),10:G4}"));
        }

        double growth = StepMeter.ResidentMiB() - settled;
        double joined = Math.Max(0, StepMeter.HugePagesMiB() - settledHuge);
        bool good = growth - joined <= Allowed;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"growth after the first tenth: {growth:N1} MiB, with {joined:N1} MiB more in huge pages: {(good ? "steady" : "NOT STEADY")}"));
        return good ? 0 : 1;
    }
}
