using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Recurrent layers as calls of a kernel for each direction.</summary>
internal static class RecurrentLowering
{
    private static readonly Dictionary<string, (string Cell, int Gates)> Cells = new(StringComparer.Ordinal)
    {
        ["lstm"] = ("Lstm", 4),
        ["gru"] = ("Gru", 3),
        ["rnn_tanh"] = ("Tanh", 1),
        ["rnn_relu"] = ("Relu", 1),
    };

    /// <summary>Operands of a layer: where they begin among a node's, and what follows from their types.</summary>
    private sealed record Layer(KernelContext K, string Op, int First)
    {
        public int States => Op == "lstm" ? 2 : 1;

        public int Directions => K.Attributes.Bool("bidirectional") ? 2 : 1;

        public int WeightsOf(int direction) => First + 1 + States + (direction * (K.Attributes.Bool("bias") ? 4 : 2));

        public Dim Steps => K.Type(First).Shape[0];

        public Dim Batch => K.Type(First).Shape[1];

        public Dim Hidden => K.Type(First + 1).Shape[2];

        /// <summary>Numbers for each step and sample.</summary>
        public Dim Places(int each) => Steps * Batch * Hidden * each;

        /// <summary>Names the layer the same for forward and backward.</summary>
        public string Key => $"{Op} {string.Join(" ", K.Inputs.Skip(First).Select(static value => value.ToString(System.Globalization.CultureInfo.InvariantCulture)))}";
    }

    /// <summary>Writes the forward pass, which keeps gates and cells for backward.</summary>
    public static bool Forward(KernelContext k, string op)
    {
        var layer = new Layer(k, op, 0);
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        (Place x, EquatableArray<long> order) = Sequence(k, 0);
        Place y = k.Result(0, order);
        Place[] states = [.. Enumerable.Range(1, layer.States).Select(k.RowMajorOperand)];
        Place[] finals = [.. Enumerable.Range(1, layer.States).Select(index => k.Result(index))];
        for (int direction = 0; direction < layer.Directions; direction++)
        {
            Place gates = k.Work(k.ResultType().WithShape([layer.Places(Cells[op].Gates)]));
            Place? rest = op is "lstm" or "gru" ? k.Work(k.ResultType().WithShape([layer.Places(1)])) : null;
            k.Keep($"{layer.Key} {Invariant.Text(direction)}", rest is null ? [x, y, gates] : [x, y, gates, rest]);
            string problem = Problem(layer, direction, x, y, order, states, gates, rest, write: true);
            string last = string.Concat(finals.Select((place, index) => $", Final{(index == 0 ? "Hidden" : "Cell")} = {k.Write(Part(layer, place, direction))}"));
            k.Emit($"Recurrent<V>.Forward(new RecurrentProblem {{ {problem}{last} }});");
        }

        return true;
    }

    /// <summary>Writes the gradients of a layer whose forward pass runs on the kernel.</summary>
    public static bool Backward(KernelContext k, string op)
    {
        EquatableArray<long> given = k.Attributes.Ints(VjpOp.Given);
        EquatableArray<long> wanted = k.Attributes.Ints(VjpOp.Wanted);
        var layer = new Layer(k, op, given.Count);
        if (k.Type(0).DType != DType.Float32 || k.Kept($"{layer.Key} 0") is null)
        {
            return false;
        }

        (_, EquatableArray<long> order) = Sequence(k, layer.First);
        Place? Given(int result) => given.ToList().IndexOf(result) is >= 0 and int index ? (result == 0 ? k.OrderedOperand(index, order) : k.RowMajorOperand(index)) : null;
        Place?[] gradients = [.. Enumerable.Range(0, 1 + layer.States).Select(Given)];
        Place[] states = [.. Enumerable.Range(layer.First + 1, layer.States).Select(k.RowMajorOperand)];
        var results = wanted.Select((operand, index) => (operand, place: k.Result(index, operand == 0 ? order : Place.Identity(k.ResultType(index).Rank)))).ToDictionary(static pair => (int)pair.operand, static pair => pair.place);
        for (int direction = 0; direction < layer.Directions; direction++)
        {
            Place[] kept = k.Kept($"{layer.Key} {Invariant.Text(direction)}")!;
            Place? rest = kept.Length > 3 ? kept[3] : null;
            string problem = Problem(layer, direction, kept[0], kept[1], order, states, kept[2], rest, write: false);
            var fields = new List<string> { $"Gates = {k.Write(kept[2])}", $"Work = {k.Write(k.Work(k.Type(layer.First).WithShape([layer.Places(1)])))}" };
            if (op == "gru")
            {
                fields.Add($"HiddenPart = {k.Write(rest!)}");
            }

            if (gradients[0] is { } y)
            {
                fields.Add($"Y = {k.Read(Column(layer, y, direction))}, YRow = {(layer.Hidden * layer.Directions).ToCSharp()}");
            }

            for (int state = 0; state < layer.States; state++)
            {
                string name = state == 0 ? "Hidden" : "Cell";
                if (gradients[1 + state] is { } final)
                {
                    fields.Add($"Final{name} = {k.Read(Part(layer, final, direction))}");
                }

                if (results.TryGetValue(1 + state, out Place initial))
                {
                    fields.Add($"Initial{name} = {k.Write(Part(layer, initial, direction))}");
                }
            }

            if (results.TryGetValue(0, out Place x))
            {
                fields.Add($"X = {k.Write(x)}, XRow = {k.Type(layer.First).Shape[2].ToCSharp()}{(direction > 0 ? ", AddX = true" : "")}");
            }

            string[] names = ["InputWeight", "HiddenWeight", "InputBias", "HiddenBias"];
            fields.AddRange(names.Select((name, index) => (name, operand: layer.WeightsOf(direction) - layer.First + index))
                .Where(pair => results.ContainsKey(pair.operand) && (k.Attributes.Bool("bias") || !pair.name.EndsWith("Bias", StringComparison.Ordinal)))
                .Select(pair => $"{pair.name} = {k.Write(results[pair.operand])}"));
            k.Emit($"Recurrent<V>.Backward(new RecurrentProblem {{ {problem} }}, new RecurrentGradients {{ {string.Join(", ", fields)} }});");
        }

        return true;
    }

