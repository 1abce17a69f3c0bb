using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Updates flat buffers: one pass over memory for the whole model for float32 on the CPU, otherwise a handful of in-place operations of libtorch. Every rule computes what PyTorch's optimizer of
/// that name computes; Lion and Muon follow their authors' texts.
/// </summary>
public sealed partial class FlatOptimizer : IDisposable
{
    private readonly bool onKernels;
    private readonly FlatBuffer parameters;
    private readonly FlatBuffer gradients;
    private readonly string?[] stateNames;
    private readonly FlatBuffer?[] states;
    private readonly string[] names;
    private readonly bool[] frozen;
    private readonly Lbfgs? search;
    private OptimizerSettings settings;
    private Segment[] segments = [];
    private Func<double>? evaluation;
    private double? firstLoss;

    // NAdam: product of the momenta so far. ASGD: learning rate of the step before.
    private double scalar = 1;

    /// <summary>Creates the optimizer and its zeroed state.</summary>
    /// <param name="settings">Update rule and settings.</param>
    /// <param name="parameters">Parameters, updated in place.</param>
    /// <param name="gradients">Gradients of the same layout.</param>
    /// <exception cref="ArgumentException">The settings contradict each other, or a group names no parameter.</exception>
    public FlatOptimizer(OptimizerSettings settings, FlatBuffer parameters, FlatBuffer gradients)
    {
        settings.Check();
        this.settings = settings;
        this.parameters = parameters;
        this.gradients = gradients;
        LearningRate = settings.LearningRate;
        onKernels = KernelSwitch.IsOn && parameters.Data.dtype == ScalarType.Float32 && parameters.Data.device_type == DeviceType.CPU;
        if (onKernels)
        {
            NativeLibraries.ShareThreads();
        }

        names = [.. parameters.Slices.Select(static slice => slice.Name)];
        frozen = new bool[names.Length];
        foreach (ParameterGroup group in settings.Groups.Where(static group => group.Frozen))
        {
            SetFrozen(group.Pattern, true);
        }

        stateNames = OptimizerDefaults.States(settings);
        states = [.. stateNames.Select(name => name is null ? null : parameters.Like())];
        search = settings.Kind == ModelGen.Optimizer.LBFGS ? new Lbfgs(settings, parameters, gradients, Objective) : null;
        Divide();
    }

    /// <summary>Learning rate of the next step.</summary>
    public double LearningRate { get; set; }

    /// <summary>
    /// Momentum of the next step, which schedulers change: <see cref="OptimizerSettings.Momentum"/> of SGD, RMSProp and Muon, <see cref="OptimizerSettings.Beta1"/> of Adam, AdamW, Adamax, NAdam, RAdam
    /// and Lion.
    /// </summary>
    /// <exception cref="ArgumentException">The rule has no momentum, or SGD or RMSProp was made without and so keeps no velocity.</exception>
    public double Momentum
    {
        get => OptimizerDefaults.HasBeta1(settings.Kind) ? settings.Beta1 : settings.Momentum;
        set
        {
            if (OptimizerDefaults.HasBeta1(settings.Kind))
            {
                settings = settings with { Beta1 = value };
                return;
            }

            bool has = settings.Kind is ModelGen.Optimizer.SGD or ModelGen.Optimizer.RMSProp ? stateNames.Contains("velocity") : settings.Kind == ModelGen.Optimizer.Muon;
            settings = has
                ? settings with { Momentum = value }
                : throw new ArgumentException($"{settings.Kind} {(settings.Kind is ModelGen.Optimizer.SGD or ModelGen.Optimizer.RMSProp ? "was made without momentum: set Momentum above 0" : "has no momentum")}, so it cannot be scheduled.");
        }
    }

    /// <summary>Steps taken.</summary>
    public long StepCount { get; private set; }

    /// <summary>Update rule and settings.</summary>
    public OptimizerSettings Settings => settings;

    /// <summary>Iterations of <see cref="Optimizer.LBFGS"/> so far, several a step; 0 for other rules.</summary>
    public long Iterations => search?.Iterations ?? 0;

    /// <summary>Evaluations of loss and gradients that <see cref="Optimizer.LBFGS"/> made so far; 0 for other rules.</summary>
    public long Evaluations => search?.Evaluations ?? 0;

