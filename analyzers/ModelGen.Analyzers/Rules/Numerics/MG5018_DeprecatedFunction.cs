using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports functions that PyTorch deprecates and TorchSharp does not.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5018_DeprecatedFunction() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DeprecatedFunction,
        "A function that PyTorch has deprecated",
        "'{0}' is deprecated in PyTorch; use '{1}'",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "PyTorch has announced the end of these functions. TorchSharp offers the successor and does not mark the old one as obsolete.",
        RuleIds.HelpLink(RuleIds.DeprecatedFunction));

    /// <summary>The old function of <c>torch</c> or <c>torch.nn.functional</c>, its successor, and the class that has the successor.</summary>
    internal static readonly IReadOnlyDictionary<string, (string Type, string Method, bool DropIn)> Successors = new Dictionary<string, (string Type, string Method, bool DropIn)>
    {
        ["ger"] = ("TorchSharp.torch", "outer", true),
        ["chain_matmul"] = ("TorchSharp.torch.linalg", "multi_dot", false),
        ["norm"] = ("TorchSharp.torch.linalg", "vector_norm", false),
        ["lu"] = ("TorchSharp.torch.linalg", "lu_factor", false),
        ["lstsq"] = ("TorchSharp.torch.linalg", "lstsq", false),
        ["upsample"] = ("TorchSharp.torch.nn.functional", "interpolate", false),
    };

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                IMethodSymbol method = ((IInvocationOperation)operation.Operation).TargetMethod;
                if (Successors.TryGetValue(method.Name, out (string Type, string Method, bool DropIn) successor)
                    && (torch.IsTorchFunction(method) || (torch.IsFunctional(method) && method.Name == "upsample")))
                {
                    string type = successor.Type.Substring("TorchSharp.".Length);
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation(), "torch." + method.Name, $"{type}.{successor.Method}"));
                }
            },
            calls: Successors.Keys);
}
