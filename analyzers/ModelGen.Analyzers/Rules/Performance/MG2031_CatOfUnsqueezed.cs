using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>torch.cat(all.Select(t => t.unsqueeze(0)).ToArray(), 0)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2031_CatOfUnsqueezed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CatOfUnsqueezed,
        "Tensors are stacked with unsqueeze and cat",
        "'torch.stack' adds the dimension itself, without a view of every tensor",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "unsqueeze makes a handle for each tensor, which waits for the finalizer unless a scope is open.",
        RuleIds.HelpLink(RuleIds.CatOfUnsqueezed));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var cat = (IInvocationOperation)operation.Operation;
                if (cat.TargetMethod.Name is "cat" or "concat" && torch.IsTorchFunction(cat.TargetMethod) && Dimension(cat, "dim") is { } dimension
                    && cat.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value.Unwrap() is { } list
                    && Elements(list).ToList() is { Count: > 0 } elements && elements.All(element => Adds(element, dimension, torch)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, cat.Syntax.GetLocation()));
                }
            },
            calls: ["cat", "concat"]);

    /// <summary>What the list is made of: the body of a Select, or the elements that are written out.</summary>
    private static IEnumerable<IOperation?> Elements(IOperation list) => list switch
    {
        IInvocationOperation { TargetMethod.Name: "ToArray" or "ToList" } copy when IsLinq(copy) => copy.Receiver() is { } inner ? Elements(inner.Unwrap()) : [],
        IInvocationOperation { TargetMethod.Name: "Select", Arguments.Length: 2 } select when IsLinq(select) => [Body(select.Arguments[1].Value.Unwrap())],
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues,
        ICollectionExpressionOperation collection => collection.Elements,
        _ => [],
    };

    private static bool IsLinq(IInvocationOperation call) => call.TargetMethod.ContainingType is { Name: "Enumerable", ContainingNamespace.Name: "Linq" };

    private static IOperation? Body(IOperation function) =>
        function is IDelegateCreationOperation { Target: IAnonymousFunctionOperation { Body.Operations: [IReturnOperation { ReturnedValue: { } value }] } } ? value : null;

    private static bool Adds(IOperation? element, long dimension, TorchSharpContext torch) =>
        element?.Unwrap() is IInvocationOperation { TargetMethod.Name: "unsqueeze", Instance: not null } unsqueeze && torch.IsTensorMethod(unsqueeze.TargetMethod) && Dimension(unsqueeze, "dim") == dimension;

    private static long? Dimension(IInvocationOperation call, string parameter) =>
        call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == parameter)?.Value.Unwrap().ConstantValue is { HasValue: true, Value: { } value }
            ? System.Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)
            : null;
}
