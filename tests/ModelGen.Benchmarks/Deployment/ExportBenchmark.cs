using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Onnx;
using ModelGen.Samples.Zoo;

namespace ModelGen.Benchmarks;

/// <summary>
/// Exports the models of the zoo: time, nodes before and after the optimizer, latency of ONNX Runtime on both, and the largest error against eager TorchSharp, of a static batch of one and
/// of two samples through an open batch size.
/// </summary>
internal static class ExportBenchmark
{
    private const double Tolerance = 1e-4;
    private const int Calls = 10;

    private sealed record Row(string Model, double ExportMs, long Bytes, int NodesBefore, int NodesAfter, double PlainMs, double LatencyMs, double Error, double? OpenError, string? Closed);

    public static int Run(string? only, string? json)
    {
        ZooModel[] models = [.. ZooModel.All.Where(model => only is null || model.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (models.Length == 0)
        {
            Console.Error.WriteLine($"There is no model '{only}'. The zoo has: {string.Join(", ", ZooModel.All.Select(static model => model.Name))}.");
            return 2;
        }

        Console.WriteLine($"{"model",-18} {"export ms",10} {"MB",7} {"nodes",6} {"after",6} {"plain ms",9} {"ORT ms",8} {"error",8} {"open N",8}");
        var rows = new List<Row>();
        foreach (ZooModel model in models)
        {
            Row row = Measure(model);
            rows.Add(row);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Model,-18} {row.ExportMs,10:N1} {row.Bytes / 1e6,7:N1} {row.NodesBefore,6} {row.NodesAfter,6} {row.PlainMs,9:N3} {row.LatencyMs,8:N3} {row.Error,8:0.0e0} {(row.OpenError is { } error ? error.ToString("0.0e0", CultureInfo.InvariantCulture) : "static"),8}"));
            if (row.Closed is not null)
            {
                Console.WriteLine($"  {row.Closed}");
            }

            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        bool good = rows.All(static row => row.Error <= Tolerance && (row.OpenError ?? 0) <= Tolerance);
        Console.WriteLine(good ? $"All graphs agree with eager TorchSharp within {Tolerance:0e0} of the largest value." : "Some errors are above the tolerance.");
        return good ? 0 : 1;
    }

    private static Row Measure(ZooModel zoo)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(22);
        using Module model = zoo.Create();
        Examination.Calibrate(zoo, model);
        model.eval();
        using IDisposable guard = no_grad();
        Tensor[] inputs = zoo.Inputs(1);
        zoo.ToOnnx(model, 1, static options => options);
        long start = Stopwatch.GetTimestamp();
        OnnxModel optimized = zoo.ToOnnx(model, 1, static options => options);
        double export = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        OnnxModel plain = zoo.ToOnnx(model, 1, static options => options with { Optimize = false });
        (double plainMs, _) = Run(zoo, model, plain, inputs, Calls);
        (double latency, double error) = Run(zoo, model, optimized, inputs, Calls);
        double? openError = null;
        string? closed = null;
        try
        {
            openError = Run(zoo, model, zoo.ToOnnx(model, 1, options => options with { OpenSize = "N" }), zoo.Inputs(2), 0).Error;
        }
        catch (NotSupportedException exception)
        {
            closed = exception.Message;
        }

        return new Row(zoo.Name, export, optimized.ToByteArray().Length, plain.Proto.Graph.Node.Count, optimized.Proto.Graph.Node.Count, plainMs, latency, error, openError, closed);
    }

    /// <summary>Median milliseconds of a call, and the largest error relative to the largest value.</summary>
    private static (double Ms, double Error) Run(ZooModel zoo, Module model, OnnxModel onnx, Tensor[] inputs, int calls)
    {
        using var runner = new OnnxRunner(onnx);
        Dictionary<string, OnnxTensor> feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: Convert(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value);
        float[] actual = runner.Run(feed)[runner.Outputs[0].Name].AsSpan<float>().ToArray();
        using Tensor eager = zoo.Eager(model, inputs).contiguous();
        float[] expected = eager.data<float>().ToArray();
        double largest = expected.Max(static value => Math.Abs(value));
        double error = expected.Zip(actual, static (a, b) => Math.Abs((double)a - b)).Max() / largest;
        var times = new List<double>();
        for (int i = 0; i < calls; i++)
        {
            long start = Stopwatch.GetTimestamp();
            runner.Run(feed);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return (calls == 0 ? 0 : KernelBenchmark.Median(times), expected.Length == actual.Length ? error : double.PositiveInfinity);
    }

    private static OnnxTensor Convert(Tensor input) => input.dtype == ScalarType.Int64
        ? OnnxTensor.From<long>(input.data<long>().ToArray(), input.shape)
        : OnnxTensor.From<float>(input.data<float>().ToArray(), input.shape);
}
