using static TorchSharp.torch;

namespace ModelGen;

/// <content>Recurrent networks.</content>
public static unsafe partial class TensorOps
{
    // TorchSharp binds the modules only, which own their weights; the library's functions are reached through a script. A script with a mistake would end
    // the process, so this one is fixed text that tests run in every form.
    private const string RecurrentScript = """
        def lstm(x: Tensor, state: List[Tensor], weights: List[Tensor], bias: bool, bidirectional: bool):
            return torch.lstm(x, state, weights, bias, 1, 0.0, True, bidirectional, False)

        def gru(x: Tensor, state: Tensor, weights: List[Tensor], bias: bool, bidirectional: bool):
            return torch.gru(x, state, weights, bias, 1, 0.0, True, bidirectional, False)

        def rnn_tanh(x: Tensor, state: Tensor, weights: List[Tensor], bias: bool, bidirectional: bool):
            return torch.rnn_tanh(x, state, weights, bias, 1, 0.0, True, bidirectional, False)

        def rnn_relu(x: Tensor, state: Tensor, weights: List[Tensor], bias: bool, bidirectional: bool):
            return torch.rnn_relu(x, state, weights, bias, 1, 0.0, True, bidirectional, False)
        """;

    private static readonly Lazy<jit.CompilationUnit> RecurrentUnit = new(static () => jit.compile(RecurrentScript + "\n"));

    /// <summary>GRU or simple recurrent network of one layer; sequence first.</summary>
    public static (Tensor Output, Tensor State) Recurrent2(string function, Tensor x, Tensor[] state, Tensor[] weights, bool bias, bool bidirectional)
    {
        (Tensor y, Tensor last) = ((Tensor, Tensor))RecurrentUnit.Value.invoke(function, x, state[0].contiguous(), weights, bias, bidirectional);
        return (y, last);
    }

    /// <summary>LSTM of one layer; sequence first.</summary>
    public static (Tensor Output, Tensor State, Tensor Cell) Recurrent3(string function, Tensor x, Tensor[] state, Tensor[] weights, bool bias, bool bidirectional)
    {
        (Tensor y, Tensor last, Tensor cell) = ((Tensor, Tensor, Tensor))RecurrentUnit.Value.invoke(function, x, state, weights, bias, bidirectional);
        return (y, last, cell);
    }
}
