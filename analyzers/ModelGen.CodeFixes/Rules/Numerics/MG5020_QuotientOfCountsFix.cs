using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Converts the dividend to double.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5020_QuotientOfCountsFix() : TorchCodeFix(RuleIds.QuotientOfCounts, "Divide as double")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { Syntax: BinaryExpressionSyntax division, Operation.Parent.Type.SpecialType: { } type }
            ? Fixable(Replace(request, division.Left, SyntaxFactory.CastExpression(
                SyntaxFactory.PredefinedType(SyntaxFactory.Token(type == SpecialType.System_Single ? SyntaxKind.FloatKeyword : SyntaxKind.DoubleKeyword)),
                TensorExpressions.AsReceiver(division.Left)).WithTriviaFrom(division.Left)))
            : NotFixable;
}
