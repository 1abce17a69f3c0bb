using System.Globalization;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>Time of each kind of kernel in ONNX Runtime, from its own profile.</summary>
internal static class KernelTimes
{
    private const int Runs = 20;

    public static string Text(OnnxModel model, IReadOnlyDictionary<string, OnnxTensor> sample)
    {
        using var options = new SessionOptions { EnableProfiling = true, ProfileOutputPathPrefix = Path.Combine(Path.GetTempPath(), "modelgen-profile") };
        using var session = new InferenceSession(model.ToByteArray(), options);
        using var run = new RunOptions();
        Dictionary<string, OrtValue> inputs = sample.ToDictionary(static pair => pair.Key, static pair => pair.Value.Type == OnnxType.Int64
            ? OrtValue.CreateTensorValueFromMemory(pair.Value.AsSpan<long>().ToArray(), [.. pair.Value.Shape])
            : OrtValue.CreateTensorValueFromMemory(pair.Value.AsSpan<float>().ToArray(), [.. pair.Value.Shape]));
        for (int i = 0; i < Runs; i++)
        {
            session.Run(run, inputs, session.OutputNames).Dispose();
        }

        string file = session.EndProfiling();
        try
        {
            using JsonDocument profile = JsonDocument.Parse(File.ReadAllText(file));
            return string.Join("\n", profile.RootElement.EnumerateArray()
                .Where(static item => item.GetProperty("cat").GetString() == "Node" && item.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal))
                .GroupBy(static item => item.GetProperty("args").GetProperty("op_name").GetString()!)
                .Select(static group => (Op: group.Key, Ms: group.Sum(static item => item.GetProperty("dur").GetDouble()) / 1000 / Runs, Nodes: group.Count() / Runs))
                .OrderByDescending(static row => row.Ms)
                .Select(static row => string.Create(CultureInfo.InvariantCulture, $"      {row.Op,-28} {row.Ms,8:N3} ms {row.Nodes,4} nodes")));
        }
        finally
        {
            File.Delete(file);
            foreach (OrtValue value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }
}
