using System.Numerics.Tensors;

namespace ModelGen.Data;

/// <summary>
/// Transforms that mix each sample of a batch with the one before it, as torchvision's <c>v2.MixUp</c> and <c>v2.CutMix</c>. Labels become one probability per class (float32), which is
/// what <see cref="Loss.BCEWithLogits"/> and <see cref="Loss.MSE"/> take; the compiled <see cref="Loss.CrossEntropy"/> takes class indices only.
/// </summary>
public abstract class MixTransform : BatchTransform
{
    private protected MixTransform(int classes, double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        (Classes, Alpha) = (classes, alpha);
    }

    private protected int Classes { get; }

    private protected double Alpha { get; }

    /// <inheritdoc/>
    public override FieldSpec Check(IReadOnlyList<FieldSpec> inputs, FieldSpec target) =>
        inputs is not [{ Type: ElementType.Float32, IsVariable: false }] ? throw new ArgumentException($"{GetType().Name} mixes one float32 input, this data set has {string.Join(", ", inputs.Select(static input => input.Describe()))}.", nameof(inputs))
        : target is not { Type: ElementType.Int64, Shape: [] } ? throw new ArgumentException($"{GetType().Name} needs one int64 label per sample, '{target.Name}' is {target.Describe()}.", nameof(target))
        : new FieldSpec(target.Name, ElementType.Float32, [Classes]);

    /// <summary>Labels as probabilities: <paramref name="share"/> for the own class, the rest for that of the sample before.</summary>
    private protected void MixLabels(BatchMemory batch, float share)
    {
        ReadOnlySpan<long> labels = batch.Target<long>();
        Span<float> mixed = batch.NewTarget<float>();
        mixed.Clear();
        for (int i = 0; i < labels.Length; i++)
        {
            mixed[(i * Classes) + Class(labels, i)] += share;
            mixed[(i * Classes) + Class(labels, (i + labels.Length - 1) % labels.Length)] += 1 - share;
        }
    }

    private int Class(ReadOnlySpan<long> labels, int sample) => labels[sample] >= 0 && labels[sample] < Classes
        ? (int)labels[sample]
        : throw new InvalidOperationException($"label {labels[sample]} is out of range; {GetType().Name} was made for {Classes} classes");
}

/// <summary>Weighted means of two samples (Zhang et al. 2017, arXiv:1710.09412); one weight per batch, from Beta(alpha, alpha).</summary>
/// <param name="classes">Number of classes.</param>
/// <param name="alpha">Parameter of the distribution, above 0; default 1 (uniform).</param>
public sealed class MixUp(int classes, double alpha = 1) : MixTransform(classes, alpha)
{
    /// <inheritdoc/>
    public override void Apply(BatchMemory batch, RandomStream random)
    {
        float share = (float)random.Beta(Alpha);
        Span<float> values = batch.Input<float>();
        int size = values.Length / batch.Count;

        // From the back, so that the sample before is still the original; the first one mixes with the last.
        float[] last = values[^size..].ToArray();
        for (int i = batch.Count - 1; i >= 0; i--)
        {
            Span<float> own = values.Slice(i * size, size);
            ReadOnlySpan<float> other = i > 0 ? values.Slice((i - 1) * size, size) : last;
            TensorPrimitives.Multiply(own, share, own);
            TensorPrimitives.MultiplyAdd(other, 1 - share, own, own);
        }

        MixLabels(batch, share);
    }
}

/// <summary>Pastes a rectangle of another sample (Yun et al. 2019, arXiv:1905.04899); one rectangle per batch, whose share of the area comes from Beta(alpha, alpha).</summary>
/// <param name="classes">Number of classes.</param>
/// <param name="alpha">Parameter of the distribution, above 0; default 1 (uniform).</param>
public sealed class CutMix(int classes, double alpha = 1) : MixTransform(classes, alpha)
{
    /// <inheritdoc/>
    public override FieldSpec Check(IReadOnlyList<FieldSpec> inputs, FieldSpec target)
    {
        FieldSpec mixed = base.Check(inputs, target);
        return inputs[0].Shape.Length == 3 ? mixed : throw new ArgumentException($"CutMix needs images [channels, rows, columns], '{inputs[0].Name}' is {inputs[0].Describe()}.", nameof(inputs));
    }

    /// <inheritdoc/>
    public override void Apply(BatchMemory batch, RandomStream random)
    {
        double share = random.Beta(Alpha);
        (int planes, int height, int width) = ((int)batch.Inputs[0].Shape[0], (int)batch.Inputs[0].Shape[1], (int)batch.Inputs[0].Shape[2]);
        int x = random.Next(width);
        int y = random.Next(height);
        double half = 0.5 * Math.Sqrt(1 - share);
        int left = Math.Max(x - (int)(half * width), 0);
        int top = Math.Max(y - (int)(half * height), 0);
        int right = Math.Min(x + (int)(half * width), width);
        int bottom = Math.Min(y + (int)(half * height), height);

        Span<float> values = batch.Input<float>();
        int size = planes * height * width;
        float[] last = values[^size..].ToArray();
        for (int i = batch.Count - 1; i >= 0; i--)
        {
            ReadOnlySpan<float> other = i > 0 ? values.Slice((i - 1) * size, size) : last;
            for (int row = 0; row < planes * (bottom - top); row++)
            {
                int start = (((row / (bottom - top) * height) + top + (row % (bottom - top))) * width) + left;
                other.Slice(start, right - left).CopyTo(values.Slice((i * size) + start));
            }
        }

        MixLabels(batch, 1 - ((float)((right - left) * (bottom - top)) / (width * height)));
    }
}

/// <summary>One of several transforms of batches, chosen at random for each batch.</summary>
/// <param name="choices">The transforms; all must give the same target.</param>
public sealed class RandomChoice(params IReadOnlyList<BatchTransform> choices) : BatchTransform
{
    /// <inheritdoc/>
    public override FieldSpec Check(IReadOnlyList<FieldSpec> inputs, FieldSpec target)
    {
        FieldSpec[] results = [.. choices.Select(choice => choice.Check(inputs, target))];
        return results.Length > 0 && results.All(result => result.Fits(results[0]) && ReferenceEquals(result, target) == ReferenceEquals(results[0], target))
            ? results[0]
            : throw new ArgumentException("RandomChoice needs transforms that all give the same target.", nameof(inputs));
    }

    /// <inheritdoc/>
    public override void Apply(BatchMemory batch, RandomStream random) => choices[random.Next(choices.Count)].Apply(batch, random);
}
