using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.Modules;

/// <content>The cases.</content>
public sealed partial class SequenceModuleTests
{
    private static IEnumerable<Case> Linears()
    {
        yield return Of("Linear", [3, 4], ("tensor", X(2, 3)));
        yield return Of("Linear", [3, 4], ("tensor", X(2, 5, 3)));
        yield return Of("Linear", [3, 4], ("tensor", X(3)));
        yield return Of("Linear", [3, 4, false], ("tensor", X(2, 3)));
        yield return Of("Bilinear", [3, 4, 5], ("input1", X(2, 3)), ("input2", X(2, 4)));
        yield return Of("Bilinear", [3, 4, 5, false], ("input1", X(2, 6, 3)), ("input2", X(2, 6, 4)));
        yield return Of("Embedding", [7, 4], ("input", N(7, 2, 3)));
        yield return Of("Embedding", [7, 4, 2], ("input", N(7, 2, 3)));
        yield return Of("Embedding", [3, 4, -1], ("input", N(3, 20)));
        yield return Of("Embedding", [3, 4, 0], ("input", N(3, 20)));
        yield return Of("Embedding", [7, 4], ("input", Input(ScalarType.Int32, [5], static () => randint(0, 7, [5]))));
        foreach (EmbeddingBagMode mode in Enum.GetValues<EmbeddingBagMode>())
        {
            yield return Of("EmbeddingBag", [7, 4, new Named("mode", mode)], ("input", N(7, 2, 3)));
        }

        yield return Of("CosineSimilarity", [], ("input1", X(3, 4)), ("input2", X(3, 4)));
        yield return Of("CosineSimilarity", [-1, 0.5], ("input1", X(2, 3, 4)), ("input2", X(3, 4)));
        yield return Of("PairwiseDistance", [], ("input1", X(3, 4)), ("input2", X(3, 4)));
        yield return Of("PairwiseDistance", [2.0, 1e-3, true], ("input1", X(3, 4)), ("input2", X(3, 4)));
    }

    private static IEnumerable<Case> Recurrent()
    {
        foreach (string layer in new[] { "LSTM", "GRU", "RNN" })
        {
            string state = layer == "LSTM" ? "h0_c0" : "h0";
            object State(params long[] shape) => layer == "LSTM" ? (X(shape), X(shape)) : X(shape);
            yield return Of(layer, [3, 4], ("input", X(5, 2, 3)));
            yield return Of(layer, [3, 4, 2], ("input", X(5, 2, 3)));
            yield return Of(layer, [3, 4, new Named("bias", false)], ("input", X(5, 2, 3)));
            yield return Of(layer, [3, 4, new Named("batchFirst", true)], ("input", X(2, 5, 3)));
            yield return Of(layer, [3, 4, new Named("bidirectional", true)], ("input", X(5, 2, 3)));
            yield return Of(layer, [3, 4, 3, new Named("bidirectional", true), new Named("batchFirst", true), new Named("bias", false)], ("input", X(2, 5, 3)));
            yield return Of(layer, [3, 4], ("input", X(5, 2, 3)), (state, State(1, 2, 4)));
            yield return Of(layer, [3, 4, 2, new Named("bidirectional", true), new Named("batchFirst", true)], ("input", X(2, 5, 3)), (state, State(4, 2, 4)));
            yield return Of(layer, [3, 4, 2, new Named("dropout", 0.4)], ("input", X(5, 2, 3)));
            object cellState = layer == "LSTM" ? (X(2, 4), X(2, 4)) : X(2, 4);
            if (layer != "LSTM")
            {
                // TorchSharp's own LSTMCell refuses to start without a state.
                yield return Of(layer + "Cell", [3, 4], ("input", X(2, 3)));
            }

            yield return Of(layer + "Cell", [3, 4], ("input", X(2, 3)), (state, cellState));
            yield return Of(layer + "Cell", [3, 4, new Named("bias", false)], ("input", X(2, 3)), (state, cellState));
        }

        yield return Of("RNN", [3, 4, 2, nn.NonLinearities.ReLU], ("input", X(5, 2, 3)));
        yield return Of("RNN", [3, 4, 1, nn.NonLinearities.ReLU, new Named("bidirectional", true)], ("input", X(5, 2, 3)), ("h0", X(2, 2, 4)));
        yield return Of("RNNCell", [3, 4, nn.NonLinearities.ReLU], ("input", X(2, 3)));
    }

    private static IEnumerable<Case> Attention()
    {
        (string, object)[] Sequences(long target, long source) => [("query", X(target, 2, 8)), ("key", X(source, 2, 8)), ("value", X(source, 2, 8))];
        Operand same = X(4, 2, 8);
        yield return Of("MultiheadAttention", [8, 2], ("query", same), ("key", same), ("value", same));
        yield return Of("MultiheadAttention", [8, 2], Sequences(4, 5));
        yield return Of("MultiheadAttention", [8, 2], [.. Sequences(4, 5), ("need_weights", false)]);
        yield return Of("MultiheadAttention", [8, 4, new Named("bias", false)], Sequences(4, 5));
        yield return Of("MultiheadAttention", [8, 2], [.. Sequences(4, 4), ("attn_mask", Causal(4))]);
        yield return Of("MultiheadAttention", [8, 2], [.. Sequences(4, 5), ("attn_mask", X(4, 5))]);
        yield return Of("MultiheadAttention", [8, 2], [.. Sequences(4, 5), ("key_padding_mask", Padding(2, 5, 2))]);
        yield return Of("MultiheadAttention", [8, 2], [.. Sequences(4, 4), ("key_padding_mask", Padding(2, 4, 1)), ("attn_mask", Causal(4)), ("need_weights", false)]);
        yield return Of("MultiheadAttention", [8, 2, 0.3], Sequences(4, 5));
    }

