using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>Nodes whose results nobody reads disappear.</summary>
internal sealed class RemoveDeadNodes : IModelPass
{
    public string Name => "dead nodes removed";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto node in graph.Nodes.Reverse().ToArray())
        {
            if (node.Output.All(output => output.Length == 0 || (!graph.IsOutput(output) && !graph.IsCaptured(output) && graph.Readers(output).Count == 0)))
            {
                graph.Remove(node);
                count++;
            }
        }

        graph.Commit();
        return count;
    }
}