    /// <summary>Whether steps evaluate the loss several times: those of <see cref="Optimizer.LBFGS"/> do, and are made by <see cref="Step(Func{double})"/>.</summary>
    public bool EvaluatesLoss => search is not null;

    /// <summary>
    /// Whether the last step of <see cref="Optimizer.LBFGS"/> left the parameters as they were: loss or gradients were not finite, there or after an iteration without a line search. In the second case
    /// the memory of the function's curvature starts anew.
    /// </summary>
    public bool WasRefused => search?.WasRefused ?? false;

    /// <summary>
    /// L2 norm of all gradients of the last step before they were clipped, without those of frozen parameters; NaN before the first step and where it is not computed: without
    /// <see cref="OptimizerSettings.ClipNorm"/>, and on other devices, where reading it would stall the step.
    /// </summary>
    public double GradientNorm { get; private set; } = double.NaN;

    /// <summary>Bytes that one step reads and writes: parameters and states both ways, gradients once, once more to measure their norm, twice more to clamp them; 0 for <see cref="Optimizer.LBFGS"/>, where it depends on the number of iterations.</summary>
    public long StepBytes => search is not null ? 0 : (2 * (parameters.Bytes + StateBytes)) + (gradients.Bytes * (1 + (settings.ClipNorm > 0 ? 1 : 0) + (settings.ClipValue > 0 ? 2 : 0)));

    /// <summary>Floating-point operations of one step, about: 2 an element, 5 more for each state that the rule keeps, 2 for clipping. Muon's matrix products are not counted; 0 for <see cref="Optimizer.LBFGS"/>.</summary>
    public long StepFlops => search is not null ? 0 : parameters.Count * (2 + (5 * State.Count()) + (settings.ClipNorm > 0 || settings.ClipValue > 0 ? 2 : 0));

    /// <summary>Whether <see cref="WasRefused"/> is so because of an iteration, which was taken back.</summary>
    internal bool TookBack => search?.TookBack ?? false;

    /// <summary>Bytes of the moments, the velocity, or the memory and the vectors of a search.</summary>
    internal long StateBytes => states.Sum(static state => state?.Bytes ?? 0) + (search?.Bytes ?? 0);

    /// <summary>What a checkpoint must hold besides the parameters: buffers by name.</summary>
    internal IEnumerable<(string Name, FlatBuffer Buffer)> State => stateNames.Zip(states).Where(static pair => pair.Second is not null).Select(static pair => (pair.First!, pair.Second!)).Concat(search?.State ?? []);

    /// <summary>The rest of the state: single numbers that change from step to step. Setting those of a search makes room for its memory, which is in <see cref="State"/> then.</summary>
    internal (long StepCount, double Scalar, LbfgsCounters? Search) Counters
    {
        get => (StepCount, scalar, search?.Counters);
        set
        {
            (StepCount, scalar) = (value.StepCount, value.Scalar);
            if (search is not null && value.Search is { } counters)
            {
                search.Counters = counters;
            }
        }
    }

    /// <summary>Keeps parameters as they are from now on: their gradients are still computed, but neither applied nor part of the norm that clips.</summary>
    /// <param name="pattern">State-dict keys, with <c>*</c> for any characters and <c>?</c> for one.</param>
    /// <returns>How many parameters the pattern names.</returns>
    /// <remarks>Running statistics of normalisation layers go on in training mode, as in PyTorch.</remarks>
    /// <exception cref="ArgumentException">No parameter has such a name.</exception>
    public int Freeze(string pattern) => SetFrozen(pattern, true);

    /// <summary>Updates frozen parameters again; their state is that from before they were frozen.</summary>
    /// <param name="pattern">State-dict keys, with <c>*</c> for any characters and <c>?</c> for one.</param>
    /// <returns>How many parameters the pattern names.</returns>
    /// <exception cref="ArgumentException">No parameter has such a name.</exception>
    public int Unfreeze(string pattern) => SetFrozen(pattern, false);

    /// <summary>Whether a parameter is frozen.</summary>
    /// <param name="name">State-dict key.</param>
    /// <returns>True when steps leave it as it is.</returns>
    public bool IsFrozen(string name) => Array.IndexOf(names, name) is >= 0 and int index && frozen[index];

