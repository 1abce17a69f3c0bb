using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports a whole-number division of a count from a tensor whose result becomes a floating point number.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5020_QuotientOfCounts() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.QuotientOfCounts,
        "A quotient of counts loses its fraction",
        "Both counts are whole numbers, so the quotient is rounded down before it becomes a {0}: an accuracy is 0 until it is 1; convert one of them first",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "C# divides whole numbers without a remainder. A share such as an accuracy is then always 0, or 1 when all are right.",
        RuleIds.HelpLink(RuleIds.QuotientOfCounts));

    private static readonly HashSet<string> s_reads = ["ToInt32", "ToInt64", "item"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var division = (IBinaryOperation)operation.Operation;
                if (division is { OperatorKind: BinaryOperatorKind.Divide, OperatorMethod: null } && IsWhole(division.Type)
                    && IsWhole(division.LeftOperand.Unwrap().Type) && IsWhole(division.RightOperand.Unwrap().Type)
                    && Destination(division) is { } destination && IsCount(division.LeftOperand, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, division.Syntax.GetLocation(), destination));
                }
            },
            kinds: [OperationKind.Binary]);

    private static bool IsWhole(ITypeSymbol? type) => type?.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64;

    /// <summary>The floating point type that the quotient becomes without a cast being written.</summary>
    private static string? Destination(IBinaryOperation division)
    {
        IOperation current = division;
        while (current.Parent is IParenthesizedOperation parenthesized)
        {
            current = parenthesized;
        }

        return current.Parent is IConversionOperation { IsImplicit: true, Type: { SpecialType: SpecialType.System_Single or SpecialType.System_Double } type }
            ? type.SpecialType == SpecialType.System_Single ? "float" : "double"
            : null;
    }

    /// <summary>A number that is read from a tensor, or a local that only ever sums up such numbers.</summary>
    private static bool IsCount(IOperation value, TorchSharpContext torch)
    {
        value = value.Unwrap();
        if (IsRead(value, torch))
        {
            return true;
        }

        if (value is not ILocalReferenceOperation { Local: { } local })
        {
            return false;
        }

        List<IOperation> values = [.. value.Root().Descendants().Select(operation => operation switch
        {
            IVariableDeclaratorOperation declarator when SymbolEqualityComparer.Default.Equals(declarator.Symbol, local) => declarator.GetVariableInitializer()?.Value,
            IAssignmentOperation assignment when assignment.Target.Names(local) => assignment.Value,
            _ => null,
        }).OfType<IOperation>()];
        return values.Any(written => ReadsTensor(written, torch)) && values.All(written => ReadsTensor(written, torch) || TensorCalls.Number(written) is 0);
    }

    private static bool ReadsTensor(IOperation value, TorchSharpContext torch) => value.DescendantsAndSelf().Any(operation => IsRead(operation, torch));

    private static bool IsRead(IOperation value, TorchSharpContext torch) =>
        value is IInvocationOperation call && s_reads.Contains(call.TargetMethod.Name) && torch.Owns(call.TargetMethod) && torch.IsTensor(call.Receiver()?.Unwrap().Type);
}
