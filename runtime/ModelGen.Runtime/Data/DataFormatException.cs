namespace ModelGen.Data;

/// <summary>A data file cannot be read: the message names the file (and the place in it) and the fault, in one line.</summary>
/// <param name="message">File, place and fault.</param>
/// <param name="inner">The underlying fault, if any.</param>
public sealed class DataFormatException(string message, Exception? inner = null) : Exception(message, inner);
