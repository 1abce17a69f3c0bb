namespace ModelGen.Compiler.Ops;

/// <summary>Operands do not fit an operator. The message is shown to the user at the expression: it gives the shapes and says what to do.</summary>
internal class OpException(string message) : Exception(message);

/// <summary>A call or argument that the compiler does not take, whatever its shapes. The message says what to write instead.</summary>
internal sealed class UnsupportedException(string message) : OpException(message);
