using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>log(sum(exp(x), dim))</c> on tensors.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5003_LogOfSumOfExp() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LogOfSumOfExp,
        "log(sum(exp(x))) overflows",
        "log(sum(exp(x))) is infinite as soon as one x exceeds about 88 in float32; use logsumexp",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "exp overflows to infinity long before the result would. logsumexp subtracts the maximum first.",
        RuleIds.HelpLink(RuleIds.LogOfSumOfExp));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
                }
            },
            calls: ["log"]);

    /// <summary>The x and the single dimension, as written, of <c>log(sum(exp(x), dim))</c>.</summary>
    internal static (IOperation Input, IOperation Dimension, IOperation? KeepDimension)? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Of(operation, "log", torch) is { } log
        && TensorCalls.Of(log.Input, "sum", torch) is { } sum
        && TensorCalls.Of(sum.Input, "exp", torch) is { } exp
        && sum.Argument("type") is null && sum.Argument("dim1") is null
        && (sum.Argument("dim") ?? sum.Argument("dim0")) is { } dimension
        && Single(dimension.Unwrap()) is { } single
            ? (exp.Input, single, sum.Argument("keepdim"))
            : null;

    /// <summary>The dimension, also when it is the only element of an array or a collection expression.</summary>
    private static IOperation? Single(IOperation dimension) => dimension switch
    {
        IArrayCreationOperation { Initializer: { ElementValues.Length: 1 } initializer } => initializer.ElementValues[0].Unwrap(),
        ICollectionExpressionOperation { Elements.Length: 1 } collection when collection.Elements[0] is not ISpreadOperation => collection.Elements[0].Unwrap(),
        _ => dimension.Type?.SpecialType is SpecialType.System_Int64 or SpecialType.System_Int32 ? dimension : null,
    };
}
