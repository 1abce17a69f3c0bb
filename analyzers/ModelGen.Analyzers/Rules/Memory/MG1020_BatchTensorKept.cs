using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor of a data loader's batch that is stored where it outlives the iteration.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1020_BatchTensorKept() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.BatchTensorKept,
        "A batch tensor is kept beyond its iteration",
        "The data loader disposes this tensor when the next batch is asked for; keep '{0}.clone()' instead, detached from any dispose scope",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Unless it is made with 'disposeBatch: false', a data loader disposes the tensors of a batch at the next step of the iteration.",
        RuleIds.HelpLink(RuleIds.BatchTensorKept));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (operation.Operation is not IForEachLoopOperation loop
                    || !torch.IsDataLoader(loop.Collection.Unwrap().Type)
                    || !LoaderFacts.DisposesBatches(loop.Collection.Unwrap(), torch))
                {
                    return;
                }

                foreach (IOperation tensor in loop.Body.Descendants().Where(value => IsBatchTensor(value, loop, torch)))
                {
                    if (IsKept(tensor, loop))
                    {
                        operation.ReportDiagnostic(Diagnostic.Create(Rule, tensor.Syntax.GetLocation(), tensor.Syntax.ToString()));
                    }
                }
            },
            kinds: [OperationKind.Loop]);

    /// <summary><c>batch["x"]</c>, <c>batch[0]</c>, <c>batch.Values...</c> is left out; or a local of the body that starts as that.</summary>
    private static bool IsBatchTensor(IOperation value, IForEachLoopOperation loop, TorchSharpContext torch) => value switch
    {
        IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } batch } element =>
            torch.IsTensor(element.Type) && batch.Unwrap() is ILocalReferenceOperation { Local: { } local } && loop.Locals.Contains(local, SymbolEqualityComparer.Default),
        ILocalReferenceOperation { Local: { } local } => torch.IsTensor(local.Type) && loop.Body.Descendants().OfType<IVariableDeclaratorOperation>().Any(declarator =>
            SymbolEqualityComparer.Default.Equals(declarator.Symbol, local)
            && declarator.GetVariableInitializer()?.Value.Unwrap() is IPropertyReferenceOperation initial && IsBatchTensor(initial, loop, torch)),
        _ => false,
    };

    private static bool IsKept(IOperation tensor, IForEachLoopOperation loop) => tensor.MeaningfulParent() switch
    {
        ISimpleAssignmentOperation assignment when assignment.Value.Unwrap() == tensor => assignment.Target.Unwrap() switch
        {
            IFieldReferenceOperation => true,
            ILocalReferenceOperation { Local: { } local } => IsOutside(local, loop) && IsReadAfter(local, loop),
            _ => false,
        },
        IArgumentOperation { Parent: IInvocationOperation { TargetMethod: { Name: "Add" } method } add } =>
            method.ContainingNamespace.ToDisplayString() == "System.Collections.Generic"
            && add.Instance.NamedVariable() is { } list && (list is IFieldSymbol || (IsOutside(list, loop) && IsReadAfter(list, loop))),
        _ => false,
    };

    private static bool IsOutside(ISymbol variable, IForEachLoopOperation loop) =>
        !variable.DeclaringSyntaxReferences.Any(reference => loop.Syntax.Span.Contains(reference.Span));

    private static bool IsReadAfter(ISymbol variable, IForEachLoopOperation loop) =>
        variable is IParameterSymbol
        || loop.Root().Descendants().Any(operation => operation.Start() > loop.Syntax.Span.End && operation.Names(variable));
}
