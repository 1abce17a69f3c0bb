namespace ModelGen.Onnx.Quantization;

/// <summary>Finds the range of a histogram whose integer form is best by some measure.</summary>
internal static class RangeSearch
{
    private const int Steps = 128;
    private const int Sweeps = 3;

    // Share of the values that the entropy method may cut.
    private const double MostClipped = 0.02;

    /// <summary>The range of a method; it always holds 0.</summary>
    public static ValueRange Find(Histogram histogram, CalibrationMethod method, double percentile, int levels)
    {
        var full = new ValueRange(Math.Min(histogram.Min, 0), Math.Max(histogram.Max, 0));
        if (histogram.Total == 0 || full.Max - full.Min < WeightQuantizer.SmallestScale)
        {
            return histogram.Total == 0 ? new ValueRange(0, 0) : full;
        }

        switch (method)
        {
            case CalibrationMethod.MinMax:
                return full;
            case CalibrationMethod.Percentile:
                double tail = (1 - (percentile / 100)) / 2;
                return new ValueRange(Math.Min(histogram.Quantile(tail), 0), Math.Max(histogram.Quantile(1 - tail), 0));
            default:
                (double[] centers, double[] weights) = histogram.Occupied();
                Func<ValueRange, double> cost = method == CalibrationMethod.Mse
                    ? range => SquaredError(centers, weights, histogram.Width, range, levels)
                    : range => Divergence(centers, weights, range, levels, out double chance) - chance;
                return Search(full, cost);
        }
    }

    /// <summary>Mean squared error of values in bins after rounding to levels and clipping.</summary>
    public static double SquaredError(double[] centers, double[] weights, double width, ValueRange range, int levels)
    {
        (double scale, double zero) = Grid(range, levels);
        double sum = 0;
        double total = 0;
        for (int i = 0; i < centers.Length; i++)
        {
            double level = Math.Clamp(Math.Round(centers[i] / scale) + zero, 0, levels - 1);
            double error = centers[i] - ((level - zero) * scale);
            sum += weights[i] * error * error;
            total += weights[i];
        }

        // Values are spread over their bin, which rounding sees as noise whatever the range.
        return (sum / total) + (width * width / 12);
    }

    /// <summary>
    /// Kullback-Leibler divergence from the values, those outside counted at the nearest end, to what their integers say: each level's weight spread evenly over its occupied bins.
    /// </summary>
    /// <param name="centers">Middles of the occupied bins.</param>
    /// <param name="weights">Their counts.</param>
    /// <param name="range">The range.</param>
    /// <param name="levels">Number of integers.</param>
    /// <param name="chance">
    /// What chance alone adds to the divergence: half the number of bins that share a level with others, over the number of values (the bias of the entropy of a sample, Miller 1955).
    /// Without it few samples would always speak for a narrow range.
    /// </param>
    public static double Divergence(double[] centers, double[] weights, ValueRange range, int levels, out double chance)
    {
        chance = 0;
        (double scale, double zero) = Grid(range, levels);
        double low = -zero * scale;
        double high = (levels - 1 - zero) * scale;
        int begin = 0;
        int end = centers.Length;
        double below = 0;
        double above = 0;
        while (begin < end && centers[begin] < low - (scale / 2))
        {
            below += weights[begin++];
        }

        while (end > begin && centers[end - 1] > high + (scale / 2))
        {
            above += weights[--end];
        }

        // A range that cuts nearly everything is described perfectly by its few bins, which says nothing for it.
        double clipped = below + above;
        if (begin == end || clipped > MostClipped * weights.Sum())
        {
            return double.PositiveInfinity;
        }

        double inside = 0;
        for (int i = begin; i < end; i++)
        {
            inside += weights[i];
        }

        double total = inside + below + above;
        double divergence = 0;
        for (int i = begin; i < end;)
        {
            double level = Math.Round(centers[i] / scale);
            int next = i;
            double sum = 0;
            while (next < end && Math.Round(centers[next] / scale) == level)
            {
                sum += weights[next++];
            }

            chance += (next - i - 1) / (2 * total);
            double q = sum / (next - i) / inside;
            for (; i < next; i++)
            {
                double p = (weights[i] + (i == begin ? below : 0) + (i == end - 1 ? above : 0)) / total;
                divergence += p * Math.Log(p / q);
            }
        }

        return divergence;
    }

    // Each end in turn moves towards 0 while the other stays, in equal steps; then again from the best pair.
    private static ValueRange Search(ValueRange full, Func<ValueRange, double> cost)
    {
        ValueRange best = full;
        double least = cost(full);
        for (int sweep = 0; sweep < Sweeps; sweep++)
        {
            ValueRange start = best;
            for (int step = 1; step <= Steps; step++)
            {
                Try(best with { Max = (float)(full.Max * (double)step / Steps) });
            }

            for (int step = 1; step <= Steps; step++)
            {
                Try(best with { Min = (float)(full.Min * (double)step / Steps) });
            }

            // Both together, for distributions that are alike on both sides.
            for (int step = 1; step < Steps; step++)
            {
                Try(new ValueRange((float)(start.Min * (double)step / Steps), (float)(start.Max * (double)step / Steps)));
            }

            if (best == start)
            {
                break;
            }
        }

        return best;

        void Try(ValueRange range)
        {
            double value = cost(range);
            if (value < least)
            {
                (best, least) = (range, value);
            }
        }
    }

    private static (double Scale, double Zero) Grid(ValueRange range, int levels)
    {
        double scale = Math.Max(((double)range.Max - range.Min) / (levels - 1), double.Epsilon);
        return (scale, Math.Round(-range.Min / scale));
    }
}