    /// <summary>The buffers of the state.</summary>
    internal IEnumerable<Tensor> StateTensors => State.Select(static pair => pair.Buffer.Data);

    /// <summary>Makes a step of a rule that may evaluate the loss several times, <see cref="Optimizer.LBFGS"/>; the others evaluate it once. As <c>step(closure)</c> in PyTorch.</summary>
    /// <param name="evaluate">Computes the gradients for the parameters as they are and returns the loss. It must be the same function each time: a line search compares its values.</param>
    /// <returns>The loss for the parameters as they were before the step.</returns>
    public double Step(Func<double> evaluate)
    {
        if (search is null)
        {
            double loss = evaluate();
            Step();
            return loss;
        }

        evaluation = evaluate;
        firstLoss = null;
        try
        {
            search.Step(LearningRate);
        }
        finally
        {
            evaluation = null;
        }

        StepCount += search.WasRefused ? 0 : 1;
        return firstLoss!.Value;
    }

    /// <summary>Updates the parameters from the gradients.</summary>
    /// <exception cref="InvalidOperationException">The rule is <see cref="Optimizer.LBFGS"/>, whose step evaluates the loss.</exception>
    public void Step()
    {
        if (search is not null)
        {
            throw new InvalidOperationException("A step of LBFGS evaluates the loss several times: call Step with a function that does.");
        }

        StepCount++;
        ZeroFrozen();
        if (onKernels)
        {
            switch (Hardware.VectorBits)
            {
                case 512:
                    StepOnKernels<V512>();
                    break;
                case 256:
                    StepOnKernels<V256>();
                    break;
                default:
                    StepOnKernels<V128>();
                    break;
            }
        }
        else
        {
            StepOnLibrary();
        }

        scalar = settings.Kind switch
        {
            ModelGen.Optimizer.NAdam => scalar * NAdamMomentum(StepCount),
            ModelGen.Optimizer.ASGD => LearningRate,
            _ => scalar,
        };
    }

    /// <summary>Frees the optimizer's state.</summary>
    public void Dispose()
    {
        foreach (FlatBuffer? state in states)
        {
            state?.Dispose();
        }

        search?.Dispose();
        workspace?.Dispose();
    }

    /// <summary>L2 norm of the gradients as they are now; waits for the device.</summary>
    internal double MeasureNorm()
    {
        using IDisposable guard = no_grad();
        using Tensor norm = gradients.Data.norm();
        return norm.ToDouble();
    }

    /// <summary>The function that a search minimizes, and its gradient: the loss and the penalties.</summary>
    private double Objective()
    {
        double loss = evaluation!();
        firstLoss ??= loss;
        ZeroFrozen();
        if (settings.Maximize)
        {
            FlatVectors.Combine(gradients, gradients, -1, 0);
            return -loss;
        }

        AddPenalties();
        return loss + Penalty();
    }

    private void AddPenalties()
    {
        if (!onKernels)
        {
            AddPenaltiesOnLibrary();
            return;
        }

        switch (Hardware.VectorBits)
        {
            case 512:
                AddPenalties<V512>();
                break;
            case 256:
                AddPenalties<V256>();
                break;
            default:
                AddPenalties<V128>();
                break;
        }
    }

    /// <summary>What the penalties of the parameters as they are add to the loss.</summary>
    private double Penalty()
    {
        double penalty = 0;
        foreach (Segment segment in segments)
        {
            if (segment is { Frozen: false, Penalised: true })
            {
                penalty += settings.L1 == 0 ? 0 : settings.L1 * FlatVectors.SumOfMagnitudes(parameters, segment.Start, segment.Count);
                penalty += settings.L2 == 0 ? 0 : settings.L2 / 2 * FlatVectors.SumOfSquares(parameters, segment.Start, segment.Count);
            }
        }

        return penalty;
    }

    // Out of the norm, and a reader of the gradients sees that they were not applied.
    private void ZeroFrozen()
    {
        foreach (Segment segment in segments)
        {
            if (segment.Frozen)
            {
                Zero(gradients, segment);
            }
        }
    }

    private static void Zero(FlatBuffer buffer, Segment segment)
    {
        using IDisposable guard = no_grad();
        using Tensor part = buffer.Data.narrow(0, segment.Start, segment.Count);
        part.zero_().DisposeAliasOf(part);
    }

