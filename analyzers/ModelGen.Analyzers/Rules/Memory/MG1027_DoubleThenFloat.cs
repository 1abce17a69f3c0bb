using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>torch.tensor(double[]).to(ScalarType.Float32)</c> and <c>torch.zeros(...).to(dtype)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1027_DoubleThenFloat() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DoubleThenFloat,
        "A tensor is made in one type only to be converted",
        "The tensor is made as '{0}' and copied as a whole to convert it; pass 'dtype:' where it is made",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "The function that makes the tensor can make it in the wanted type. Converted afterwards, it exists twice for a while.",
        RuleIds.HelpLink(RuleIds.DoubleThenFloat));

    private static readonly HashSet<string> s_functions = ["zeros", "ones", "empty", "eye"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var conversion = (IInvocationOperation)operation.Operation;
                if (ElementTypes.Converts(conversion, torch) && conversion.Receiver()?.Unwrap() is IInvocationOperation made && torch.IsTorchFunction(made.TargetMethod)
                    && made.TargetMethod.Parameters.Any(parameter => parameter.Name == "dtype") && made.Given("dtype") is null && made.Given("requires_grad") is null
                    && MadeAs(made) is var (type, name) && ElementTypes.Target(conversion) is { } target && target != name)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, conversion.Syntax.GetLocation(), type));
                }
            },
            calls: ElementTypes.Conversions);

    /// <summary>The type that the call gives, for the message and as a member of <c>ScalarType</c>; null where converting on the way could give other values.</summary>
    private static (string Shown, string Member)? MadeAs(IInvocationOperation made)
    {
        if (s_functions.Contains(made.TargetMethod.Name))
        {
            return ("float", "Float32");
        }

        return made.TargetMethod.Name == "tensor" && made.TargetMethod.Parameters[0].Type is IArrayTypeSymbol { ElementType.SpecialType: SpecialType.System_Double } ? ("double", "Float64") : null;
    }
}
