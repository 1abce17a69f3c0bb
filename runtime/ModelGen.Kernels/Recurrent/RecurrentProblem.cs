using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// One layer and direction of a recurrent network over a whole sequence. Tensors of the sequence are [steps, batch, size], or [batch, steps, size] with
/// <see cref="BatchFirst"/>; weights are PyTorch's: [gates * hidden, size], gates in the order that <see cref="RecurrentCell"/> says.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct RecurrentProblem
{
    /// <summary>Kind of cell.</summary>
    public RecurrentCell Cell { get; set; }

    /// <summary>Steps of the sequence.</summary>
    public nint Steps { get; set; }

    /// <summary>Samples.</summary>
    public nint Batch { get; set; }

    /// <summary>Size of the input of a step.</summary>
    public nint InputSize { get; set; }

    /// <summary>Size of the hidden state, 1 or more.</summary>
    public nint HiddenSize { get; set; }

    /// <summary>Whether samples come before steps in memory, in all tensors of the sequence.</summary>
    public bool BatchFirst { get; set; }

    /// <summary>Whether the sequence is read from its end: the second direction of a bidirectional layer.</summary>
    public bool Reverse { get; set; }

    /// <summary>Whether forward keeps in <see cref="Gates"/>, <see cref="Cells"/> and <see cref="HiddenPart"/> what backward needs.</summary>
    public bool Save { get; set; }

    /// <summary>Input, a row of <see cref="InputSize"/> numbers for each step and sample.</summary>
    public Floats X { get; set; }

    /// <summary>Distance of the rows of <see cref="X"/>.</summary>
    public nint XRow { get; set; }

    /// <summary>Weights of the input [gates * hidden, input].</summary>
    public Floats InputWeight { get; set; }

    /// <summary>Weights of the hidden state [gates * hidden, hidden].</summary>
    public Floats HiddenWeight { get; set; }

    /// <summary>Bias of the input's part [gates * hidden]; null for none.</summary>
    public Floats InputBias { get; set; }

    /// <summary>Bias of the hidden state's part [gates * hidden]; null for none.</summary>
    public Floats HiddenBias { get; set; }

    /// <summary>Hidden state before the first step [batch, hidden]; null for zeros.</summary>
    public Floats InitialHidden { get; set; }

    /// <summary>Cell state before the first step [batch, hidden]; null for zeros. LSTM only.</summary>
    public Floats InitialCell { get; set; }

    /// <summary>Hidden states of all steps, a row of <see cref="HiddenSize"/> numbers for each step and sample; written by forward, read by backward.</summary>
    public Floats Y { get; set; }

    /// <summary>Distance of the rows of <see cref="Y"/>: twice the hidden size where two directions write side by side.</summary>
    public nint YRow { get; set; }

    /// <summary>Where the hidden state after the last step goes [batch, hidden]; null for nowhere.</summary>
    public Floats FinalHidden { get; set; }

    /// <summary>Where the cell state after the last step goes [batch, hidden]; null for nowhere. LSTM only.</summary>
    public Floats FinalCell { get; set; }

    /// <summary>Memory for gates * hidden numbers for each step and sample, in the order of the sequence; with <see cref="Save"/> forward leaves the gates there.</summary>
    public Floats Gates { get; set; }

    /// <summary>Cell states of all steps, hidden numbers for each step and sample: needed by LSTM with <see cref="Save"/>.</summary>
    public Floats Cells { get; set; }

    /// <summary>The hidden state's part of the gate n, hidden numbers for each step and sample: needed by GRU with <see cref="Save"/>.</summary>
    public Floats HiddenPart { get; set; }

    /// <summary>Gates of the cell.</summary>
    public readonly nint GateCount => Cell switch
    {
        RecurrentCell.Lstm => 4,
        RecurrentCell.Gru => 3,
        _ => 1,
    };

    /// <summary>The row of the first sample at a step; steps are counted in the order of reading.</summary>
    internal readonly nint FirstRow(nint step)
    {
        nint place = Reverse ? Steps - 1 - step : step;
        return BatchFirst ? place : place * Batch;
    }

    /// <summary>Distance of the rows of samples.</summary>
    internal readonly nint SampleRow => BatchFirst ? Steps : 1;
}
