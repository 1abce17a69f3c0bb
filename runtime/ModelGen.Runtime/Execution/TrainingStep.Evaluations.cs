using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Steps that evaluate loss and gradients several times on the same samples, as <see cref="ModelGen.Optimizer.LBFGS"/> does.</content>
public abstract unsafe partial class TrainingStep
{
    private readonly List<Part> parts = [];
    private readonly Func<double> evaluateParts;
    private StatisticsCopy? statistics;
    private int partCount;
    private double partWeights;
    private double partLosses;
    private bool isFirst;
    private bool areSummed;

    /// <summary>Whether the last step was refused because of what it had done, not because of the loss before it.</summary>
    internal bool TookBack { get; private set; }

    /// <summary>Whether running draws from torch's generator each time, not only for <see cref="RandomKey"/>.</summary>
    private protected virtual bool Draws => Parameters.Data.device_type == DeviceType.CPU;

    /// <summary>The loss as a number; reading it waits for the device.</summary>
    private protected virtual double LossValue
    {
        get => Loss.ToDouble();
        set
        {
            using IDisposable guard = no_grad();
            using Scalar number = value;
            Loss.fill_(number).DisposeAliasOf(Loss);
        }
    }

    /// <summary>
    /// One part of a step: it is evaluated at once, which is the first evaluation of the step, and kept for those that follow. The last part makes the step.
    /// </summary>
    private void Search(IReadOnlyList<Tensor> inputs, Tensor target, double samples, bool last)
    {
        if (parts.Count == partCount)
        {
            parts.Add(new Part());
        }

        if (statistics is null && Weights is { } weights && weights.Count > Parameters.Slices.Count)
        {
            statistics = new StatisticsCopy(weights, Parameters.Slices.Count);
        }

        Part part = parts[partCount];
        part.Clear();
        part.Run = RunCount;
        part.Samples = samples;
        part.Generator = Draws ? random.get_rng_state().DetachFromDisposeScope() : null;
        TookBack = false;
        Measure(inputs, target);
        double loss = LossValue;
        WasRefused = (ChecksLoss && !double.IsFinite(loss)) || (ChecksGradients && !GradientsAreFinite());
        if (!WasRefused)
        {
            // Copies, as the batches of a loader are gone with the next one; the last one is there until the step is over.
            part.Set(inputs, target, copy: !last);
            areSummed = partCount > 0 || !last;
            if (areSummed)
            {
                Add(partCount, loss);
            }
            else
            {
                (partWeights, partLosses) = (samples, samples * loss);
            }

            partCount++;
        }
        else
        {
            part.Clear();
        }

        if (last && partCount > 0)
        {
            Finish(loss);
        }
    }

    private void Finish(double loss)
    {
        long runs = RunCount;
        using Tensor? generator = Draws ? random.get_rng_state() : null;
        bool lastIsRefused = WasRefused;
        isFirst = true;
        try
        {
            Optimizer.Step(evaluateParts);
        }
        finally
        {
            RunCount = runs;
            if (generator is not null)
            {
                random.set_rng_state(generator);
            }

            LossValue = loss;
            DropParts();
        }

        TookBack = Optimizer.TookBack;
        WasRefused = lastIsRefused || Optimizer.WasRefused;
    }

    /// <summary>Loss and gradients of all parts for the parameters as they are, with the random numbers of the first time.</summary>
    private double EvaluateParts()
    {
        if (!isFirst)
        {
            statistics?.Keep();
            for (int i = 0; i < partCount; i++)
            {
                Part part = parts[i];
                RunCount = part.Run;
                if (part.Generator is not null)
                {
                    random.set_rng_state(part.Generator);
                }

                Measure(part.Inputs, part.Target!);
                double loss = LossValue;
                if (partCount > 1)
                {
                    Add(i, loss);
                }
                else
                {
                    partLosses = part.Samples * loss;
                }
            }

            if (!double.IsFinite(partLosses))
            {
                // The point is not taken, and what a layer measured there is of no use.
                statistics?.Restore();
            }
        }

        if (isFirst ? areSummed : partCount > 1)
        {
            FlatVectors.Combine(Gradients, sums!, 0, 1 / partWeights);
        }

        isFirst = false;

        return partLosses / partWeights;
    }

    /// <summary>Adds what a part gave to the sums.</summary>
    private void Add(int part, double loss)
    {
        sums ??= Parameters.Like();
        double samples = parts[part].Samples;
        FlatVectors.Combine(sums, Gradients, part == 0 ? 0 : 1, samples);
        (partWeights, partLosses) = part == 0 ? (samples, samples * loss) : (partWeights + samples, partLosses + (samples * loss));
    }

    private void DropParts()
    {
        foreach (Part part in parts)
        {
            part.Clear();
        }

        partCount = 0;
    }

    private void FreeParts()
    {
        DropParts();
        foreach (Part part in parts)
        {
            part.Dispose();
        }

        statistics?.Dispose();
    }

    /// <summary>Samples of a step, and what the random numbers for them come from.</summary>
    private sealed class Part : IDisposable
    {
        private Tensor[] copies = [];
        private Tensor? targetCopy;

        public long Run { get; set; }

        public double Samples { get; set; }

        public Tensor? Generator { get; set; }

        public IReadOnlyList<Tensor> Inputs { get; private set; } = [];

        public Tensor? Target { get; private set; }

        public long Bytes => copies.Append(targetCopy).Sum(static tensor => tensor is null ? 0 : tensor.numel() * tensor.element_size());

        public void Set(IReadOnlyList<Tensor> inputs, Tensor target, bool copy)
        {
            if (!copy)
            {
                (Inputs, Target) = (inputs, target);
                return;
            }

            using IDisposable guard = no_grad();
            if (copies.Length != inputs.Count)
            {
                copies = new Tensor[inputs.Count];
            }

            for (int i = 0; i < copies.Length; i++)
            {
                copies[i] = Copy(copies[i], inputs[i]);
            }

            (Inputs, Target) = (copies, targetCopy = Copy(targetCopy, target));
        }

        public void Clear()
        {
            Generator?.Dispose();
            (Inputs, Target, Generator) = ([], null, null);
        }

        public void Dispose()
        {
            foreach (Tensor copy in copies)
            {
                copy.Dispose();
            }

            targetCopy?.Dispose();
        }

        private static Tensor Copy(Tensor? place, Tensor values)
        {
            if (place is not null && place.dtype == values.dtype && place.device_type == values.device_type && place.shape.AsSpan().SequenceEqual(values.shape))
            {
                place.copy_(values).DisposeAliasOf(place);
                return place;
            }

            place?.Dispose();
            return values.detach().clone().DetachFromDisposeScope();
        }
    }
}
