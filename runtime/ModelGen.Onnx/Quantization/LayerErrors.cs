using System.Collections.Concurrent;

namespace ModelGen.Onnx.Quantization;

/// <summary>Compares the values inside a quantized model with those of the float model.</summary>
internal static class LayerErrors
{
    public static IReadOnlyList<LayerError> Measure(OnnxModel reference, OnnxModel quantized, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples)
    {
        reference = GraphPreparation.Prepare(reference, 1);
        HashSet<string> integers = [.. quantized.Proto.Graph.Node.Where(static node => node.OpType is "QuantizeLinear" or "MatMulInteger" or "DynamicQuantizeLinear").SelectMany(static node => node.Output)];
        HashSet<string> inside = [.. quantized.Proto.Graph.Node.SelectMany(static node => node.Output).Where(output => output.Length > 0 && !integers.Contains(output))];
        HashSet<string> floats = [.. reference.Proto.Graph.ValueInfo.Concat(reference.Proto.Graph.Output).Where(static value => value.Type?.TensorType?.ElemType == (int)OnnxType.Float).Select(static value => value.Name)];

        // What the next layers read is the value after its own rounding.
        (string Op, string Node, string Value, string Quantized)[] pairs =
        [
            .. reference.Proto.Graph.Node.SelectMany(static node => node.Output.Select(output => (node, output))).Where(pair => floats.Contains(pair.output))
                .Select(pair => (pair.node.OpType, pair.node.Name, pair.output, inside.Contains(pair.output + "_dequantized") ? pair.output + "_dequantized" : pair.output))
                .Where(pair => inside.Contains(pair.Item4)),
        ];
        using var first = new ActivationReader(reference, pairs.Select(static pair => pair.Value), optimize: false);
        using var second = new ActivationReader(quantized, pairs.Select(static pair => pair.Quantized), optimize: false);
        var powers = new ConcurrentDictionary<string, (double Signal, double Noise)>(StringComparer.Ordinal);
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            Dictionary<string, float[]> expected = first.ReadAll(sample);
            Dictionary<string, string> names = pairs.ToDictionary(static pair => pair.Quantized, static pair => pair.Value, StringComparer.Ordinal);
            second.Read(sample, (name, values, _) =>
            {
                (double signal, double noise) = OutputNoise.Powers(expected[names[name]], values);
                powers.AddOrUpdate(name, (signal, noise), (_, old) => (old.Signal + signal, old.Noise + noise));
            });
        }

        return [.. pairs.Where(pair => powers.ContainsKey(pair.Quantized)).Select(pair => new LayerError(pair.Node, pair.Op, pair.Value, Decibel(powers[pair.Quantized])))];
    }

    // 200 dB stands for equal: float32 itself reaches about 140.
    private static double Decibel((double Signal, double Noise) powers) => Math.Min(200, 10 * Math.Log10(Math.Max(powers.Signal, 1e-30) / Math.Max(powers.Noise, 1e-50)));
}