    private int SetFrozen(string pattern, bool value)
    {
        int[] found = NamePattern.Find(pattern, names);
        bool changes = false;
        foreach (int index in found)
        {
            changes |= frozen[index] != value;
            frozen[index] = value;
        }

        if (changes)
        {
            // What is remembered is of a function of other parameters.
            search?.Forget();
        }

        Divide();
        return found.Length;
    }

    /// <summary>Ranges of the buffers that are updated alike: one for all parameters unless groups, frozen parameters or matrices of Muon are between them.</summary>
    private void Divide()
    {
        var wanted = new List<Segment>();
        for (int i = 0; i < names.Length; i++)
        {
            FlatSlice slice = parameters.Slices[i];
            long end = i + 1 < names.Length ? parameters.Slices[i + 1].Offset : parameters.Count;
            ParameterGroup? group = settings.Groups.LastOrDefault(candidate => NamePattern.Find(candidate.Pattern, names).Contains(i));
            bool isScale = FakeQuantization.IsFactor(names[i]);
            bool decays = !isScale && (!settings.DecayMatricesOnly || slice.Shape.Count > 1);
            double decay = isScale ? 0 : group?.WeightDecay ?? (decays ? settings.WeightDecay : 0);
            bool muon = settings.Kind == ModelGen.Optimizer.Muon && slice.Shape.Count == 2 && group?.Muon != false;
            var segment = new Segment(slice.Offset, end - slice.Offset, decay, group?.RateFactor ?? 1, frozen[i], decays && group?.WeightDecay != 0, muon ? (slice.Shape[0], slice.Shape[1]) : null);
            if (wanted.Count > 0 && segment.Matrix is null && wanted[^1] with { Start = segment.Start, Count = segment.Count } == segment)
            {
                wanted[^1] = wanted[^1] with { Count = wanted[^1].Count + segment.Count };
            }
            else
            {
                wanted.Add(segment);
            }
        }

        segments = [.. wanted];
        if (settings.Kind == ModelGen.Optimizer.Rprop && StepCount == 0)
        {
            using IDisposable guard = no_grad();
            foreach (Segment segment in segments)
            {
                using Scalar size = settings.LearningRate * segment.RateFactor;
                using Tensor part = states[1]!.Data.narrow(0, segment.Start, segment.Count);
                part.fill_(size).DisposeAliasOf(part);
            }
        }
    }

    /// <summary>The first gradient becomes the velocity as it is.</summary>
    private double VelocityGain => StepCount == 1 ? 1 : 1 - settings.Dampening;

    private double NAdamMomentum(long step) => settings.Beta1 * (1 - (0.5 * Math.Pow(0.96, step * settings.MomentumDecay)));

    /// <summary>Factors of the gradient and of the first moment in NAdam's step.</summary>
    private (double Gradient, double Moment) NAdamRates(double rate)
    {
        double now = NAdamMomentum(StepCount);
        double next = NAdamMomentum(StepCount + 1);
        double product = scalar * now;
        return (rate * (1 - now) / (1 - product), rate * next / (1 - (product * next)));
    }

    /// <summary>Learning rate of ASGD's step and the weight of its result in the average: both were fixed by the step before.</summary>
    private (double Eta, double Mean) AverageRates(double factor)
    {
        if (StepCount == 1)
        {
            return (LearningRate * factor, 1);
        }

        double before = scalar * factor;
        long step = StepCount - 1;
        return (before / Math.Pow(1 + (settings.AverageDecay * before * step), settings.AverageExponent), 1 / Math.Max(1, step - settings.AverageStart));
    }

    /// <summary>Muon's learning rate for a matrix, scaled so that its steps are of the size of AdamW's (J. Liu et al., arXiv:2502.16982).</summary>
    private static double MuonRate(double rate, (long Rows, long Columns) matrix) => rate * 0.2 * Math.Sqrt(Math.Max(matrix.Rows, matrix.Columns));

    /// <summary>A range of the buffers.</summary>
    private sealed record Segment(long Start, long Count, double Decay, double RateFactor, bool Frozen, bool Penalised, (long Rows, long Columns)? Matrix);
}
