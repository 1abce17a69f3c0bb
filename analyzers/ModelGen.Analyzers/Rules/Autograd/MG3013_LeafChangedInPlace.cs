using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports in-place operations on trainable leaves outside <c>no_grad</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3013_LeafChangedInPlace() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LeafChangedInPlace,
        "A leaf that requires gradients is changed in place",
        "'{0}' throws here: '{1}' is a leaf that requires gradients; change it under 'torch.no_grad()'",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Autograd would lose the value that it needs. Updates by hand, and initialization by hand, belong under no_grad().",
        RuleIds.HelpLink(RuleIds.LeafChangedInPlace));

    private static readonly HashSet<string> s_allowed = ["requires_grad_", "detach_", "retain_grad_", "set_", "share_memory_", "rename_", "swap_"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (TensorOrigins.IsInPlace(call.TargetMethod) && torch.Owns(call.TargetMethod) && torch.IsTensor(call.TargetMethod.ContainingType)
                    && !s_allowed.Contains(call.TargetMethod.Name)
                    && call.Instance.NamedVariable() is { } variable && IsTrainableLeaf(variable, call, torch)
                    && !TrainingFacts.SwitchesGradients(call, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name, variable.Name));
                }
            },
            torchCalls: true);

    /// <summary>A local or field that is only ever set to a new trainable leaf in this member.</summary>
    private static bool IsTrainableLeaf(ISymbol variable, IInvocationOperation call, TorchSharpContext torch)
    {
        IOperation root = call.Root();
        List<IOperation> values = [];
        foreach (IOperation operation in root.Descendants())
        {
            switch (operation)
            {
                case IVariableDeclaratorOperation declarator when SymbolEqualityComparer.Default.Equals(declarator.Symbol, variable) && declarator.GetVariableInitializer() is { } initializer:
                    values.Add(initializer.Value.Unwrap());
                    break;
                case ISimpleAssignmentOperation assignment when assignment.Target.Names(variable):
                    values.Add(assignment.Value.Unwrap());
                    break;
                case IPropertyReferenceOperation { Property.Name: "requires_grad", Instance: { } instance } when instance.Names(variable):
                    return false;
                case IInvocationOperation { TargetMethod.Name: "requires_grad_" or "detach_" } other when other.Instance.Names(variable):
                    return false;
                case IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } argument when argument.Value.Names(variable):
                    return false;
            }
        }

        return values is [{ } value] && value.Start() < call.Start() && value.EnclosingFunction() == call.EnclosingFunction()
            && (torch.MakesTrainableLeaf(value) || IsTrainableParameter(value, torch));
    }

    private static bool IsTrainableParameter(IOperation value, TorchSharpContext torch) =>
        torch.IsParameterCreation(value)
        && !(value is IInvocationOperation call ? call.Arguments : ((IObjectCreationOperation)value).Arguments)
            .Any(argument => argument.Parameter?.Name == "requires_grad" && argument.Value.ConstantValue is not { HasValue: true, Value: true });
}
