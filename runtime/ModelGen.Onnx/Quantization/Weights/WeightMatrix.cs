using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Weights of a product as one row for each output channel.</summary>
/// <param name="Rows">Row-major <c>[Outputs, Inputs]</c>.</param>
/// <param name="Outputs">Output channels.</param>
/// <param name="Inputs">Weights of an output channel.</param>
internal sealed record WeightMatrix(float[] Rows, int Outputs, int Inputs)
{
    /// <summary>The weights of a tensor whose output channels lie along an axis: 0, or 1 of a matrix.</summary>
    public static WeightMatrix Of(TensorProto tensor, int axis)
    {
        float[] values = TensorBytes.Floats(tensor);
        int outputs = (int)tensor.Dims[axis];
        int inputs = outputs == 0 ? 0 : values.Length / outputs;
        return new WeightMatrix(axis == 0 ? values : Transposed<float>(values, inputs, outputs), outputs, inputs);
    }

    /// <summary>Values in the rows' order back in the tensor's order.</summary>
    public T[] ToTensor<T>(T[] rows, int axis) => axis == 0 ? rows : Transposed<T>(rows, Outputs, Inputs);

    /// <summary>One row.</summary>
    public ReadOnlySpan<float> Row(int output) => Rows.AsSpan(output * Inputs, Inputs);

    public static T[] Transposed<T>(ReadOnlySpan<T> values, int rows, int columns)
    {
        var result = new T[values.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = values[(row * columns) + column];
            }
        }

        return result;
    }
}