    /// <summary>A sequence, and the order in which the layer keeps its sequences: samples first where the operand lies so.</summary>
    private static (Place X, EquatableArray<long> Order) Sequence(KernelContext k, int operand)
    {
        EquatableArray<long> batchFirst = new long[] { 1, 0, 2 };
        return k.Operand(operand).IsDense(batchFirst) && !k.Operand(operand).IsRowMajor ? (k.OrderedOperand(operand, batchFirst), batchFirst) : (k.RowMajorOperand(operand), Place.Identity(3));
    }

    /// <summary>A direction's part of <c>[D, N, H]</c>.</summary>
    private static Place Part(Layer layer, Place place, int direction) => place with { Offset = place.Offset + (layer.Batch * layer.Hidden * direction) };

    /// <summary>A direction's columns of <c>[T, N, D * H]</c>.</summary>
    private static Place Column(Layer layer, Place place, int direction) => place with { Offset = place.Offset + (layer.Hidden * direction) };

    private static string Problem(Layer layer, int direction, Place x, Place y, EquatableArray<long> order, Place[] states, Place gates, Place? rest, bool write)
    {
        KernelContext k = layer.K;
        int weights = layer.WeightsOf(direction);
        var fields = new List<string>
        {
            $"Cell = RecurrentCell.{Cells[layer.Op].Cell}",
            $"Steps = {layer.Steps.ToCSharp()}",
            $"Batch = {layer.Batch.ToCSharp()}",
            $"InputSize = {k.Type(layer.First).Shape[2].ToCSharp()}",
            $"HiddenSize = {layer.Hidden.ToCSharp()}",
            "Save = true",
            $"X = {k.Read(x)}",
            $"XRow = {k.Type(layer.First).Shape[2].ToCSharp()}",
            $"InputWeight = {k.Read(k.RowMajorOperand(weights))}",
            $"HiddenWeight = {k.Read(k.RowMajorOperand(weights + 1))}",
            $"InitialHidden = {k.Read(Part(layer, states[0], direction))}",
            $"Y = {(write ? k.Write(Column(layer, y, direction)) : k.Read(Column(layer, y, direction)))}",
            $"YRow = {(layer.Hidden * layer.Directions).ToCSharp()}",
            $"Gates = {k.Write(gates)}",
        };
        if (k.Attributes.Bool("bias"))
        {
            fields.Add($"InputBias = {k.Read(k.RowMajorOperand(weights + 2))}");
            fields.Add($"HiddenBias = {k.Read(k.RowMajorOperand(weights + 3))}");
        }

        if (layer.States == 2)
        {
            fields.Add($"InitialCell = {k.Read(Part(layer, states[1], direction))}");
        }

        if (rest is not null)
        {
            fields.Add($"{(layer.Op == "lstm" ? "Cells" : "HiddenPart")} = {k.Write(rest)}");
        }

        if (order[0] == 1)
        {
            fields.Add("BatchFirst = true");
        }

        if (direction == 1)
        {
            fields.Add("Reverse = true");
        }

        return string.Join(", ", fields);
    }
}
