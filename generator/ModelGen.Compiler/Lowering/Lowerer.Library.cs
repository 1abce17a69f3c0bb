using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Lowering;

/// <content>Operators without a kernel, on libtorch.</content>
internal sealed partial class Lowerer
{
    /// <summary>Runs an operator that has no kernel on libtorch, on tensors over the same memory.</summary>
    private void LowerToLibrary(Node node)
    {
        var variables = new Dictionary<int, string>();
        var lines = new List<string> { "{", "    using IDisposable guard = no_grad();", "    using DisposeScope scope = NewDisposeScope();", "    Device device = CPU;" };
        var reads = new List<int>();
        Dim bytes = Dim.Zero;
        foreach (int input in node.Inputs.Where(static input => input >= 0).Distinct())
        {
            string variable = variables[input] = names.Unique("operand");
            if (constants.TryGetValue(input, out double number))
            {
                lines.Add($"    Tensor {variable} = TensorOps.Constant({Invariant.Text(number)}, {graph.TypeOf(input).DType.Torch()}, device);");
                continue;
            }

            Place place = PlaceOf(input);
            reads.Add(place.Buffer);
            bytes += BytesOf(place, place.Elements);
            lines.Add($"    Tensor {variable} = {View(place)};");
        }

        OpDefinition op = OpRegistry.Get(node.Op);
        CSharpContext context = CSharpContext.Of(graph, node, value => variables[value], static _ => null, value => graph.Outputs.Contains(value) || readers.ContainsKey(value));
        int count = op.EmittedResults(context, node.Outputs.Count);
        string[] results = [.. node.Outputs.Take(count).Select(_ => names.Unique("result"))];
        string expression = op.EmitCSharp(context);
        lines.Add("    " + (op.ReturnsArray ? $"Tensor[] results = {expression};"
            : count == 0 ? expression + ";"
            : count == 1 ? $"Tensor {results[0]} = {expression};"
            : $"({string.Join(", ", results.Select(static result => "Tensor " + result))}) = {expression};"));
        var writes = new List<int>();
        for (int i = 0; i < count; i++)
        {
            EquatableArray<long> order = OrderLikeOperands(node, graph.TypeOf(node.Outputs[i]).Rank);
            Place place = Allocate(node.Outputs[i], order);
            writes.Add(place.Buffer);
            bytes += BytesOf(place, place.Elements);
            string turned = place.IsRowMajor ? "" : $".permute({CSharpContext.Longs(order)})";
            lines.Add($"    Put({(op.ReturnsArray ? $"results[{Invariant.Text(i)}]" : results[i])}{turned}, {Address(place)});");
        }

        lines.Add("}");
        statements.Add(new KernelStatement(lines, reads, writes, node.Source.Length == 0 ? node.Layer : node.Source) { Kernel = node.Op + " (libtorch)", Bytes = bytes });
    }

    /// <summary>The order in which a result of a libtorch operator is kept: libtorch keeps channels last where an operand has them last.</summary>
    private EquatableArray<long> OrderLikeOperands(Node node, int rank)
    {
        EquatableArray<long> rows = Place.Identity(rank);
        return node.Inputs.Where(input => input >= 0 && !constants.ContainsKey(input)).Select(PlaceOf)
            .Where(place => place.Shape.Count == rank && !place.IsRowMajor).Select(static place => (Place: place, Order: LoopNest.OrderOf(place)))
            .Where(static pair => pair.Place.IsDense(pair.Order)).Select(static pair => pair.Order).DefaultIfEmpty(rows).First();
    }

    /// <summary>A tensor of libtorch over a place.</summary>
    private string View(Place place)
    {
        DType type = buffers[place.Buffer].DType;
        string address = type == DType.Int64 ? $"{Address(place)}.AsFloats()" : Address(place);
        return $"View({address}, {type.Torch()}, {CSharpContext.Longs(place.Shape)}, {CSharpContext.Longs(place.Strides)})";
    }
}
