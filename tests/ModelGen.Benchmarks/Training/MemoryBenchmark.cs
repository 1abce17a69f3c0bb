using System.Globalization;
using System.Text.Json;
using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>The memory that a summary plans for a training step against what the process takes for it.</summary>
internal static class MemoryBenchmark
{
    private const double MiB = 1 << 20;

    private sealed record Row(string Model, int Batch, double PlannedMiB, double WorkspaceMiB, double MeasuredMiB, double Ratio);

    public static int Run(string? only, string? json)
    {
        TrainingCase[] cases = [.. TrainingCase.All.Where(item => only is null || item.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (cases.Length == 0)
        {
            Console.Error.WriteLine($"There is no model '{only}'. There are: {string.Join(", ", TrainingCase.All.Select(static item => item.Name).Distinct())}.");
            return 2;
        }

        if (!OperatingSystem.IsLinux())
        {
            Console.Error.WriteLine("Resident memory is read from /proc, which this system lacks.");
            return 2;
        }

        NativeLibraries.EnsureLoaded();
        Console.WriteLine("planned: parameters, gradients, optimizer state, inputs and intermediates; workspace: what kernels keep for the next models of this thread too, by how much it grew");
        Console.WriteLine("measured: growth of the resident memory from before the model is made to its peak in three steps; ratio: measured over planned and workspace");
        Console.WriteLine($"{"model",-16} {"batch",6} {"planned MiB",12} {"workspace MiB",14} {"measured MiB",13} {"ratio",7}");
        var rows = new List<Row>();
        foreach (TrainingCase item in cases)
        {
            // The first time, the JIT compiles the code; on a thread of its own, whose workspaces and freed memory this one does not take over.
            var warmUp = new Thread(() => Measure(item));
            warmUp.Start();
            warmUp.Join();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Row row = Measure(item);
            rows.Add(row);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Model,-16} {row.Batch,6} {row.PlannedMiB,12:N1} {row.WorkspaceMiB,14:N1} {row.MeasuredMiB,13:N1} {row.Ratio,7:N3}"));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static Row Measure(TrainingCase item)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(1);
        Tensor x = item.Input();
        Tensor target = item.Targets();
        StepMeter.ReleaseFreedMemory();
        (double before, long blocks) = (StepMeter.ResidentMiB(), NativeMemoryBlock.AllocatedBytes);
        using Module model = item.Create();
        model.train();
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!));
        StepMeter.ResetPeak();
        for (int i = 0; i < 3; i++)
        {
            step.Run([x], target);
        }

        double measured = StepMeter.PeakMiB() - before;
        MemoryPlan plan = item.Summary().Memory.First(entry => entry.Batch == item.Batch);
        double planned = plan.TrainingPeakBytes / MiB;
        double workspace = (NativeMemoryBlock.AllocatedBytes - blocks - ((KernelStep)step).ArenaBytes) / MiB;
        return new Row(item.Name, item.Batch, planned, workspace, measured, measured / (planned + workspace));
    }
}
