using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Outputs read as class scores, <c>[N, C]</c>: the class is the index of the largest value.</summary>
internal static class ClassScores
{
    /// <exception cref="ArgumentException">The options ask for classes, and the output is not <c>[N, C]</c>.</exception>
    public static void Check(VerifyOptions options, PathOutputs eager, string model)
    {
        if ((options.Labels is not null || options.MinInt8Agreement is not null) && !AreScores(eager))
        {
            throw new ArgumentException(
                $"VerifyOptions.Labels and MinInt8Agreement need class scores [N, C], but the first output of {model} has {eager.Rank} dimensions.");
        }
    }

    /// <summary>Share of samples with the same class; null when the outputs are no class scores.</summary>
    public static double? Agreement(PathOutputs outputs, PathOutputs reference)
    {
        if (!AreScores(reference))
        {
            return null;
        }

        return Share(outputs.Samples, i => Class(outputs, i) == Class(reference, i));
    }

    /// <summary>Share of samples whose class is their label; null without labels.</summary>
    public static double? Accuracy(PathOutputs outputs, Tensor? labels)
    {
        if (labels is null)
        {
            return null;
        }

        using Tensor onCpu = labels.cpu().contiguous();
        long[] expected = onCpu.data<long>().ToArray();
        return Share(outputs.Samples, i => Class(outputs, i) == expected[i]);
    }

    private static bool AreScores(PathOutputs outputs) => outputs.Rank == 2 && outputs.Values.Length > outputs.Samples;

    private static double Share(long samples, Func<long, bool> holds)
    {
        long count = 0;
        for (long i = 0; i < samples; i++)
        {
            count += holds(i) ? 1 : 0;
        }

        return (double)count / samples;
    }

    private static int Class(PathOutputs outputs, long sample)
    {
        int classes = (int)(outputs.Values.Length / outputs.Samples);
        ReadOnlySpan<float> scores = outputs.Values.AsSpan((int)(sample * classes), classes);
        int best = 0;
        for (int c = 1; c < classes; c++)
        {
            best = scores[c] > scores[best] ? c : best;
        }

        return best;
    }
}
