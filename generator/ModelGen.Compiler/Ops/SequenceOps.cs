using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Recurrent networks of one layer: x <c>[T, N, I]</c>, initial state <c>[D, N, H]</c> (two of them for an LSTM), then per direction the weights
/// <c>[G * H, I]</c>, <c>[G * H, H]</c> and two biases <c>[G * H]</c>, D directions and G gates. Results: the outputs <c>[T, N, D * H]</c> and the last states.
/// </summary>
internal static class SequenceOps
{
    public static IReadOnlyList<OpDefinition> All { get; } =
    [
        Recurrent("lstm", states: 2, gates: [0, 3, 1, 2], "LSTM"),
        Recurrent("gru", states: 1, gates: [1, 0, 2], "GRU"),
        Recurrent("rnn_tanh", states: 1, gates: [0], "RNN"),
        Recurrent("rnn_relu", states: 1, gates: [0], "RNN"),
    ];

    /// <summary>A family member.</summary>
    /// <param name="name">The library's function.</param>
    /// <param name="states">Number of states.</param>
    /// <param name="gates">Position of ONNX's gates among PyTorch's.</param>
    /// <param name="onnx">ONNX operator.</param>
    private static LibraryOp Recurrent(string name, int states, int[] gates, string onnx) => new(
        name,
        op =>
        {
            TensorType x = op[0];
            if (x.Rank != 3)
            {
                throw new OpException($"{name} needs a sequence [T, N, features], got {x.ShapeText()}");
            }

            TensorType weight = op[1 + states];
            if (!weight.Shape[1].Equals(x.Shape[2]))
            {
                throw new OpException($"{name} takes {weight.Shape[1]} features, got {x.ShapeText()}");
            }

            TensorType state = op[1];
            if (state.Rank != 3 || !OpCanBe(state.Shape[1], x.Shape[1]))
            {
                throw new OpException($"{name}: the initial state {state.ShapeText()} does not fit the input {x.ShapeText()}");
            }

            TensorType y = x.WithShape([x.Shape[0], x.Shape[1], state.Shape[0] * state.Shape[2]]);
            TensorType last = state.WithShape([state.Shape[0], x.Shape[1], state.Shape[2]]);
            return states == 2 ? new[] { y, last, last } : new[] { y, last };
        },
        c => $"TensorOps.Recurrent{Invariant.Text(states + 1)}(\"{name}\", {c[0]}, [{string.Join(", ", Enumerable.Range(1, states).Select(index => c[index]))}], [{string.Join(", ", Enumerable.Range(1 + states, c.InputCount - 1 - states).Where(c.Has).Select(index => c[index]))}], {Invariant.Text(c.Attributes.Bool("bias"))}, {Invariant.Text(c.Attributes.Bool("bidirectional"))})")
    {
        Kind = FusionKind.Anchor,
        Kernel = k => RecurrentLowering.Forward(k, name),
        KernelGradient = k => RecurrentLowering.Backward(k, name),
        Onnx = c => WriteOnnx(c, name, states, gates, onnx),
        OnnxProblem = static _ => null,
        OperationsPerElement = op => (op[0].Shape[2] + op[1].Shape[2]) * (2 * gates.Length),
    };

    private static bool OpCanBe(Dim a, Dim b) => Dim.CanBe(a, b);

    private static void WriteOnnx(OnnxContext c, string name, int states, int[] gates, string onnx)
    {
        bool bidirectional = c.Attributes.Bool("bidirectional");
        bool bias = c.Attributes.Bool("bias");
        int directions = bidirectional ? 2 : 1;
        int each = bias ? 4 : 2;
        int first = 1 + states;
        string Gates(int part) => $"[{string.Join(", ", Enumerable.Range(0, directions).Select(direction => c.Tensor(first + (direction * each) + part)))}]";
        string order = $"[{string.Join(", ", gates.Select(static gate => Invariant.Text(gate)))}]";
        string w = c.Computed("W", $"OnnxExport.Gates({Gates(0)}, {order})");
        string r = c.Computed("R", $"OnnxExport.Gates({Gates(1)}, {order})");
        string b = bias ? c.Computed("B", $"OnnxExport.Biases({Gates(2)}, {Gates(3)}, {order})") : "\"\"";
        EquatableArray<Dim> state = c.Type(1).Shape;
        EquatableArray<Dim> sequence = c.Type(0).Shape;
        TensorType all = c.Type(0).WithShape([sequence[0], directions, sequence[1], state[2]]);
        List<string> inputs = [c.Input(0), w, r, b, "\"\"", .. Enumerable.Range(1, states).Select(c.Input)];
        List<string> attributes = [OnnxContext.Int("hidden_size", state[2].Constant!.Value), OnnxContext.Text("direction", bidirectional ? "bidirectional" : "forward")];
        if (name == "gru")
        {
            // PyTorch's reset gate acts after the product with the recurrent weight.
            attributes.Add(OnnxContext.Int("linear_before_reset", 1));
        }

        if (name == "rnn_relu")
        {
            attributes.Add(OnnxContext.Texts("activations", Enumerable.Repeat("Relu", directions)));
        }

        string y = c.IntermediateWith(onnx, [.. inputs], all, [.. Enumerable.Range(1, states).Select(index => (c.Output(index), c.Result(index)))], [.. attributes]);
        string ordered = c.Intermediate("Transpose", [y], all.WithShape([sequence[0], sequence[1], directions, state[2]]), OnnxContext.Ints("perm", [0, 2, 1, 3]));
        c.Node("Reshape", [ordered, c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])]);
    }
}
