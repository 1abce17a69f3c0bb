using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>A data set in memory, of arrays or tensors.</summary>
public sealed class TensorDataset : Dataset
{
    private readonly byte[][] inputs;
    private readonly byte[] target;

    private TensorDataset(int count, FieldSpec[] fields, byte[][] inputs, FieldSpec targetField, byte[] target)
    {
        Count = count;
        Inputs = fields;
        Target = targetField;
        this.inputs = inputs;
        this.target = target;
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs { get; }

    /// <inheritdoc/>
    public override FieldSpec Target { get; }

    /// <summary>One float input and class labels.</summary>
    /// <param name="inputs">Samples one after the other, row-major.</param>
    /// <param name="inputShape">Shape of one sample.</param>
    /// <param name="labels">One class index per sample.</param>
    /// <returns>The data set; it copies the arrays.</returns>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static TensorDataset FromArrays(float[] inputs, long[] inputShape, long[] labels) =>
        Create([("input", inputs, inputShape)], ("label", labels, []));

    /// <summary>One float input and float targets.</summary>
    /// <param name="inputs">Samples one after the other, row-major.</param>
    /// <param name="inputShape">Shape of one sample.</param>
    /// <param name="targets">Targets one after the other, row-major.</param>
    /// <param name="targetShape">Shape of one target.</param>
    /// <returns>The data set; it copies the arrays.</returns>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static TensorDataset FromArrays(float[] inputs, long[] inputShape, float[] targets, long[] targetShape) =>
        Create([("input", inputs, inputShape)], ("target", targets, targetShape));

    /// <summary>Several inputs of different types.</summary>
    /// <param name="inputs">Name, values (float[], long[] or bool[]) and sample shape of each input, in the order of <c>Forward</c>'s parameters.</param>
    /// <param name="target">The same of the target.</param>
    /// <returns>The data set; it copies the arrays.</returns>
    /// <exception cref="ArgumentException">The lengths do not fit together, or a type is not supported.</exception>
    public static TensorDataset Create(IReadOnlyList<(string Name, Array Values, long[] Shape)> inputs, (string Name, Array Values, long[] Shape) target)
    {
        FieldSpec[] fields = [.. inputs.Select(static field => Spec(field))];
        FieldSpec targetField = Spec(target);
        int count = Samples(targetField, target.Values);
        for (int i = 0; i < fields.Length; i++)
        {
            if (Samples(fields[i], inputs[i].Values) is int samples && samples != count)
            {
                throw new ArgumentException($"The input '{fields[i].Name}' has {samples} samples but the target '{targetField.Name}' has {count}.", nameof(inputs));
            }
        }

        return new TensorDataset(count, fields, [.. inputs.Select(static field => Bytes(field.Values))], targetField, Bytes(target.Values));
    }

    /// <summary>The data of tensors.</summary>
    /// <param name="inputs">One tensor per input, batch first, float32, int64 or bool; other floating types become float32, other integers int64.</param>
    /// <param name="target">The target, batch first.</param>
    /// <returns>The data set; it copies the tensors.</returns>
    /// <exception cref="ArgumentException">A type is not supported, or the numbers of samples differ.</exception>
    public static TensorDataset FromTensors(IReadOnlyList<Tensor> inputs, Tensor target) =>
        Create([.. inputs.Select(static (tensor, index) => Values($"input{index}", tensor))], Values("target", target));

    /// <summary>All values of an input, sample after sample.</summary>
    /// <typeparam name="T">The element type: float, long or bool.</typeparam>
    /// <param name="field">Number of the input.</param>
    /// <returns>The values; a view, not a copy.</returns>
    public ReadOnlySpan<T> InputsAs<T>(int field = 0)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(inputs[field]);

    /// <summary>All values of the target, sample after sample.</summary>
    /// <typeparam name="T">The element type: float, long or bool.</typeparam>
    /// <returns>The values; a view, not a copy.</returns>
    public ReadOnlySpan<T> TargetAs<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(target);

    /// <inheritdoc/>
    public override void Read(int index, Sample sample)
    {
        for (int field = 0; field < inputs.Length; field++)
        {
            Row(inputs[field], index, sample.Bytes(field));
        }

        Row(target, index, sample.Bytes(inputs.Length));
    }

    private static void Row(byte[] source, int index, Span<byte> destination) =>
        source.AsSpan(checked(index * destination.Length), destination.Length).CopyTo(destination);

    private static (string Name, Array Values, long[] Shape) Values(string name, Tensor tensor)
    {
        if (tensor.dim() == 0)
        {
            throw new ArgumentException($"'{name}' is a scalar; its first dimension must be the samples.");
        }

        using Tensor detached = tensor.detach();
        using Tensor local = detached.cpu();
        long[] shape = tensor.shape[1..];
        if (local.is_floating_point())
        {
            using Tensor single = local.to_type(ScalarType.Float32);
            return (name, single.data<float>().ToArray(), shape);
        }

        if (local.dtype == ScalarType.Bool)
        {
            return (name, local.data<bool>().ToArray(), shape);
        }

        if (!local.is_integral())
        {
            throw new ArgumentException($"'{name}' is {local.dtype}; use a real, integer or boolean tensor.");
        }

        using Tensor wide = local.to_type(ScalarType.Int64);
        return (name, wide.data<long>().ToArray(), shape);
    }

    private static FieldSpec Spec((string Name, Array Values, long[] Shape) field) => new(field.Name, field.Values switch
    {
        float[] => ElementType.Float32,
        long[] => ElementType.Int64,
        bool[] => ElementType.Bool,
        _ => throw new ArgumentException($"'{field.Name}' holds {field.Values.GetType().Name}; use float[], long[] or bool[]."),
    }, field.Shape);

    private static int Samples(FieldSpec field, Array values) => field.Count > 0 && values.Length % field.Count == 0
        ? values.Length / field.Count
        : throw new ArgumentException($"'{field.Name}' has {values.Length} values, which is not a whole number of samples of shape [{string.Join(", ", field.Shape)}].");

    private static byte[] Bytes(Array values)
    {
        byte[] bytes = new byte[Buffer.ByteLength(values)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return bytes;
    }
}
