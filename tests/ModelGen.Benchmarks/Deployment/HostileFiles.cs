using ModelGen.Onnx;
using ModelGen.Onnx.Tests;

namespace ModelGen.Benchmarks;

/// <summary>
/// Mutates models and opens what still passes the checks in ONNX Runtime: every file must give a model that runs, or an exception that says what is wrong. A crash ends the process, so the
/// seed of each file is written before it is tried.
/// </summary>
internal static class HostileFiles
{
    public static int Run(string? count, string? seed)
    {
        int files = count is null ? 20_000 : int.Parse(count, System.Globalization.CultureInfo.InvariantCulture);
        int first = seed is null ? 0 : int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture);
        using var cnn = new Samples.Zoo.LeNet5();
        using var text = new Samples.Zoo.TextCnn();
        byte[][] originals = [cnn.ToOnnx().ToByteArray(), text.ToOnnx().ToByteArray()];
        string trace = Path.Combine(Path.GetTempPath(), $"modelgen-hostile-{Environment.ProcessId}.txt");
        (int refused, int refusedLater, int ran) = (0, 0, 0);
        var options = new InferenceOptions { Threads = 1 };
        for (int i = first; i < first + files; i++)
        {
            File.WriteAllText(trace, i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            byte[] bytes = ModelMutation.Mutate(originals[i % originals.Length], new Random(i));
            try
            {
                OnnxModel model = OnnxModel.Parse(bytes);
                try
                {
                    new OnnxRunner(model, options).Dispose();
                    ran++;
                }
                catch (Exception exception) when (exception is OnnxFormatException or NotSupportedException or InvalidOperationException)
                {
                    refusedLater++;
                }
            }
            catch (OnnxFormatException)
            {
                refused++;
            }
        }

        File.Delete(trace);
        Console.WriteLine($"{files:N0} mutated files: {refused:N0} refused by the checks, {refusedLater:N0} by ONNX Runtime, {ran:N0} ran; no crash, no other exception");
        return 0;
    }
}
