using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports a <c>DataLoader</c> without <c>num_worker</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2013_LoaderWithOneWorker() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LoaderWithOneWorker,
        "A data loader reads its samples one after another",
        "The default of 'num_worker' is 1, so the samples of a batch are read in turn while the model waits; pass more if 'GetTensor' may run on several threads",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: false,
        "The loader calls GetTensor for all samples of a batch inside MoveNext, with as many threads as num_worker says.",
        RuleIds.HelpLink(RuleIds.LoaderWithOneWorker));

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name.EndsWith("DataLoader", StringComparison.Ordinal))
                {
                    Analyze(operation, call.TargetMethod, call.Arguments, torch);
                }
            },
            torchCalls: true);
        context.OnOperations(
            operation =>
            {
                var creation = (IObjectCreationOperation)operation.Operation;
                Analyze(operation, creation.Constructor, creation.Arguments, torch);
            },
            kinds: [OperationKind.ObjectCreation]);
    }

    private static void Analyze(MemberOperation operation, IMethodSymbol? method, ImmutableArray<IArgumentOperation> arguments, TorchSharpContext torch)
    {
        if (torch.Owns(method) && torch.IsDataLoader(operation.Operation.Type)
            && arguments.Any(argument => argument is { ArgumentKind: ArgumentKind.DefaultValue, Parameter.Name: "num_worker" }))
        {
            operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
        }
    }
}
