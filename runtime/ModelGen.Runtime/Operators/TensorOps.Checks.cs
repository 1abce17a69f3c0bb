using static TorchSharp.torch;

namespace ModelGen;

/// <content>Checks of what callers pass to generated code.</content>
public static unsafe partial class TensorOps
{
    /// <summary>A size of an input that is known only now.</summary>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public static long SizeOf(Tensor tensor, string name, int axis, int rank) => tensor.ndim == rank
        ? tensor.size(axis)
        : throw new ArgumentException($"Input '{name}' has {tensor.ndim} dimension(s), [{string.Join(", ", tensor.shape)}], but the model takes {rank}. Add a batch dimension with unsqueeze(0) if you pass a single sample.", name);

    /// <summary>Checks the type and shape of an input.</summary>
    /// <exception cref="ArgumentException">They differ from what the model was compiled for.</exception>
    public static void CheckInput(Tensor tensor, string name, ScalarType dtype, ReadOnlySpan<long> shape, string declared)
    {
        if (tensor.dtype != dtype)
        {
            throw new ArgumentException($"Input '{name}' is {tensor.dtype}, but the model takes {dtype}. Convert it with to_type(ScalarType.{dtype}).", name);
        }

        bool same = tensor.ndim == shape.Length;
        for (int i = 0; same && i < shape.Length; i++)
        {
            // Size by size: an array of all would be garbage at every step.
            same = tensor.size(i) == shape[i];
        }

        if (!same)
        {
            throw new ArgumentException($"Input '{name}' has shape [{string.Join(", ", tensor.shape)}], but the model was compiled for {declared}, here [{string.Join(", ", shape.ToArray())}].", name);
        }
    }

    /// <summary>Checks the number of inputs.</summary>
    /// <exception cref="ArgumentException">It differs from the model's.</exception>
    public static void CheckCount(int given, int expected)
    {
        if (given != expected)
        {
            throw new ArgumentException($"The model takes {expected} input(s), got {given}.");
        }
    }
}
