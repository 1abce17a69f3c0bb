using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Calls the successor, where it takes the same arguments.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5018_DeprecatedFunctionFix() : TorchCodeFix(RuleIds.DeprecatedFunction, "Call the successor")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { Syntax: InvocationExpressionSyntax call, Operation: IInvocationOperation operation }
            || !MG5018_DeprecatedFunction.Successors.TryGetValue(operation.TargetMethod.Name, out (string Type, string Method, bool DropIn) successor)
            || !successor.DropIn)
        {
            return NotFixable;
        }

        ExpressionSyntax function = ((InvocationExpressionSyntax)TensorExpressions.Static(successor.Type, successor.Method)).Expression;
        return Fixable(Replace(request, call.Expression, function.WithTriviaFrom(call.Expression)));
    }
}
