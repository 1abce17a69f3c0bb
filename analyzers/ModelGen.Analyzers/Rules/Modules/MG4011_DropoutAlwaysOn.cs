using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports <c>functional.dropout</c> in a module without the argument <c>training</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4011_DropoutAlwaysOn() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DropoutAlwaysOn,
        "Functional dropout ignores the mode of the module",
        "This dropout is active in evaluation too, since '{0}' does not know about eval(); pass 'training: training'",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The function has no module to ask. Its parameter training is true by default, so that predictions stay random after eval().",
        RuleIds.HelpLink(RuleIds.DropoutAlwaysOn));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (torch.IsFunctional(call.TargetMethod) && call.TargetMethod.Name.Contains("dropout")
                    && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "training") is { ArgumentKind: ArgumentKind.DefaultValue, Value.ConstantValue: { HasValue: true, Value: true } }
                    && operation.ContainingSymbol is IMethodSymbol { IsStatic: false, ContainingType: { } type } && torch.IsUserModule(type)
                    && !InStaticFunction(call))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name));
                }
            },
            torchCalls: true);

    /// <summary>A static local function or lambda has no module either.</summary>
    private static bool InStaticFunction(IOperation operation) =>
        operation.EnclosingFunction() is ILocalFunctionOperation { Symbol.IsStatic: true } or IAnonymousFunctionOperation { Symbol.IsStatic: true };
}
