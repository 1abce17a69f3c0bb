using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>x.cpu().item()</c>, <c>x.detach().item()</c> and the like.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2028_CopyBeforeRead() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CopyBeforeRead,
        "A tensor is copied before one number of it is read",
        "'{1}' reads the number from any device and with or without a graph; leave '{0}' out",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Reading a number copies exactly that number to the host. cpu, detach and clone before it make one more tensor that nobody disposes.",
        RuleIds.HelpLink(RuleIds.CopyBeforeRead));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(operation => Analyze(operation, torch), calls: HostReads.Methods, kinds: [OperationKind.Conversion]);

    private static void Analyze(MemberOperation operation, TorchSharpContext torch)
    {
        if (HostReads.Tensor(operation.Operation, torch)?.Unwrap() is IInvocationOperation copy && torch.IsTensorMethod(copy.TargetMethod) && Copies(copy) is { } shown)
        {
            string read = operation.Operation is IInvocationOperation call ? call.TargetMethod.Name : "the conversion";
            operation.ReportDiagnostic(Diagnostic.Create(Rule, copy.Syntax.GetLocation(), shown, read));
        }
    }

    /// <summary>The copy as the message shows it: <c>cpu()</c>, <c>to(CPU)</c>; null for anything else.</summary>
    private static string? Copies(IInvocationOperation call) => call.TargetMethod switch
    {
        { Name: "cpu" or "detach" or "clone" or "contiguous", Parameters.IsEmpty: true } method => method.Name + "()",
        { Name: "to" } => call.Arguments.Where(argument => argument.ArgumentKind != ArgumentKind.DefaultValue).Select(argument => argument.Value.Unwrap()).ToList() is [IMemberReferenceOperation { Member: { Name: "CPU", IsStatic: true } }]
            ? "to(CPU)" : null,
        _ => null,
    };
}
