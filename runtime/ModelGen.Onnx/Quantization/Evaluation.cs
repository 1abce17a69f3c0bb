using System.Numerics.Tensors;
using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx;

/// <summary>Ways to score a model.</summary>
public static class Evaluation
{
    /// <summary>The share of samples whose largest output is at the label's place.</summary>
    /// <param name="samples">Inputs by name.</param>
    /// <param name="labels">A label for each row of the first output, over all samples.</param>
    /// <returns>What scores a model, from 0 to 1.</returns>
    /// <exception cref="ArgumentException">When it runs: the number of labels is not that of the rows.</exception>
    public static Func<OnnxModel, double> Accuracy(IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, IReadOnlyList<int> labels) => model =>
    {
        using var reader = new ActivationReader(model, [model.Proto.Graph.Output[0].Name]);
        int row = 0;
        int right = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            reader.Read(sample, (_, scores, shape) =>
            {
                int classes = (int)shape[^1];
                for (int start = 0; start < scores.Length; start += classes, row++)
                {
                    int answer = TensorPrimitives.IndexOfMax(scores.Slice(start, classes));
                    right += row < labels.Count && answer == labels[row] ? 1 : 0;
                }
            });
        }

        return row == labels.Count && row > 0 ? right / (double)row : throw new ArgumentException($"There are {labels.Count} labels for {row} rows of output.", nameof(labels));
    };
}
