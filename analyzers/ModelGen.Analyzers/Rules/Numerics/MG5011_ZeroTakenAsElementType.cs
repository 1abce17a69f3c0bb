using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports a literal 0 that C# converts to <c>ScalarType</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5011_ZeroTakenAsElementType() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ZeroTakenAsElementType,
        "The literal 0 is taken as an element type",
        "The 0 is taken as ScalarType.Byte, not as a dimension: '{0}' works over all elements and in bytes; write 0L",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "C# converts the literal 0 to any enum. In sum(0) and prod(0) the overload with an element type wins over the one with a dimension, so that everything is reduced, in bytes, without any error.",
        RuleIds.HelpLink(RuleIds.ZeroTakenAsElementType));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                foreach (IArgumentOperation argument in call.Arguments)
                {
                    if (argument is { ArgumentKind: ArgumentKind.Explicit, Parameter: { Name: not "dtype" } parameter }
                        && IsScalarType(parameter.Type)
                        && argument.Value.Unwrap() is ILiteralOperation literal)
                    {
                        operation.ReportDiagnostic(Diagnostic.Create(Rule, literal.Syntax.GetLocation(), call.TargetMethod.Name));
                    }
                }
            },
            torchCalls: true);

    private static bool IsScalarType(ITypeSymbol type) =>
        type.Name == "ScalarType"
        || (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable && nullable.TypeArguments[0].Name == "ScalarType");
}
