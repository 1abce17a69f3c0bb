using System.Globalization;
using System.Text;

namespace ModelGen.Monitoring;

/// <summary>How often each class was taken for each. <see cref="ToString"/> is a table, or the most frequent confusions when there are many classes.</summary>
public sealed class ConfusionMatrix
{
    private const int MostShown = 20;

    private readonly long[,] counts;

    /// <summary>An empty matrix.</summary>
    /// <param name="classes">Names of the classes, by their number.</param>
    public ConfusionMatrix(IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        Classes = classes;
        counts = new long[classes.Count, classes.Count];
    }

    /// <summary>Names of the classes, by their number.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Decisions that were counted.</summary>
    public long Total { get; private set; }

    /// <summary>Decisions that were right.</summary>
    public long Correct => Enumerable.Range(0, Classes.Count).Sum(index => counts[index, index]);

    /// <summary>Share of right decisions, from 0 to 1; NaN without any.</summary>
    public double Accuracy => (double)Correct / Total;

    /// <summary>How often a class was taken for another.</summary>
    /// <param name="actual">Number of the true class.</param>
    /// <param name="predicted">Number of the class that the model gave.</param>
    public long this[int actual, int predicted] => counts[actual, predicted];

    /// <summary>Counts a decision.</summary>
    /// <param name="actual">Number of the true class.</param>
    /// <param name="predicted">Number of the class that the model gave.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not that of a class.</exception>
    public void Add(long actual, long predicted)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)actual, (ulong)Classes.Count, nameof(actual));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)predicted, (ulong)Classes.Count, nameof(predicted));
        counts[actual, predicted]++;
        Total++;
    }

    /// <summary>Precision, recall and F1 of every class.</summary>
    /// <returns>One entry a class, in their order.</returns>
    public IReadOnlyList<ClassQuality> PerClass()
    {
        var result = new ClassQuality[Classes.Count];
        for (int i = 0; i < result.Length; i++)
        {
            long predicted = 0;
            long actual = 0;
            for (int j = 0; j < result.Length; j++)
            {
                actual += counts[i, j];
                predicted += counts[j, i];
            }

            result[i] = ClassQuality.Of(Classes[i], counts[i, i], predicted, actual);
        }

        return result;
    }

    /// <summary>The pairs of different classes that were taken for each other most often.</summary>
    /// <param name="count">How many at most.</param>
    /// <returns>Pairs with their counts, the most frequent first.</returns>
    public IReadOnlyList<(int Actual, int Predicted, long Count)> MostConfused(int count) =>
    [
        .. (from actual in Enumerable.Range(0, Classes.Count)
            from predicted in Enumerable.Range(0, Classes.Count)
            where actual != predicted && counts[actual, predicted] > 0
            orderby counts[actual, predicted] descending, actual, predicted
            select (actual, predicted, counts[actual, predicted])).Take(count),
    ];

    /// <summary>The table: true classes down, predicted ones across.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        if (Classes.Count > MostShown)
        {
            var pairs = new TextTable("true class", "taken for", ">times");
            foreach ((int actual, int predicted, long count) in MostConfused(MostShown))
            {
                pairs.Add(Classes[actual], Classes[predicted], TextTable.Number(count));
            }

            return new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Classes.Count} classes, the {MostShown} most frequent confusions\n").Append(pairs).ToString();
        }

        var table = new TextTable([.. Classes.Select(static name => ">" + name).Prepend("true \\ predicted")]);
        for (int i = 0; i < Classes.Count; i++)
        {
            table.Add([.. Enumerable.Range(0, Classes.Count).Select(j => counts[i, j] == 0 ? "." : TextTable.Number(counts[i, j])).Prepend(Classes[i])]);
        }

        return table.ToString();
    }
}
