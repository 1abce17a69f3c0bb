using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports <c>module.forward(x)</c> in a method that has registered a hook on the module.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4010_HooksSkipped() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.HooksSkipped,
        "A hook is registered, but forward does not run it",
        "forward() does not run the hooks that are registered on '{0}'; call '{0}.call(...)'",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "In TorchSharp hooks run in call(), which then runs forward(). Calling forward() directly skips them.",
        RuleIds.HelpLink(RuleIds.HooksSkipped));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            List<IInvocationOperation>? hooks = null;
            foreach (IInvocationOperation call in member.Of(OperationKind.Invocation).Cast<IInvocationOperation>().OrderBy(call => call.Start()))
            {
                if (call.TargetMethod.Name is "register_forward_hook" or "register_forward_pre_hook" && torch.IsModuleMember(call.TargetMethod))
                {
                    (hooks ??= []).Add(call);
                }
                else if (hooks is not null && call.TargetMethod.Name == "remove" && torch.Owns(call.TargetMethod))
                {
                    return;
                }
                else if (hooks is not null && call.TargetMethod.Name == "forward" && torch.IsForward(call.TargetMethod)
                    && call.Instance.NamedVariable() is { } module && hooks.Any(hook => hook.Instance.Names(module)))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), module.Name));
                }
            }
        },
        inCallersOf: ["register_forward_hook", "register_forward_pre_hook"]);
}
