using Microsoft.CodeAnalysis;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Evaluation;

/// <summary>Evaluation met something that the compiler refuses; carries the diagnostic.</summary>
internal sealed class EvaluationException(DiagnosticInfo diagnostic) : Exception
{
    public DiagnosticInfo Diagnostic { get; } = diagnostic;

    public static EvaluationException Unsupported(SyntaxNode node, string message) => new(DiagnosticInfo.At(Descriptors.Unsupported, node, message));

    public static EvaluationException DataDependent(SyntaxNode node, string message) => new(DiagnosticInfo.At(Descriptors.DataDependent, node, message));
}

/// <summary>The code branches on the training flag, so training and inference need a graph each.</summary>
internal sealed class ModeNeededException : Exception;
