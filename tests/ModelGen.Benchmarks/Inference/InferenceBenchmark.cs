using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Kernels;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary><c>Infer</c> against eager TorchSharp in <c>inference_mode</c> and ONNX Runtime on the exported model: the same weights and batch, in turns in one process; medians.</summary>
internal static class InferenceBenchmark
{
    private const int Rounds = 10;
    private const double RoundMs = 40;
    private const double Tolerance = 1e-4;

    private sealed record Row(string Model, int Batch, string Precision, double EagerMs, double OnnxMs, double InferMs, double RatioEager, double RatioOnnx, double FloorShare, double ManagedBytes, double FirstMs);

    public static int Run(string? only, string? json, bool calls)
    {
        using VectorCalls? listener = calls ? new VectorCalls() : null;
        InferenceCase[] cases = [.. InferenceCase.All.Where(item => only is null || item.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (cases.Length == 0)
        {
            Console.Error.WriteLine($"There is no model '{only}'. There are: {string.Join(", ", InferenceCase.All.Select(static item => item.Name))}.");
            return 2;
        }

        bool tuned = StepMeter.KeepFreedMemory();
        NativeLibraries.EnsureLoaded();
        NativeLibraries.ShareThreads();
        double peak = TrainingBenchmark.ProductSpeed();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Hardware.VectorBits}-bit vectors, {Workers.Count} workers, matrix product {peak:N0} GFLOP/s; eager code's allocator {(tuned ? "keeps freed memory" : "as it is")}; ONNX Runtime with its own defaults; Infer with frozen weights, as a session's are"));
        Console.WriteLine("floor: the operations at the speed of the matrix product");
        Console.WriteLine($"{"model",-12} {"batch",5} {"eager ms",9} {"onnx ms",9} {"Infer ms",9} {"vs eager",9} {"vs onnx",8} {"floor",6} {"managed B",10} {"first ms",9}");
        var rows = new List<Row>();
        bool good = true;
        foreach (InferenceCase item in cases)
        {
            foreach (int batch in (int[])[1, 16])
            {
                try
                {
                    Row row = Measure(item, batch, peak);
                    rows.Add(row);
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{row.Model,-12} {row.Batch,5} {row.EagerMs,9:N3} {row.OnnxMs,9:N3} {row.InferMs,9:N3} {row.RatioEager,8:N2}x {row.RatioOnnx,7:N2}x {row.FloorShare,6:P0} {row.ManagedBytes,10:N0} {row.FirstMs,9:N0}"));
                }
                catch (InvalidOperationException e)
                {
                    good = false;
                    Console.WriteLine($"{item.Name,-12} {batch,5} FAILED: {e.Message}");
                }
            }
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        good &= listener?.Print() ?? true;
        return good ? 0 : 1;
    }

    private static Row Measure(InferenceCase item, int batch, double peak)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(1);
        using Module model = item.Create();
        model.eval();
        Tensor x = item.Input(batch);
        var compiled = (ICompiledModel)model;
        compiled.FreezeWeights();
        Tensor[] inputs = [x];

        float[] expected;
        using (inference_mode())
        {
            using Tensor eager = item.Eager(model, x);
            expected = eager.data<float>().ToArray();
        }

        long begin = Stopwatch.GetTimestamp();
        float[] inferred;
        using (Tensor own = compiled.InferBatch(inputs))
        {
            inferred = own.data<float>().ToArray();
        }

        double first = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            item.Export(model, path, batch);
            var answer = new float[expected.Length];
            (OnnxSession session, Action runOnnx) = item.Open(path, x, answer);
            using OnnxSession owned = session;
            runOnnx();
            Compare("Infer", inferred, expected);
            Compare("ONNX Runtime", answer, expected);

            Action runEager = () =>
            {
                using IDisposable mode = inference_mode();
                using DisposeScope inner = NewDisposeScope();
                item.Eager(model, x).Dispose();
            };
            Action runInfer = () => compiled.InferBatch(inputs).Dispose();
            Action[] paths = [runEager, runOnnx, runInfer];
            List<double>[] times = [[], [], []];
            for (int round = 0; round < Rounds; round++)
            {
                for (int i = 0; i < paths.Length; i++)
                {
                    // Each library's threads spin for a while after a call; those of the one before have gone to sleep then, and the first calls wake the own ones.
                    Thread.Sleep(50);
                    paths[i]();
                    paths[i]();
                    long start = Stopwatch.GetTimestamp();
                    do
                    {
                        begin = Stopwatch.GetTimestamp();
                        paths[i]();
                        times[i].Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
                    }
                    while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < RoundMs || times[i].Count < 3 * (round + 1));
                }
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10; i++)
            {
                runInfer();
            }

            double managed = (GC.GetAllocatedBytesForCurrentThread() - before) / 10.0;
            double[] medians = [.. times.Select(static list => KernelBenchmark.Median(list))];
            return new Row(item.Name, batch, "float32", medians[0], medians[1], medians[2], medians[0] / medians[2], medians[1] / medians[2], item.FlopsPerSample() * (double)batch / (peak * 1e6) / medians[2], managed, first);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Compare(string what, float[] actual, float[] expected)
    {
        float largest = expected.Max(static value => Math.Abs(value));
        float error = actual.Zip(expected, static (a, b) => Math.Abs(a - b)).Max();
        if (!(error <= Tolerance * largest))
        {
            throw new InvalidOperationException($"{what} differs from eager code by {error} where the largest value is {largest}");
        }
    }
}
