using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a <c>using</c> local that is returned, as itself or as the result of a method that returns its receiver.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1031_UsingTensorReturned() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.UsingTensorReturned,
        "A tensor is returned from the using that disposes it",
        "'{0}' is declared with using, so it is disposed before the caller gets it; drop the using",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A using declaration disposes its variable on the way out of the method, the returned value included. Moving it to another dispose scope does not change that.",
        RuleIds.HelpLink(RuleIds.UsingTensorReturned));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (((IReturnOperation)operation.Operation).ReturnedValue is { } returned)
                {
                    foreach (IOperation value in Parts(returned.Unwrap()))
                    {
                        if (Source(value, torch) is { Local: { } local } && IsDisposedByUsing(local, value))
                        {
                            operation.ReportDiagnostic(Diagnostic.Create(Rule, value.Syntax.GetLocation(), local.Name));
                        }
                    }
                }
            },
            kinds: [OperationKind.Return]);

    private static IEnumerable<IOperation> Parts(IOperation value) => value switch
    {
        ITupleOperation tuple => tuple.Elements.SelectMany(element => Parts(element.Unwrap())),
        IConditionalOperation { WhenFalse: { } otherwise } conditional => Parts(conditional.WhenTrue.Unwrap()).Concat(Parts(otherwise.Unwrap())),
        _ => [value],
    };

    /// <summary>The local behind the value: itself, or the receiver of in-place operations and of the Move/Detach family, which return it.</summary>
    private static ILocalReferenceOperation? Source(IOperation value, TorchSharpContext torch) => value.Unwrap() switch
    {
        ILocalReferenceOperation local => torch.IsTensor(local.Type) ? local : null,
        IInvocationOperation { Instance: { } receiver } call when TensorOrigins.Of(call, torch) == TensorOrigin.SameObject
            || (torch.IsScopeTransfer(call.TargetMethod) && torch.IsTensor(receiver.Type)) => Source(receiver, torch),
        _ => null,
    };

    private static bool IsDisposedByUsing(ILocalSymbol local, IOperation value)
    {
        if (value.EnclosingFunction() is IAnonymousFunctionOperation or ILocalFunctionOperation && !local.IsDeclaredIn(value.EnclosingFunction()))
        {
            return false;
        }

        return local.IsUsing || local.DeclaringSyntaxReferences.Any(reference => reference.GetSyntax().Parent?.Parent is Microsoft.CodeAnalysis.CSharp.Syntax.UsingStatementSyntax);
    }
}
