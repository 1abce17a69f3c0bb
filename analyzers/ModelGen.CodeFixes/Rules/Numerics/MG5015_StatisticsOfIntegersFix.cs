using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Converts the input of a method to float32.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5015_StatisticsOfIntegersFix() : TorchCodeFix(RuleIds.StatisticsOfIntegers, "Convert to float first")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { Syntax: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } } marked
        && TensorCalls.Of(marked.Operation, marked.Torch) is { Call.Instance: not null }
            ? Fixable(Replace(request, access.Expression, TensorExpressions.Call(access.Expression, "@float").WithTriviaFrom(access.Expression)))
            : NotFixable;
}
