using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports <c>load_state_dict(..., strict: false)</c> whose result is dropped.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4016_LoadResultIgnored() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LoadResultIgnored,
        "A checkpoint is loaded loosely and the result is ignored",
        "With 'strict: false' names that do not match are skipped in silence; look at what load_state_dict returns",
        RuleCategories.Modules,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "load_state_dict(strict: false) returns the missing and the unexpected names. Nobody who drops them notices that a layer kept its random weights.",
        RuleIds.HelpLink(RuleIds.LoadResultIgnored));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "load_state_dict" && torch.IsModuleMember(call.TargetMethod)
                    && !call.TargetMethod.ReturnsVoid
                    && call.Written("strict") is { ConstantValue: { HasValue: true, Value: false } }
                    && call.Parent is IExpressionStatementOperation)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["load_state_dict"]);
}
