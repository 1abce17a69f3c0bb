using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports the use, as a root or inside Sequential, of a module class that never registers its components.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4001_ComponentsNotRegistered() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ComponentsNotRegistered,
        "A root module never registers its components",
        "'{0}' never calls RegisterComponents(), so its field '{1}' is invisible to '{2}': it is not trained, moved or saved; call RegisterComponents() at the end of the constructor",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "TorchSharp finds the layers and parameters of a module only when RegisterComponents() has run. A parent that registers this module as a field does that for it; nobody does it for a root module or for an element of Sequential.",
        RuleIds.HelpLink(RuleIds.ComponentsNotRegistered));

    private static readonly HashSet<string> s_rootMembers =
    [
        "parameters", "named_parameters", "buffers", "named_buffers", "children", "named_children", "modules", "named_modules",
        "state_dict", "load_state_dict", "save", "load", "train", "eval", "zero_grad", "apply",
    ];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (member.TorchCalls.Count == 0)
            {
                return;
            }

            bool insideModule = torch.IsModule(block.OwningSymbol.ContainingType);
            var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
            foreach (IInvocationOperation call in member.TorchCalls.Cast<IInvocationOperation>().Where(call => MayTreatAsRoot(call.TargetMethod, torch)).OrderBy(call => call.Start()))
            {
                foreach (IOperation module in Roots(call, torch, insideModule))
                {
                    if (module.Unwrap().Type is INamedTypeSymbol type
                        && IsBroken(type, torch, block.CancellationToken, out IFieldSymbol? component)
                        && IsCertainlyRoot(module.Unwrap(), torch)
                        && (module.NamedVariable() is not { } variable || seen.Add(variable)))
                    {
                        block.ReportDiagnostic(Diagnostic.Create(
                            Rule, module.Syntax.GetLocation(), type.Name, component!.AssociatedSymbol?.Name ?? component.Name, call.TargetMethod.Name));
                    }
                }
            }
        });

    private static bool MayTreatAsRoot(IMethodSymbol method, TorchSharpContext torch) =>
        s_rootMembers.Contains(method.Name) || method.Name == "Sequential" || torch.IsModuleMove(method);

    /// <summary>
    /// The modules that a call treats as a root, or puts where no parent registers their components. Inside a module class
    /// only the latter counts: what looks like a root there usually becomes a field, and the parent registers it.
    /// </summary>
    private static IEnumerable<IOperation> Roots(IInvocationOperation call, TorchSharpContext torch, bool insideModule)
    {
        IMethodSymbol method = call.TargetMethod;
        if (!insideModule && ((torch.IsModuleMember(method) && s_rootMembers.Contains(method.Name)) || torch.IsModuleMove(method)))
        {
            return call.Receiver() is { } receiver ? [receiver] : [];
        }

        return torch.Owns(method) && method.Name == "Sequential" && torch.IsModule(method.ReturnType)
            ? call.Arguments.SelectMany(argument => Elements(argument.Value.Unwrap()))
            : [];
    }

    private static IEnumerable<IOperation> Elements(IOperation value) => value switch
    {
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues.SelectMany(element => Elements(element.Unwrap())),
        ICollectionExpressionOperation collection => collection.Elements.SelectMany(element => Elements(element.Unwrap())),
        ITupleOperation tuple => tuple.Elements.Where(element => element.Unwrap().Type?.SpecialType != SpecialType.System_String),
        _ => [value],
    };

    private static bool IsBroken(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation, out IFieldSymbol? component)
    {
        component = torch.IsUserModule(type) ? RegistrationFacts.Components(type, torch).FirstOrDefault(field => !RegistrationFacts.HoldsAnActivation(field, cancellation)) : null;
        return component is not null && !RegistrationFacts.MayRegister(type, torch, cancellation);
    }

    /// <summary>
    /// True for <c>new M(...)</c> itself, and for a local that is only ever that and is never handed to code that may make
    /// it the child of another module.
    /// </summary>
    private static bool IsCertainlyRoot(IOperation module, TorchSharpContext torch)
    {
        if (module is IObjectCreationOperation)
        {
            return true;
        }

        if (module is IInvocationOperation move)
        {
            return torch.IsModuleMove(move.TargetMethod) && move.Receiver() is { } moved && IsCertainlyRoot(moved.Unwrap(), torch);
        }

        if (module is not ILocalReferenceOperation { Local: { } local })
        {
            return false;
        }

        List<IOperation> operations = [.. module.Root().Descendants()];
        return operations.OfType<IVariableDeclaratorOperation>().Any(declarator =>
                SymbolEqualityComparer.Default.Equals(declarator.Symbol, local)
                && declarator.GetVariableInitializer()?.Value.Unwrap() is { } value
                && value is not ILocalReferenceOperation && IsCertainlyRoot(value, torch))
            && operations.OfType<ILocalReferenceOperation>()
                .Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local))
                .All(reference => StaysRoot(reference, torch));
    }

    private static bool StaysRoot(ILocalReferenceOperation reference, TorchSharpContext torch) => reference.MeaningfulParent() switch
    {
        IInvocationOperation => true,
        IPropertyReferenceOperation or IFieldReferenceOperation or IExpressionStatementOperation => true,
        IArgumentOperation { Parent: IInvocationOperation call } => torch.IsModuleMove(call.TargetMethod),
        ISimpleAssignmentOperation assignment => assignment.Target == reference
            && assignment.Value.Unwrap() is IInvocationOperation move && torch.IsModuleMove(move.TargetMethod),
        _ => false,
    };
}
