using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>What a recurrent layer computes in each step, from an input x and the hidden state h before; all products with weights are written as W x.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum RecurrentCell
{
    /// <summary>Long short-term memory (S. Hochreiter, J. Schmidhuber, 1997), gates in PyTorch's order i, f, g, o: <c>c = f c + i g, h = o tanh(c)</c>.</summary>
    Lstm,

    /// <summary>
    /// Gated recurrent unit (K. Cho et al., 2014), gates in PyTorch's order r, z, n: <c>n = tanh(Wₙ x + bₙ + r (Uₙ h + dₙ)), h = (1 - z) n + z h</c>.
    /// </summary>
    Gru,

    /// <summary><c>h = tanh(W x + U h + b)</c>.</summary>
    Tanh,

    /// <summary><c>h = relu(W x + U h + b)</c>.</summary>
    Relu,
}
