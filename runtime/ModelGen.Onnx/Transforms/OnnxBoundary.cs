using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>Raw pixels as the input of a model that was trained on normalised ones.</summary>
public sealed record OnnxPixels
{
    /// <summary>Name of the input, of shape <c>[N, C, H, W]</c> and float32; null for the only one of that form.</summary>
    public string? Input { get; init; }

    /// <summary>Mean of each channel, of pixels in [0, 1]; empty for 0.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [];

    /// <summary>Standard deviation of each channel, of pixels in [0, 1]; empty for 1.</summary>
    public IReadOnlyList<double> StandardDeviation { get; init; } = [];

    /// <summary>Whether the pixels lie as decoders write them, <c>[N, H, W, C]</c>; default true. Otherwise <c>[N, C, H, W]</c>.</summary>
    public bool ChannelsLast { get; init; } = true;
}

/// <summary>What a model gives out.</summary>
public enum OnnxOutputForm
{
    /// <summary>What <c>forward</c> returns.</summary>
    AsIs,

    /// <summary>Probabilities: softmax over the classes.</summary>
    Softmax,

    /// <summary>The index of the best class, int64.</summary>
    ArgMax,
}

/// <summary>Pre- and post-processing inside the graph, for any model.</summary>
public static class OnnxBoundary
{
    /// <summary>Metadata key that names inputs taking raw pixels: <c>NAME=NHWC</c> or <c>NAME=NCHW</c>.</summary>
    public const string PixelsKey = "modelgen.pixels";

    /// <summary>Metadata key that holds the <see cref="OnnxOutputForm"/> of the first output.</summary>
    public const string OutputKey = "modelgen.output";

