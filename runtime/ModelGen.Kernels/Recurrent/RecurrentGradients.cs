using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>What the backward pass of a recurrent layer reads and writes besides the <see cref="RecurrentProblem"/>. Null results are not computed.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct RecurrentGradients
{
    /// <summary>Gradient of the hidden states of all steps; null for zeros.</summary>
    public Floats Y { get; set; }

    /// <summary>Distance of the rows of <see cref="Y"/>.</summary>
    public nint YRow { get; set; }

    /// <summary>Gradient of the hidden state after the last step [batch, hidden]; null for zeros.</summary>
    public Floats FinalHidden { get; set; }

    /// <summary>Gradient of the cell state after the last step [batch, hidden]; null for zeros.</summary>
    public Floats FinalCell { get; set; }

    /// <summary>Gradient of the input, rows of <see cref="XRow"/>.</summary>
    public Floats X { get; set; }

    /// <summary>Distance of the rows of <see cref="X"/>.</summary>
    public nint XRow { get; set; }

    /// <summary>Whether the gradient of the input is added to what is there, as for the second direction.</summary>
    public bool AddX { get; set; }

    /// <summary>Gradient of the weights of the input.</summary>
    public Floats InputWeight { get; set; }

    /// <summary>Gradient of the weights of the hidden state.</summary>
    public Floats HiddenWeight { get; set; }

    /// <summary>Gradient of the bias of the input's part.</summary>
    public Floats InputBias { get; set; }

    /// <summary>Gradient of the bias of the hidden state's part.</summary>
    public Floats HiddenBias { get; set; }

    /// <summary>Whether gradients of weights and biases are added to what is there.</summary>
    public bool AddWeights { get; set; }

    /// <summary>Gradient of the hidden state before the first step [batch, hidden].</summary>
    public Floats InitialHidden { get; set; }

    /// <summary>Gradient of the cell state before the first step [batch, hidden].</summary>
    public Floats InitialCell { get; set; }

    /// <summary>Memory for gates * hidden numbers for each step and sample; may be <see cref="RecurrentProblem.Gates"/>, which is lost then.</summary>
    public Floats Gates { get; set; }

    /// <summary>GRU: memory for hidden numbers for each step and sample; may be <see cref="RecurrentProblem.HiddenPart"/>, which is lost then.</summary>
    public Floats HiddenPart { get; set; }

    /// <summary>Memory for hidden numbers for each step and sample; needed when the gradient of <see cref="HiddenWeight"/> is.</summary>
    public Floats Work { get; set; }
}
