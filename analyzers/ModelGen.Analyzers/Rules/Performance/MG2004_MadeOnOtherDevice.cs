using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>torch.zeros(...).to(device)</c> and <c>torch.ones(...).cuda()</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2004_MadeOnOtherDevice() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.MadeOnOtherDevice,
        "A tensor is made on the CPU only to be moved",
        "The tensor is filled on the CPU and copied; pass 'device:' to '{0}' instead",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The function can make the tensor where it is needed. Moved afterwards, it is filled by the host and copied over the bus.",
        RuleIds.HelpLink(RuleIds.MadeOnOtherDevice));

    private static readonly HashSet<string> s_functions = ["zeros", "ones", "empty", "full", "eye", "arange", "linspace", "logspace"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var move = (IInvocationOperation)operation.Operation;
                if (IsMove(move, torch) && move.Instance?.Unwrap() is IInvocationOperation made && s_functions.Contains(made.TargetMethod.Name) && torch.IsTorchFunction(made.TargetMethod)
                    && made.TargetMethod.Parameters.Any(parameter => parameter.Name == "device") && made.Given("device") is null && made.Given("requires_grad") is null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, move.Syntax.GetLocation(), made.TargetMethod.Name));
                }
            },
            calls: ["to", "cuda"]);

    /// <summary><c>to</c> with a device and nothing else, or <c>cuda()</c>.</summary>
    private static bool IsMove(IInvocationOperation call, TorchSharpContext torch)
    {
        if (call.TargetMethod.Name is not ("to" or "cuda") || !torch.IsTensorMethod(call.TargetMethod))
        {
            return false;
        }

        List<IArgumentOperation> given = [.. call.Arguments.Where(argument => argument.ArgumentKind != ArgumentKind.DefaultValue)];
        return call.TargetMethod.Name == "cuda" ? given.Count == 0 : given.Count == 1 && given[0].Parameter is { Name: "device", Type.Name: "Device" or "String" };
    }
}
