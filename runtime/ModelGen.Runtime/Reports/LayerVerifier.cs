using ModelGen.Onnx;
using ModelGen.Onnx.Proto;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Compares an exported graph with the model layer by layer: each module of one tensor gets the value that the graph gives it, so that a fault is found where it is made and not
/// where it arrives.
/// </summary>
internal static class LayerVerifier
{
    /// <summary>The nodes of one layer, with the one value that it reads and the one that others read of it.</summary>
    private sealed record Group(string Path, string Input, string Output, bool IsFolded);

    public static IReadOnlyList<LayerCheck> Compare(string name, nn.Module model, OnnxModel onnx, IReadOnlyList<Tensor> inputs, double tolerance)
    {
        Dictionary<string, nn.Module<Tensor, Tensor>> modules = model.named_modules().Where(static pair => pair.module is nn.Module<Tensor, Tensor>)
            .ToDictionary(static pair => pair.name, static pair => (nn.Module<Tensor, Tensor>)pair.module, StringComparer.Ordinal);
        Group[] groups = [.. Groups(onnx.Proto.Graph, name + ".").Where(group => modules.ContainsKey(group.Path))];
        HashSet<string> present = [.. Paths(onnx.Proto.Graph, name + ".")];
        nn.Module<Tensor, Tensor>[] folded = [.. modules.Where(pair => !present.Contains(pair.Key)).Select(static pair => pair.Value).OfType<BatchNorm>()];
        using var runner = new OnnxRunner(WithOutputs(onnx, groups));
        Tensor[] batch = Batches.Take(inputs, 0, Math.Max(runner.Inputs[0].Shape.FirstOrDefault(1), 1));
        Dictionary<string, OnnxTensor> values = runner.Inputs.Select((entry, index) => (entry.Name, Value: TensorConversion.ToOnnx(batch[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value, StringComparer.Ordinal);
        Batches.Dispose(batch);
        foreach ((string value, OnnxTensor tensor) in runner.Run(values))
        {
            values[value] = tensor;
        }

        var checks = new List<LayerCheck>();
        foreach (Group group in groups.Where(group => values[group.Output].Type == OnnxType.Float))
        {
            nn.Module<Tensor, Tensor> module = modules[group.Path];
            using Tensor input = Read(values[group.Input]);
            using Tensor own = module.forward(input);
            if (!group.IsFolded)
            {
                checks.Add(Check(group.Path, module.GetType().Name, own, values[group.Output], tolerance));
                continue;
            }

            // The graph does not say which batch normalisation was folded: the one that fits.
            LayerCheck? best = folded.OfType<nn.Module<Tensor, Tensor>>().Where(norm => ((BatchNorm)norm).num_features == own.shape[1]).Select(norm =>
            {
                using Tensor normal = norm.forward(own);
                return Check($"{group.Path}, {modules.First(pair => ReferenceEquals(pair.Value, norm)).Key}", $"{module.GetType().Name}, {norm.GetType().Name}", normal, values[group.Output], tolerance);
            }).MinBy(static check => check.MaxRelativeError);
            checks.Add(best ?? Check(group.Path, module.GetType().Name, own, values[group.Output], tolerance));
        }

        return checks;
    }

    private static Tensor Read(OnnxTensor value) => value.Type == OnnxType.Int64 ? tensor(value.AsSpan<long>().ToArray(), [.. value.Shape]) : TensorConversion.ToTorch(value);

    private static LayerCheck Check(string path, string type, Tensor expected, OnnxTensor actual, double tolerance)
    {
        using Tensor dense = expected.contiguous();
        if (!expected.shape.SequenceEqual(actual.Shape))
        {
            return new LayerCheck(path, type, double.PositiveInfinity, double.PositiveInfinity, true);
        }

        var outputs = new PathOutputs(actual.AsSpan<float>().ToArray(), 1, 1);
        (double absolute, double relative) = outputs.ErrorAgainst(new PathOutputs(dense.data<float>().ToArray(), 1, 1));
        return new LayerCheck(path, type, absolute, relative, !(relative <= tolerance));
    }

    /// <summary>Layers with one input and one output; a layer that is called twice has more, and is left out.</summary>
    private static IEnumerable<Group> Groups(GraphProto graph, string prefix)
    {
        HashSet<string> constants = [.. graph.Initializer.Select(static tensor => tensor.Name)];
        HashSet<string> outputs = [.. graph.Output.Select(static output => output.Name)];
        foreach (IGrouping<string, NodeProto> layer in graph.Node.GroupBy(node => Path(node, prefix), StringComparer.Ordinal).Where(static layer => layer.Key.Length > 0))
        {
            HashSet<string> made = [.. layer.SelectMany(static node => node.Output)];
            string[] read = [.. layer.SelectMany(static node => node.Input).Where(input => input.Length > 0 && !constants.Contains(input) && !made.Contains(input)).Distinct()];
            string[] given = [.. made.Where(value => outputs.Contains(value) || graph.Node.Any(node => node.Input.Contains(value) && Path(node, prefix) != layer.Key))];
            if (read is [var input] && given is [var output])
            {
                yield return new Group(layer.Key, input, output, layer.Any(static node => node.Input.Any(static name => name.EndsWith(".folded_weight", StringComparison.Ordinal) || name.EndsWith(".folded_weight_transposed", StringComparison.Ordinal))));
            }
        }
    }

    private static IEnumerable<string> Paths(GraphProto graph, string prefix) => graph.Node.Select(node => Path(node, prefix));

    private static string Path(NodeProto node, string prefix)
    {
        string member = node.MetadataProps.FirstOrDefault(static entry => entry.Key == OnnxGraphBuilder.MemberKey)?.Value ?? "";
        return member.StartsWith(prefix, StringComparison.Ordinal) ? member[prefix.Length..] : "";
    }

    private static OnnxModel WithOutputs(OnnxModel onnx, Group[] groups)
    {
        ModelProto copy = onnx.Proto.Clone();
        HashSet<string> given = [.. copy.Graph.Output.Concat(copy.Graph.Input).Select(static value => value.Name)];
        Dictionary<string, ValueInfoProto> known = copy.Graph.ValueInfo.ToDictionary(static value => value.Name, StringComparer.Ordinal);
        foreach (string value in groups.SelectMany(static group => new[] { group.Input, group.Output }).Where(given.Add))
        {
            copy.Graph.Output.Add(known[value].Clone());
        }

        return new OnnxModel(copy);
    }
}
