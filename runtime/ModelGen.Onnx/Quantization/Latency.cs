using System.Diagnostics;

namespace ModelGen.Onnx.Quantization;

/// <summary>Times of two models, run in turns.</summary>
internal static class Latency
{
    private const int Rounds = 7;
    private const double RoundMs = 20;

    /// <summary>Median milliseconds of a call of each.</summary>
    public static (double First, double Second) Compare(OnnxModel first, OnnxModel second, IReadOnlyDictionary<string, OnnxTensor> sample)
    {
        using var a = new ActivationReader(first, Outputs(first));
        using var b = new ActivationReader(second, Outputs(second));
        List<double> timesA = [];
        List<double> timesB = [];
        for (int round = 0; round < Rounds; round++)
        {
            Run(a, sample, timesA);
            Run(b, sample, timesB);
        }

        return (Median(timesA), Median(timesB));
    }

    private static void Run(ActivationReader runner, IReadOnlyDictionary<string, OnnxTensor> sample, List<double> times)
    {
        runner.Read(sample, static (_, _, _) => { });
        long start = Stopwatch.GetTimestamp();
        do
        {
            long begin = Stopwatch.GetTimestamp();
            runner.Read(sample, static (_, _, _) => { });
            times.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
        }
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < RoundMs);
    }

    private static IEnumerable<string> Outputs(OnnxModel model) =>
        model.Proto.Graph.Output.Where(static output => output.Type.TensorType.ElemType == (int)OnnxType.Float).Select(static output => output.Name);

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }
}
