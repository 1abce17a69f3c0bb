namespace ModelGen.Onnx.Quantization;

/// <summary>How far the outputs of two models lie apart.</summary>
internal static class OutputNoise
{
    /// <summary>Power of the difference of the float outputs over the power of the first model's, over all samples.</summary>
    public static double Measure(OnnxModel reference, OnnxModel other, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples)
    {
        string[] outputs = [.. reference.Proto.Graph.Output.Where(static output => output.Type.TensorType.ElemType == (int)OnnxType.Float).Select(static output => output.Name)];
        using var first = new ActivationReader(reference, outputs);
        using var second = new ActivationReader(other, outputs);
        double signal = 0;
        double noise = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            Dictionary<string, float[]> expected = first.ReadAll(sample);
            foreach ((string name, float[] values) in second.ReadAll(sample))
            {
                (double power, double error) = Powers(expected[name], values);
                (signal, noise) = (signal + power, noise + error);
            }
        }

        return noise / Math.Max(signal, 1e-30);
    }

    /// <summary>Sum of squares of the reference, and of the differences.</summary>
    public static (double Signal, double Noise) Powers(ReadOnlySpan<float> reference, ReadOnlySpan<float> values)
    {
        double signal = 0;
        double noise = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double difference = (double)reference[i] - values[i];
            signal += (double)reference[i] * reference[i];
            noise += difference * difference;
        }

        return (signal, noise);
    }
}
