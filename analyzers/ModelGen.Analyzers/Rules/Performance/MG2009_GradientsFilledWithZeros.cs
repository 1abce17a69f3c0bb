using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>module.zero_grad(set_to_none: false)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2009_GradientsFilledWithZeros() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GradientsFilledWithZeros,
        "Gradients are filled with zeros instead of being dropped",
        "'set_to_none: false' writes zeros into every gradient and keeps them in memory; leave the argument out",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: false,
        "By default zero_grad drops the gradients, and the next backward pass writes new ones instead of adding to zeros.",
        RuleIds.HelpLink(RuleIds.GradientsFilledWithZeros));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "zero_grad" && torch.IsModuleMember(call.TargetMethod) && call.Given("set_to_none").IsConstant(false))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["zero_grad"]);
}
