using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

/// <summary>Sample <c>i</c> holds its index, a random number, and its index as the target; chosen ones fail, and any may be slow.</summary>
internal sealed class CountingDataset(int count) : Dataset
{
    private int reads;

    public override int Count => count;

    public override IReadOnlyList<FieldSpec> Inputs { get; } = [new("input", ElementType.Float32, [2])];

    public override FieldSpec Target { get; } = new("target", ElementType.Int64, []);

    public Func<int, bool> Fails { get; init; } = static _ => false;

    /// <summary>Called with the index of a sample before it is written.</summary>
    public Action<int> OnRead { get; init; } = static _ => { };

    public int Reads => Volatile.Read(ref reads);

    public override string Describe(int index) => $"sample {index} (file {index}.bin)";

    public override void Read(int index, Sample sample)
    {
        Interlocked.Increment(ref reads);
        OnRead(index);
        if (Fails(index))
        {
            throw new InvalidDataException($"broken {index}");
        }

        sample.Input<float>()[0] = index;
        sample.Input<float>()[1] = (float)sample.Random.NextDouble();
        sample.Target<long>()[0] = index;
    }
}

/// <summary>Sample <c>i</c> is as long as told: its positions hold <c>i</c>, its target the same.</summary>
internal sealed class SequenceDataset(int[] lengths) : Dataset
{
    public override int Count => lengths.Length;

    public override IReadOnlyList<FieldSpec> Inputs { get; } = [new("tokens", ElementType.Int64, [-1]) { Padding = 7 }, new("mask", ElementType.Bool, [-1])];

    public override FieldSpec Target { get; } = new("next", ElementType.Float32, [-1, 2]) { Padding = -100 };

    public override int Length(int index) => lengths[index];

    public override void Read(int index, Sample sample)
    {
        sample.Input<long>().Fill(index);
        sample.Input<bool>(1).Fill(true);
        sample.Target<float>().Fill(index);
    }
}

/// <summary>Records 0 to one less than a count, which can begin at any of them.</summary>
internal sealed class SeekingStream(int count) : StreamingDataset<int>
{
    /// <summary>Where the last pass began.</summary>
    public long First { get; private set; }

    public override IReadOnlyList<FieldSpec> Inputs { get; } = [new("input", ElementType.Float32, [2])];

    public override FieldSpec Target { get; } = new("target", ElementType.Int64, []);

    public override IEnumerable<int> Records(int epoch) => Enumerable.Range(0, count);

    public override IEnumerable<int> Records(int epoch, long first)
    {
        First = first;
        return Enumerable.Range((int)first, Math.Max(count - (int)first, 0));
    }

    public override void Read(int record, Sample sample)
    {
        sample.Input<float>()[0] = record;
        sample.Input<float>()[1] = (float)sample.Random.NextDouble();
        sample.Target<long>()[0] = record;
    }
}

/// <summary>Records 0 to one less than a count.</summary>
internal sealed class CountingStream(int count, int failsAt = -1) : StreamingDataset<int>
{
    public int Opened { get; private set; }

    public int Closed { get; private set; }

    public override IReadOnlyList<FieldSpec> Inputs { get; } = [new("input", ElementType.Float32, [2])];

    public override FieldSpec Target { get; } = new("target", ElementType.Int64, []);

    public override IEnumerable<int> Records(int epoch)
    {
        Opened++;
        try
        {
            for (int i = 0; i < count; i++)
            {
                yield return i == failsAt ? throw new InvalidDataException($"the file ends in record {i}") : i;
            }
        }
        finally
        {
            Closed++;
        }
    }

    public override void Read(int record, Sample sample)
    {
        sample.Input<float>()[0] = record;
        sample.Input<float>()[1] = (float)sample.Random.NextDouble();
        sample.Target<long>()[0] = record;
    }
}
