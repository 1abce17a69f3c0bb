using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports LINQ's <c>Sum</c>, <c>Average</c>, <c>Max</c> and <c>Min</c> over the elements of a tensor.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2025_HostReduction() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.HostReduction,
        "A tensor is reduced element by element on the host",
        "'{0}' walks over the elements one by one in C#; use the tensor's own '{1}()' and read the one number",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "LINQ calls the accessor's enumerator for each element. The tensor's own reductions run over the memory with all cores, and on a GPU nothing but the result is copied.",
        RuleIds.HelpLink(RuleIds.HostReduction));

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        INamedTypeSymbol? enumerable = context.Compilation.GetTypeByMetadataName("System.Linq.Enumerable");
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (Reduction(call.TargetMethod.Name) is { } reduction && call.Arguments.Length == 1 && SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, enumerable)
                    && IsElements(call.Receiver()?.Unwrap(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name, reduction));
                }
            },
            calls: ["Sum", "Average", "Max", "Min"]);
    }

    private static string? Reduction(string method) => method switch
    {
        "Sum" => "sum",
        "Average" => "mean",
        "Max" => "max",
        "Min" => "min",
        _ => null,
    };

    /// <summary><c>data&lt;T&gt;()</c>, or an array made of it on the spot.</summary>
    private static bool IsElements(IOperation? value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation { TargetMethod.Name: "ToArray" or "ToList" } array => IsElements(array.Receiver()?.Unwrap(), torch),
        IInvocationOperation call => torch.IsAccessor(call.Type) && call.TargetMethod.Name == "data",
        _ => false,
    };
}
