using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports implicit conversions of numbers and arrays to tensors in <c>forward</c> and in training loops.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2006_NumberBecomesTensor() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.NumberBecomesTensor,
        "A number is turned into a tensor at every call",
        "This {0} becomes a new tensor on the CPU at every call; use an overload that takes a number ('clamp_min' for 'maximum'), or make the tensor once",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "TorchSharp converts numbers and arrays to tensors implicitly where a parameter is a tensor. Each conversion allocates a native tensor that nobody disposes.",
        RuleIds.HelpLink(RuleIds.NumberBecomesTensor));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var conversion = (IConversionOperation)operation.Operation;
                if (conversion.OperatorMethod is { Name: "op_Implicit" } method && SymbolEqualityComparer.Default.Equals(method.ContainingType, torch.Tensor)
                    && conversion.IsImplicit && IsNumber(conversion.Operand.Type) && conversion.Parent is IArgumentOperation { Parent: IInvocationOperation call } && torch.Owns(call.TargetMethod)
                    && (IsForward(operation.ContainingSymbol, torch) || conversion.TrainingLoop(torch) is not null))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, conversion.Syntax.GetLocation(), conversion.Operand.Type!.ToDisplayString()));
                }
            },
            kinds: [OperationKind.Conversion]);

    private static bool IsForward(ISymbol symbol, TorchSharpContext torch) =>
        symbol is IMethodSymbol { Name: "forward", IsOverride: true } && torch.IsUserModule(symbol.ContainingType);

    private static bool IsNumber(ITypeSymbol? type) => type switch
    {
        IArrayTypeSymbol array => IsNumber(array.ElementType),
        { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_Double or SpecialType.System_Boolean } => true,
        _ => false,
    };
}
