using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>x.data&lt;T&gt;()[i]</c> in a loop that does not change <c>x</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2012_AccessorMadeInLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.AccessorMadeInLoop,
        "The elements of a tensor are fetched anew at every turn",
        "'data' fetches '{0}' again at every turn, although the loop does not change it; call it once before the loop",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "data() makes an accessor with several native calls. For a tensor on a GPU it copies all of it to the host, every time.",
        RuleIds.HelpLink(RuleIds.AccessorMadeInLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "data" && torch.IsAccessor(call.Type) && torch.IsTensorMethod(call.TargetMethod)
                    && call.Instance.NamedVariable() is { } tensor && (tensor is ILocalSymbol or IParameterSymbol || tensor is IFieldSymbol { IsReadOnly: true }) && IsElement(call)
                    && call.EnclosingLoop() is { } loop && !loop.IsShort() && !tensor.IsDeclaredIn(loop) && !tensor.IsAssignedIn(loop) && !tensor.IsChangedInPlaceIn(loop) && !Trains(loop, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), tensor.Name));
                }
            },
            calls: ["data"]);

    private static bool IsElement(IInvocationOperation call) => call.MeaningfulParent() is IPropertyReferenceOperation { Property.IsIndexer: true } element && !element.IsWritten();

    private static bool Trains(ILoopOperation loop, TorchSharpContext torch) => loop.Body.Descendants().OfType<IInvocationOperation>().Any(call => torch.IsStep(call.TargetMethod));
}
