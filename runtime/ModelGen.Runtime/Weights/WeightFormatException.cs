namespace ModelGen.Weights;

/// <summary>A file of weights cannot be read: the message names the file, the place in it and the fault, in one line.</summary>
/// <param name="message">File, place and fault.</param>
/// <param name="inner">The underlying fault, if any.</param>
public sealed class WeightFormatException(string message, Exception? inner = null) : Exception(message, inner);
