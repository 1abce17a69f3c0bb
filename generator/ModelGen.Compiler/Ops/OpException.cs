namespace ModelGen.Compiler.Ops;

/// <summary>Operands do not fit an operator. The message is shown to the user at the expression: it gives the shapes and says what to do.</summary>
internal sealed class OpException(string message) : Exception(message);
