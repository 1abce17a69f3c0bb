using System.ComponentModel;
using System.Runtime.CompilerServices;
using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// A generated training step that runs on kernels instead of libtorch's operators: float32 on the CPU. All intermediates lie in one arena, whose layout is computed when
/// the sizes of the inputs change. Derived from by generated code.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract unsafe class KernelStep : TrainingStep
{
    private readonly float* parameters;
    private readonly float* gradients;
    private readonly float* loss;
    private readonly Arena arena = new();
    private StepClock? clock;

    /// <summary>Adopts the parameters.</summary>
    /// <param name="weights">Parameters of the model.</param>
    /// <param name="optimizer">Update rule and its settings.</param>
    protected KernelStep(IReadOnlyList<(string Name, Tensor Parameter)> weights, OptimizerSettings optimizer)
        : base(weights, optimizer)
    {
        NativeLibraries.ShareThreads();
        parameters = Parameters.Address;
        gradients = Gradients.Address;
        loss = (float*)AtenC.Address(Loss);
    }

    /// <summary>Bytes of the arena for the sizes of the last step; 0 before the first.</summary>
    public long ArenaBytes => arena.Bytes;

    /// <inheritdoc/>
    public override bool DrawsLikeEager
    {
        get => base.DrawsLikeEager;
        set
        {
            base.DrawsLikeEager = value;
            IsPlanned = false;
        }
    }

    /// <summary>Whether the arena is laid out; sizes may have changed since.</summary>
    protected bool IsPlanned { get; private set; }

    /// <summary>Key of all random numbers of this step, drawn from torch's generator when it is first needed, so that <c>torch.random.manual_seed</c> decides it.</summary>
    protected ulong Seed
    {
        get
        {
            if (DrawsLikeEager)
            {
                // Nobody uses it, and the draw would move the generator on.
                return 0;
            }

            if (RandomKey is null)
            {
                using Tensor drawn = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64);
                RandomKey = (ulong)drawn.ToInt64();
            }

            return RandomKey.Value;
        }
    }

    /// <summary>Whether a model can run on kernels: all parameters are float32 on the CPU.</summary>
    /// <param name="weights">Parameters of the model.</param>
    /// <returns>False when the step must run on libtorch's operators.</returns>
    public static bool Supports(IReadOnlyList<(string Name, Tensor Parameter)> weights) =>
        KernelSwitch.IsOn && weights.All(static pair => pair.Parameter.dtype == ScalarType.Float32 && pair.Parameter.device_type == DeviceType.CPU);

    /// <summary>Takes the time of every statement; null, the default, for none.</summary>
    internal StepClock? Clock
    {
        set => clock = value;
    }

    /// <summary>The statements of the last step in order, with their costs for its sizes.</summary>
    internal StepOperation[] Operations => Describe();

    /// <summary>What each statement is and costs for the sizes at hand.</summary>
    /// <returns>One entry for each number that <see cref="Mark"/> is given, the last one aside.</returns>
    protected abstract StepOperation[] Describe();

    /// <summary>Tells the profiler that a statement begins. Without a profiler this is a comparison with null.</summary>
    /// <param name="operation">Number of the statement; that of their count when the step is over.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Mark(int operation)
    {
        if (clock is { } running)
        {
            running.Mark(operation);
        }
    }

    /// <summary>Adds the buffers for the sizes at hand.</summary>
    /// <param name="memory">Receives them.</param>
    protected abstract void Plan(ArenaPlan memory);

    /// <summary>Number of a random sequence: another one for each layer and each step; they repeat after 2^32.</summary>
    /// <param name="number">Number of the layer.</param>
    protected uint Stream(int number) => unchecked(((uint)RunCount * 0x9E3779B1u) + (uint)number);

    /// <summary>Fills a mask of dropout.</summary>
    /// <param name="mask">Receives 0 or 1 / (1 - p), in the order of the memory.</param>
    /// <param name="p">Probability of being dropped.</param>
    /// <param name="number">Number of the layer among the random sequences.</param>
    /// <param name="sizes">Sizes of the tensor.</param>
    /// <param name="order">Its dimensions, outermost first.</param>
    protected void DrawMask<V>(Floats mask, double p, int number, ReadOnlySpan<long> sizes, ReadOnlySpan<long> order)
        where V : unmanaged, IVector<V>
    {
        if (DrawsLikeEager)
        {
            using Tensor drawn = TensorOps.DropoutMask(sizes.ToArray(), p, ScalarType.Float32, CPU);
            using Tensor turned = drawn.permute(order.ToArray());
            KernelOps.Put(turned, mask);
            return;
        }

        long count = 1;
        foreach (long size in sizes)
        {
            count *= size;
        }

        Dropout<V>.Mask(mask, (nint)count, (float)p, Seed, Stream(number));
    }

    /// <summary>Lays the arena out anew; generated code calls it when sizes changed.</summary>
    protected void Resize()
    {
        IsPlanned = true;
        Plan(arena.Plan);
        arena.Place();
    }

    /// <summary>Address of a buffer in the arena.</summary>
    /// <param name="buffer">Number of the buffer.</param>
    protected Floats Slot(int buffer) => arena.Slot(buffer);

    /// <summary>Address of a parameter.</summary>
    /// <param name="index">Number of the parameter.</param>
    protected Floats ParameterAt(int index) => parameters + Parameters.Slices[index].Offset;

    /// <summary>Address of a gradient.</summary>
    /// <param name="index">Number of the parameter.</param>
    protected Floats GradientAt(int index) => gradients + Gradients.Slices[index].Offset;

    /// <summary>Address of a tensor of the model that is no parameter, such as a running mean.</summary>
    /// <param name="state">Contiguous float tensor on the CPU, alive as long as the model.</param>
    protected static Floats StateAt(Tensor state) => (float*)AtenC.Address(state);

    /// <summary>Address of the loss.</summary>
    protected Floats LossAt() => loss;

    private protected override bool LossIsFinite() => float.IsFinite(*loss);

    private protected override bool Draws => DrawsLikeEager;

    private protected override double LossValue
    {
        get => *loss;
        set => *loss = (float)value;
    }

    /// <inheritdoc/>
    protected override void Free() => arena.Dispose();
}
