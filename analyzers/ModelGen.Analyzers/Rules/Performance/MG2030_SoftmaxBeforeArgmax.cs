using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>softmax(x, d).argmax(d)</c> and the like.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2030_SoftmaxBeforeArgmax() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SoftmaxBeforeArgmax,
        "Scores are turned into probabilities only to find the largest",
        "'{0}' does not change which score is the largest; call 'argmax' on the scores",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "softmax, log_softmax and sigmoid are increasing: the largest score stays the largest. Rounding can only make scores equal that were not.",
        RuleIds.HelpLink(RuleIds.SoftmaxBeforeArgmax));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var argmax = (IInvocationOperation)operation.Operation;
                if (torch.IsOperation(argmax.TargetMethod, "argmax") && (argmax.Instance ?? argmax.Arguments.FirstOrDefault()?.Value)?.Unwrap() is IInvocationOperation activation
                    && IsIncreasing(activation, argmax, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, activation.Syntax.GetLocation(), activation.TargetMethod.Name));
                }
            },
            calls: ["argmax"]);

    private static bool IsIncreasing(IInvocationOperation activation, IInvocationOperation argmax, TorchSharpContext torch)
    {
        IMethodSymbol method = activation.TargetMethod;
        if (!torch.IsTensorMethod(method) && !torch.IsTorchFunction(method) && !torch.IsFunctional(method) && method.ContainingType.Name != "special")
        {
            return false;
        }

        return method.Name switch
        {
            "sigmoid" => true,
            "softmax" or "log_softmax" => Dimension(activation) is { } dimension && dimension == Dimension(argmax),
            _ => false,
        };
    }

    private static long? Dimension(IInvocationOperation call) =>
        call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "dim")?.Value.Unwrap().ConstantValue is { HasValue: true, Value: { } value }
            ? System.Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)
            : null;
}
