using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>best = model.state_dict()</c> in a training loop or an epoch loop, when <c>best</c> is loaded back later.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1032_StateDictAsSnapshot() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.StateDictAsSnapshot,
        "A state dictionary is kept as a snapshot",
        "'{0}' holds the model's live tensors, not copies, so training goes on changing it; clone the tensors, or save the model to a stream",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "state_dict() returns the parameters themselves. Loading them back after further steps restores nothing.",
        RuleIds.HelpLink(RuleIds.StateDictAsSnapshot));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "state_dict" && torch.IsModuleMember(call.TargetMethod) && call.Instance.NamedVariable() is { } model
                    && call.MeaningfulParent() is ISimpleAssignmentOperation assignment && assignment.Target.NamedVariable() is { } kept and (ILocalSymbol or IFieldSymbol)
                    && call.EnclosingLoop() is { } loop && !kept.IsDeclaredIn(loop) && IsLoadedBack(kept, model, call.Root(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), kept.Name));
                }
            },
            calls: ["state_dict"],
            inCallersOf: ["load_state_dict"]);

    /// <summary>The variable goes as it is into <c>load_state_dict</c> of the same model: there it can only be meant as a snapshot.</summary>
    private static bool IsLoadedBack(ISymbol kept, ISymbol model, IOperation root, TorchSharpContext torch) =>
        root.Descendants().OfType<IInvocationOperation>().Any(call =>
            call.TargetMethod.Name == "load_state_dict" && torch.IsModuleMember(call.TargetMethod) && call.Instance.Names(model)
            && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value.Names(kept) == true);
}
