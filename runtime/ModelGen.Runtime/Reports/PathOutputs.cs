namespace ModelGen;

/// <summary>What a path computed for all samples: the values of its first output, sample after sample.</summary>
/// <param name="Values">All values.</param>
/// <param name="Samples">Number of samples.</param>
/// <param name="Rank">Dimensions of the output, the batch included.</param>
internal sealed record PathOutputs(float[] Values, long Samples, int Rank)
{
    /// <summary>Largest absolute difference, and the same relative to the largest absolute value of the reference.</summary>
    public (double Absolute, double Relative) ErrorAgainst(PathOutputs reference)
    {
        double largest = 0;
        double error = 0;
        for (int i = 0; i < Values.Length; i++)
        {
            float expected = reference.Values[i];
            float actual = Values[i];
            if (float.IsFinite(expected))
            {
                largest = Math.Max(largest, Math.Abs((double)expected));
            }

            if (expected.Equals(actual))
            {
                // Covers NaN against NaN and equal infinities, whose difference would be NaN.
                continue;
            }

            double difference = Math.Abs((double)expected - actual);
            error = double.IsFinite(difference) ? Math.Max(error, difference) : double.PositiveInfinity;
        }

        return (error, error == 0 ? 0 : error / largest);
    }
}
