using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports three overloads that TorchSharp 0.107 implements wrongly; read in its code.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2015_CudaArgumentIgnored() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CudaArgumentIgnored,
        "An argument of a move to the GPU is ignored",
        "{0}",
        RuleCategories.Performance,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "In TorchSharp up to 0.107 Tensor.cuda uses neither a non_blocking flag without a device nor the index of its device, and Tensor.to(Tensor, non_blocking) passes the flag on as 'copy'.",
        RuleIds.HelpLink(RuleIds.CudaArgumentIgnored));

    private static readonly Version s_lastWrong = new(0, 107, int.MaxValue);

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        if (torch.Assembly.Identity.Version > s_lastWrong)
        {
            return;
        }

        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name is "cuda" or "to" && torch.IsTensorMethod(call.TargetMethod) && Problem(call, torch) is { } problem)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), problem));
                }
            },
            calls: ["cuda", "to"]);
    }

    private static string? Problem(IInvocationOperation call, TorchSharpContext torch)
    {
        bool nonBlocking = call.Given("non_blocking").IsConstant(true);
        if (call.TargetMethod.Name == "to")
        {
            return nonBlocking && torch.IsTensor(call.TargetMethod.Parameters[0].Type)
                ? "TorchSharp takes this 'non_blocking' for 'copy', so the copy blocks; write 'to(other.dtype, other.device, non_blocking: true)'"
                : null;
        }

        IOperation? device = call.Given("device");
        return device is null ? (nonBlocking ? "TorchSharp ignores 'non_blocking' when 'cuda' has no device; write 'to(torch.CUDA, non_blocking: true)'" : null)
            : IsOtherGpu(device) ? "TorchSharp ignores the index of the device that 'cuda' is given; write 'to(device)'"
            : null;
    }

    /// <summary>A device that is written out with an index other than zero.</summary>
    private static bool IsOtherGpu(IOperation device)
    {
        IOperation? text = device.DescendantsAndSelf().FirstOrDefault(part => part.ConstantValue is { HasValue: true, Value: string });
        if (text?.ConstantValue.Value is string name)
        {
            int colon = name.IndexOf(':');
            return colon >= 0 && name.Substring(colon + 1) is not ("" or "0");
        }

        return device.Unwrap() is IObjectCreationOperation { Arguments: { Length: 2 } arguments } && arguments[1].Value.ConstantValue is { HasValue: true, Value: int index } && index > 0;
    }
}