    /// <summary>The model with an input of bytes, 0 to 255, that it scales and normalises itself: <c>(pixel / 255 - mean) / deviation</c>.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="pixels">What the pixels need.</param>
    /// <returns>The new model; the input keeps its name.</returns>
    /// <exception cref="ArgumentException">There is no such input, or the channels differ in number.</exception>
    public static OnnxModel TakePixels(OnnxModel model, OnnxPixels pixels)
    {
        ModelProto copy = model.Proto.Clone();
        GraphProto graph = copy.Graph;
        ValueInfoProto[] images = [.. graph.Input.Where(input => (pixels.Input is null || input.Name == pixels.Input) && input.Type?.TensorType is { ElemType: (int)OnnxType.Float, Shape.Dim.Count: 4 })];
        if (images is not [var input])
        {
            throw new ArgumentException(
                $"Raw pixels need one float32 input [N, C, H, W]{(pixels.Input is null ? "" : $" named '{pixels.Input}'")}; the model has {images.Length}. Its inputs: {string.Join(", ", graph.Input.Select(static value => value.Name))}. Name it in OnnxPixels.Input.",
                nameof(pixels));
        }

        TensorShapeProto shape = input.Type.TensorType.Shape.Clone();
        long channels = shape.Dim[1].DimValue;
        double[] mean = Channels(pixels.Mean, 0, channels, "means");
        double[] deviation = Channels(pixels.StandardDeviation, 1, channels, "standard deviations");
        if (channels == 0 || deviation.Any(static value => !(value > 0)))
        {
            throw new ArgumentException($"Raw pixels need a fixed number of channels and positive standard deviations, got {channels} and [{string.Join(", ", deviation)}].", nameof(pixels));
        }

        string name = input.Name;
        string ready = Names(graph).Unique(name + "_normalized");
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == name ? ready : node.Input[i];
            }
        }

        var names = Names(graph);
        string scale = names.Unique(name + "_scale");
        string shift = names.Unique(name + "_shift");
        graph.Initializer.Add(TensorBytes.Tensor<float>(scale, [1, channels, 1, 1], [.. deviation.Select(static value => (float)(1 / (255 * value)))]));
        graph.Initializer.Add(TensorBytes.Tensor<float>(shift, [1, channels, 1, 1], [.. mean.Select((value, channel) => (float)(-value / deviation[channel]))]));
        var nodes = new List<NodeProto>();
        string current = name;
        if (pixels.ChannelsLast)
        {
            // Bytes are moved before they become floats: a quarter of the traffic.
            Add("Transpose", "channels", OnnxType.UInt8, [], OnnxAttribute.Ints("perm", 0, 3, 1, 2));
        }

        Add("Cast", "float", OnnxType.Float, [], OnnxAttribute.Int("to", (long)OnnxType.Float));
        Add("Mul", "scaled", OnnxType.Float, [scale]);
        string last = nodes.Count > 0 ? current : name;
        nodes.Add(new NodeProto { OpType = "Add", Name = names.Unique($"/{name}/Add"), Input = { last, shift }, Output = { ready } });
        graph.ValueInfo.Add(Info(ready, OnnxType.Float, shape));
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            graph.Node.Insert(0, nodes[i]);
        }

        input.Type.TensorType.ElemType = (int)OnnxType.UInt8;
        if (pixels.ChannelsLast)
        {
            input.Type.TensorType.Shape = new TensorShapeProto { Dim = { shape.Dim[0].Clone(), shape.Dim[2].Clone(), shape.Dim[3].Clone(), shape.Dim[1].Clone() } };
        }

        input.DocString = $"Raw pixels 0..255, {(pixels.ChannelsLast ? "[N, H, W, C]" : "[N, C, H, W]")}; the model normalises them.";
        copy.MetadataProps.Add(new StringStringEntryProto { Key = PixelsKey, Value = $"{name}={(pixels.ChannelsLast ? "NHWC" : "NCHW")}" });
        return Checked(copy);

        void Add(string op, string part, OnnxType type, string[] more, params OnnxAttribute[] attributes)
        {
            string result = names.Unique($"{name}_{part}");
            nodes.Add(new NodeProto { OpType = op, Name = names.Unique($"/{name}/{op}"), Input = { current, more }, Output = { result }, Attribute = { attributes.Select(static attribute => attribute.Proto) } });
            graph.ValueInfo.Add(Info(result, type, shape));
            current = result;
        }
    }

    /// <summary>The model with probabilities or the best class as its first output, whose classes lie along dimension 1.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="form">What it shall give out.</param>
    /// <returns>The new model; the output keeps its name.</returns>
    /// <exception cref="ArgumentException">The output has no classes.</exception>
    public static OnnxModel Give(OnnxModel model, OnnxOutputForm form)
    {
        if (form == OnnxOutputForm.AsIs)
        {
            return model;
        }

        ModelProto copy = model.Proto.Clone();
        GraphProto graph = copy.Graph;
        ValueInfoProto output = graph.Output[0];
        if (output.Type?.TensorType is not { ElemType: (int)OnnxType.Float, Shape.Dim.Count: >= 2 } type)
        {
            throw new ArgumentException($"{form} needs class scores [N, C] or [N, C, ...] in float32 as the first output.", nameof(form));
        }

        var names = Names(graph);
        string scores = names.Unique(output.Name + "_scores");
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == output.Name ? scores : node.Input[i];
            }

            for (int i = 0; i < node.Output.Count; i++)
            {
                node.Output[i] = node.Output[i] == output.Name ? scores : node.Output[i];
            }
        }

        graph.ValueInfo.Add(Info(scores, OnnxType.Float, type.Shape));
        var last = new NodeProto { OpType = form.ToString(), Name = names.Unique($"/{output.Name}/{form}"), Input = { scores }, Output = { output.Name }, Attribute = { OnnxAttribute.Int("axis", 1).Proto } };
        if (form == OnnxOutputForm.ArgMax)
        {
            last.Attribute.Add(OnnxAttribute.Int("keepdims", 0).Proto);
            type.ElemType = (int)OnnxType.Int64;
            type.Shape.Dim.RemoveAt(1);
        }

        graph.Node.Add(last);
        copy.MetadataProps.Add(new StringStringEntryProto { Key = OutputKey, Value = form.ToString() });
        return Checked(copy);
    }

    private static double[] Channels(IReadOnlyList<double> values, double absent, long channels, string what) => values.Count == 0 ? [.. Enumerable.Repeat(absent, (int)channels)]
        : values.Count == channels ? [.. values]
        : values.Count == 1 ? [.. Enumerable.Repeat(values[0], (int)channels)]
        : throw new ArgumentException($"The input has {channels} channels, but {values.Count} {what} were given.");

    private static ValueInfoProto Info(string name, OnnxType type, TensorShapeProto shape) =>
        new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape.Clone() } } };

    private static OnnxModel Checked(ModelProto proto)
    {
        var result = new OnnxModel(proto);
        result.Validate(proto.Graph.Name);
        return result;
    }

    private static UniqueNames Names(GraphProto graph) => new(graph);

    /// <summary>Names that neither a value nor a node has.</summary>
    private sealed class UniqueNames(GraphProto graph)
    {
        private readonly HashSet<string> taken =
        [
            .. graph.Input.Select(static input => input.Name), .. graph.Initializer.Select(static tensor => tensor.Name), .. graph.Node.SelectMany(static node => node.Input.Concat(node.Output).Append(node.Name)),
        ];

        public string Unique(string wanted)
        {
            while (!taken.Add(wanted))
            {
                wanted += "_";
            }

            return wanted;
        }
    }
}
