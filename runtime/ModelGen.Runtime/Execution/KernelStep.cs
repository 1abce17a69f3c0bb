using System.ComponentModel;
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
    private readonly ArenaPlan plan = new();
    private readonly float* parameters;
    private readonly float* gradients;
    private readonly float* loss;
    private NativeMemoryBlock? arena;
    private ulong? seed;

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
    public long ArenaBytes => arena?.Bytes ?? 0;

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

            if (seed is null)
            {
                using Tensor drawn = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64);
                seed = (ulong)drawn.ToInt64();
            }

            return seed.Value;
        }
    }

    /// <summary>Whether a model can run on kernels: all parameters are float32 on the CPU.</summary>
    /// <param name="weights">Parameters of the model.</param>
    /// <returns>False when the step must run on libtorch's operators.</returns>
    public static bool Supports(IReadOnlyList<(string Name, Tensor Parameter)> weights) =>
        weights.All(static pair => pair.Parameter.dtype == ScalarType.Float32 && pair.Parameter.device_type == DeviceType.CPU);

    /// <summary>Adds the buffers for the sizes at hand.</summary>
    /// <param name="memory">Receives them.</param>
    protected abstract void Plan(ArenaPlan memory);

    /// <summary>Number of a random sequence: another one for each layer and each step; they repeat after 2^32.</summary>
    /// <param name="number">Number of the layer.</param>
    protected uint Stream(int number) => unchecked(((uint)Optimizer.StepCount * 0x9E3779B1u) + (uint)number);

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
            Put(turned, mask);
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
        plan.Clear();
        Plan(plan);
        plan.Place();
        long bytes = plan.Size * sizeof(float);
        if (arena is null || arena.Bytes < bytes)
        {
            arena?.Dispose();
            arena = new NativeMemoryBlock(bytes);
        }
    }

    /// <summary>Address of a buffer in the arena.</summary>
    /// <param name="buffer">Number of the buffer.</param>
    protected Floats Slot(int buffer) => arena!.Floats(plan.OffsetOf(buffer));

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

    /// <summary>Checks a slice whose bounds depend on sizes that are known only at run time.</summary>
    /// <param name="start">First element.</param>
    /// <param name="length">Number of elements.</param>
    /// <param name="size">Size of the dimension.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slice leaves the tensor.</exception>
    protected static void CheckSlice(nint start, nint length, nint size, string source)
    {
        if (start < 0 || length < 0 || start + length > size)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"'{source}' takes the elements {start} to {start + length} of a dimension of {size} elements. The compiled model takes slices as they were written for larger inputs; give it an input that is large enough.");
        }
    }

    /// <summary>Throws when a target is no class.</summary>
    /// <param name="row">-1, or the place of the target.</param>
    /// <param name="targets">Targets.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class. The weights are as before; running statistics have seen the batch.</exception>
    protected static void CheckTarget(nint row, Longs targets, nint classes)
    {
        if (row >= 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(targets), $"Target {targets[row]} at position {row} of the batch is not a class: the model has {classes} classes, 0 to {classes - 1}. Targets of -100 are ignored. Check the labels, or the size of the last layer.");
        }
    }

    /// <summary>Throws when an index of an embedding is outside its table.</summary>
    /// <param name="place">-1, or the place of the index.</param>
    /// <param name="indices">Indices.</param>
    /// <param name="vocabulary">Rows of the table.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is no row.</exception>
    protected static void CheckIndex(nint place, Longs indices, nint vocabulary, string source)
    {
        if (place >= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(indices), $"'{source}': index {indices[place]} at position {place} is outside the table, which has {vocabulary} rows, 0 to {vocabulary - 1}. Check the tokens, or the size of the embedding.");
        }
    }

    /// <summary>Throws when a batch normalisation has a single value for each channel.</summary>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentException">There is one value.</exception>
    protected static void CheckBatch(nint rows, string source)
    {
        if (rows < 2)
        {
            throw new ArgumentException($"'{source}': batch normalisation in training needs more than one value per channel. Use a larger batch, or drop the last batch of an epoch when it has one sample.");
        }
    }

    /// <summary>Writes whole numbers of equal distance.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="start">First number.</param>
    /// <param name="step">Distance.</param>
    /// <param name="count">How many.</param>
    protected static void Range(Longs target, long start, long step, nint count)
    {
        for (nint i = 0; i < count; i++)
        {
            target[i] = start + (i * step);
        }
    }

    /// <summary>Copies an input into the arena.</summary>
    /// <param name="input">Tensor on the CPU.</param>
    /// <param name="buffer">Number of the buffer.</param>
    protected void Load(Tensor input, int buffer)
    {
        long bytes = input.numel() * input.element_size();
        if (input.is_contiguous())
        {
            Buffer.MemoryCopy((void*)AtenC.Address(input), (float*)Slot(buffer), bytes, bytes);
            GC.KeepAlive(input);
            return;
        }

        using Tensor contiguous = input.contiguous();
        Buffer.MemoryCopy((void*)AtenC.Address(contiguous), (float*)Slot(buffer), bytes, bytes);
    }

    /// <summary>A tensor of libtorch over memory of the step, for operators without a kernel. Booleans, which kernels keep as 0 and 1, are converted.</summary>
    /// <param name="address">First element.</param>
    /// <param name="type">Element type.</param>
    /// <param name="sizes">Sizes.</param>
    /// <param name="strides">Strides in elements.</param>
    /// <returns>The tensor; for booleans a copy.</returns>
    protected static Tensor View(Floats address, ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        if (type != ScalarType.Bool)
        {
            return AtenC.View((IntPtr)address.Address, sizes, strides, type);
        }

        using Tensor numbers = AtenC.View((IntPtr)address.Address, sizes, strides, ScalarType.Float32);
        return numbers.to_type(ScalarType.Bool);
    }

    /// <summary>Copies a result of a libtorch operator to memory of the step.</summary>
    /// <param name="result">The result.</param>
    /// <param name="address">Where its elements go, by rows.</param>
    protected static void Put(Tensor result, Floats address)
    {
        using Tensor converted = result.to_type(result.dtype == ScalarType.Int64 ? ScalarType.Int64 : ScalarType.Float32);
        using Tensor rows = converted.contiguous();
        long bytes = rows.numel() * rows.element_size();
        Buffer.MemoryCopy((void*)AtenC.Address(rows), address, bytes, bytes);
    }

    /// <summary>As for floats.</summary>
    /// <param name="result">The result.</param>
    /// <param name="address">Where its elements go, by rows.</param>
    protected static void Put(Tensor result, Longs address) => Put(result, address.AsFloats());

    /// <inheritdoc/>
    protected override void Free() => arena?.Dispose();
}
