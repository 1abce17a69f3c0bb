using System.Globalization;
using Google.Protobuf;
using ModelGen.Monitoring.Proto;

namespace ModelGen.Monitoring;

/// <summary>A model's layers as TensorFlow's GraphDef, which is what TensorBoard draws.</summary>
internal static class GraphDefinition
{
    // Versions of GraphDef that TensorBoard knows begin here; the number only has to be one of them.
    private const int Producer = 22;

    public static GraphDef Of(ModelSummary summary)
    {
        var graph = new GraphDef { Versions = new VersionDef { Producer = Producer } };
        string[] names = Names(summary.Layers);
        if (summary.Layers.Any(static layer => layer.Inputs.Contains(-1)))
        {
            graph.Node.Add(new NodeDef { Name = "inputs", Op = "Input" });
        }

        for (int i = 0; i < summary.Layers.Count; i++)
        {
            LayerSummary layer = summary.Layers[i];
            var node = new NodeDef { Name = names[i], Op = layer.Type.Length > 0 ? layer.Type : "Function" };
            node.Input.Add(layer.Inputs.Select(input => input < 0 ? "inputs" : names[input]));
            var shapes = new AttrValue.Types.ListValue();
            shapes.Shape.Add(Shape(layer.OutputShape));
            node.Attr["_output_shapes"] = new AttrValue { List = shapes };
            node.Attr["parameters"] = new AttrValue { I = layer.Parameters };
            node.Attr["output"] = new AttrValue { S = ByteString.CopyFromUtf8(layer.OutputShape) };
            graph.Node.Add(node);
        }

        return graph;
    }

    /// <summary>Names without repetition, with slashes for the nesting.</summary>
    private static string[] Names(IReadOnlyList<LayerSummary> layers)
    {
        var used = new HashSet<string>(StringComparer.Ordinal) { "inputs" };
        var names = new string[layers.Count];
        for (int i = 0; i < names.Length; i++)
        {
            string wanted = layers[i].Name.Length > 0 ? layers[i].Name.Replace('.', '/') : layers[i].Type.Replace(", ", "_", StringComparison.Ordinal).Replace(' ', '_');
            names[i] = wanted;
            for (int number = 2; !used.Add(names[i]); number++)
            {
                names[i] = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{number}");
            }
        }

        return names;
    }

    /// <summary>The sizes of a text such as <c>[N, 32, 26, 26]</c>; those that are known only when the model runs are -1.</summary>
    private static TensorShape Shape(string text)
    {
        var shape = new TensorShape();
        foreach (string size in text.Trim('[', ']').Split(", ", StringSplitOptions.RemoveEmptyEntries))
        {
            shape.Dim.Add(new TensorShape.Types.Dim { Size = long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : -1 });
        }

        return shape;
    }
}
