using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports optimizers whose default for a setting is not PyTorch's.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3017_OptimizerDefaultDiffers() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OptimizerDefaultDiffers,
        "An optimizer is made with a default that differs from PyTorch's",
        "{0} has '{1}' = {2} by default, PyTorch has {3}; state the value",
        RuleCategories.Autograd,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Results that were found with PyTorch's defaults do not carry over. AdamW without weight decay is plain Adam.",
        RuleIds.HelpLink(RuleIds.OptimizerDefaultDiffers));

    private static readonly IReadOnlyDictionary<string, (string Parameter, double Default, string PyTorch)> s_defaults = new Dictionary<string, (string Parameter, double Default, string PyTorch)>
    {
        ["AdamW"] = ("weight_decay", 0, "0.01"),
        ["RAdam"] = ("lr", 0.002, "0.001"),
        ["ASGD"] = ("lr", 0.001, "0.01"),
        ["LBFGS"] = ("lr", 0.01, "1"),
    };

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is var (name, parameter, value, pyTorch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation(), name, parameter, value, pyTorch));
                }
            },
            torchCalls: true,
            kinds: [OperationKind.ObjectCreation]);

    /// <summary>The setting that is left to a default which the referenced TorchSharp has and PyTorch has not.</summary>
    internal static (string Name, string Parameter, string Value, string PyTorch)? Match(IOperation operation, TorchSharpContext torch)
    {
        if (!TrainingFacts.IsOptimizerCreation(operation, torch))
        {
            return null;
        }

        string name = operation is IInvocationOperation call ? call.TargetMethod.Name : operation.Type!.Name;
        IEnumerable<IArgumentOperation> arguments = operation is IInvocationOperation invocation ? invocation.Arguments : ((IObjectCreationOperation)operation).Arguments;
        return s_defaults.TryGetValue(name, out (string Parameter, double Default, string PyTorch) setting)
            && (operation is IInvocationOperation || torch.Owns(operation.Type))
            && !arguments.Any(argument => argument.Parameter?.Ordinal == 0 && argument.Parameter.Type.ToDisplayString().Contains("ParamGroup"))
            && arguments.FirstOrDefault(argument => argument.Parameter?.Name == setting.Parameter) is { ArgumentKind: ArgumentKind.DefaultValue } omitted
            && TensorCalls.Number(omitted.Value) == setting.Default
                ? (name, setting.Parameter, setting.Default.ToString(System.Globalization.CultureInfo.InvariantCulture), setting.PyTorch)
                : null;
    }
}