    private static IEnumerable<Case> Transformers()
    {
        var none = new Named("dropout", 0.0);
        object?[] small = [8, 2, 12, 0.0];
        yield return Of("TransformerEncoderLayer", small, ("src", X(4, 2, 8)));
        yield return Of("TransformerEncoderLayer", [8, 2, 12, 0.0, nn.Activations.GELU], ("src", X(4, 2, 8)));
        yield return Of("TransformerEncoderLayer", small, ("src", X(4, 2, 8)), ("src_mask", Causal(4)));
        yield return Of("TransformerEncoderLayer", small, ("src", X(4, 2, 8)), ("src_mask", Causal(4)), ("src_key_padding_mask", Padding(2, 4, 1)));
        yield return Of("TransformerEncoderLayer", [8, 2, 12, 0.3], ("src", X(4, 2, 8)));
        yield return Of("TransformerEncoder", [small, 2], ("src", X(4, 2, 8)));
        yield return Of("TransformerEncoder", [small, 2], ("src", X(4, 2, 8)), ("src_mask", Causal(4)), ("src_key_padding_mask", Padding(2, 4, 1)));
        yield return Of("TransformerDecoderLayer", small, ("tgt", X(4, 2, 8)), ("memory", X(5, 2, 8)));
        yield return Of("TransformerDecoderLayer", [8, 2, 12, 0.0, nn.Activations.GELU], ("tgt", X(4, 2, 8)), ("memory", X(5, 2, 8)), ("tgt_mask", Causal(4)));
        yield return Of(
            "TransformerDecoderLayer", small, ("tgt", X(4, 2, 8)), ("memory", X(5, 2, 8)), ("tgt_mask", Causal(4)), ("memory_mask", X(4, 5)), ("tgt_key_padding_mask", Padding(2, 4, 1)), ("memory_key_padding_mask", Padding(2, 5, 2)));
        yield return Of("TransformerDecoder", [small, 2], ("tgt", X(4, 2, 8)), ("memory", X(5, 2, 8)));
        yield return Of("TransformerDecoder", [small, 2], ("tgt", X(4, 2, 8)), ("memory", X(5, 2, 8)), ("tgt_mask", Causal(4)), ("memory_key_padding_mask", Padding(2, 5, 2)));
        yield return Of("Transformer", [8, 2, 2, 1, 12, none], ("src", X(5, 2, 8)), ("tgt", X(4, 2, 8)));
        yield return Of(
            "Transformer", [8, 2, 1, 2, 12, none], ("src", X(5, 2, 8)), ("tgt", X(4, 2, 8)), ("src_mask", X(5, 5)), ("tgt_mask", Causal(4)), ("memory_mask", X(4, 5)), ("src_key_padding_mask", Padding(2, 5, 2)), ("tgt_key_padding_mask", Padding(2, 4, 1)), ("memory_key_padding_mask", Padding(2, 5, 2)));
    }

    private static IEnumerable<Case> Losses()
    {
        foreach (string name in new[] { "MSELoss", "L1Loss", "SmoothL1Loss", "BCEWithLogitsLoss" })
        {
            yield return Of(name, [], ("input", X(3, 5)), ("target", X(3, 5)));
        }

        yield return Of("CrossEntropyLoss", [], ("input", X(3, 5)), ("target", N(5, 3)));
        yield return Of("NLLLoss", [], ("input", X(3, 5)), ("target", N(5, 3)));
    }

    private static IEnumerable<Case> Activations()
    {
        foreach (string name in new[] { "ReLU", "ReLU6", "SiLU", "Hardswish", "Hardsigmoid", "Mish", "Sigmoid", "Tanh", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "Hardshrink", "Softshrink", "LogSigmoid", "Softplus", "Softsign", "Tanhshrink", "GLU" })
        {
            yield return Activation(name, [], X(3, 6));
        }

        yield return Activation("LeakyReLU", [0.3], X(3, 6));
        yield return Activation("ELU", [0.4], X(3, 6));
        yield return Activation("CELU", [0.4], X(3, 6));
        yield return Activation("GELU", [TorchSharp.Modules.GELU.Approximate.tanh], X(3, 6));
        yield return Activation("GLU", [1], X(3, 6, 2));
        yield return Activation("Hardshrink", [0.9], X(3, 6));
        yield return Activation("Softshrink", [0.9], X(3, 6));
        yield return Activation("Softplus", [2.0, 1.0], X(3, 6));
        yield return Activation("Threshold", [0.2, -1.0], X(3, 6));
        yield return Activation("Softmax", [1], X(3, 6));
        yield return Activation("Softmax", [-2], X(3, 6));
        yield return Activation("LogSoftmax", [1], X(3, 6));
        yield return Activation("Softmin", [0], X(3, 6));
        yield return Activation("Softmax2d", [], X(2, 3, 4, 5));
        yield return Activation("PReLU", [1], X(3, 6));
        yield return Activation("Hardtanh", [-0.5, 0.8, true], X(3, 6));
        yield return Activation("PReLU", [6, 0.1], X(3, 6, 2));
    }

    private static Case Activation(string name, object?[] settings, Operand input)
    {
        string parameter = ((nn.Module)LibraryCall.Bind(typeof(nn).GetMethods().Where(method => method.Name == name), settings)!.Invoke(new Dictionary<Operand, Tensor>())!)
            .GetType().GetMethod("forward", [typeof(Tensor)])!.GetParameters()[0].Name!;
        return Of(name, settings, (parameter, input));
    }
}
