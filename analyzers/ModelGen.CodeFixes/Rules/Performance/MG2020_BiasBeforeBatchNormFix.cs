using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Switches the bias off.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2020_BiasBeforeBatchNormFix() : TorchCodeFix(RuleIds.BiasBeforeBatchNorm, "Make the layer without a bias")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        string parameter = request.Diagnostic.GetMessage(null).Split('\'')[1].Split(':')[0];
        return request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } layer
            ? Fixable(Replace(request, layer, layer.With(parameter, SyntaxFactory.LiteralExpression(SyntaxKind.FalseLiteralExpression))))
            : NotFixable;
    }
}
