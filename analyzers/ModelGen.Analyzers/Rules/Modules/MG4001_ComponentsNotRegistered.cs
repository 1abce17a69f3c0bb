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
            bool insideModule = torch.IsModule(block.OwningSymbol.ContainingType);
            var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
            foreach (IInvocationOperation call in member.TorchCalls.Cast<IInvocationOperation>().Where(call => MayTreatAsRoot(call.TargetMethod, torch)).OrderBy(call => call.Start()))
            {
                foreach (IOperation module in Roots(call, torch, insideModule))
                {
                    Report(module, call.TargetMethod, seen, block, torch);
                }
            }

            if (!insideModule)
            {
                foreach (IInvocationOperation call in member.Of(OperationKind.Invocation).Cast<IInvocationOperation>())
                {
                    if (!torch.Owns(call.TargetMethod))
                    {
                        ReportArguments(call, seen, block, torch);
                    }
                }
            }
        });

    private static void Report(IOperation module, IMethodSymbol use, HashSet<ISymbol> seen, MemberContext block, TorchSharpContext torch)
    {
        if (BrokenType(module, torch, block.CancellationToken) is { } broken
            && (IsCertainlyRoot(module.Unwrap(), torch, block.CancellationToken) || (use.Name is not ("Sequential" or "append") && RootFacts.IsNeverAChild(broken.Type, block.Compilation, torch, block.CancellationToken)))
            && (module.NamedVariable() is not { } variable || seen.Add(variable)))
        {
            block.ReportDiagnostic(Diagnostic.Create(Rule, module.Syntax.GetLocation(), broken.Type.Name, broken.Component.AssociatedSymbol?.Name ?? broken.Component.Name, use.Name));
        }
    }

    /// <summary>Reports a module that a helper of the user's treats as a root, by a parameter of a more general type.</summary>
    private static void ReportArguments(IInvocationOperation call, HashSet<ISymbol> seen, MemberContext block, TorchSharpContext torch)
    {
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (torch.IsUserModule(argument.Value.Unwrap().Type)
                && argument.Parameter?.OriginalDefinition is { } parameter && !torch.IsUserModule(parameter.Type)
                && BrokenType(argument.Value, torch, block.CancellationToken) is not null
                && MethodCode.BodyOf(call.TargetMethod, call, block.CancellationToken) is { } body
                && body.Descendants().OfType<IInvocationOperation>().FirstOrDefault(use => Roots(use, torch, insideModule: false).Any(module => module.Names(parameter))) is { } root)
            {
                Report(argument.Value, root.TargetMethod, seen, block, torch);
            }
        }
    }

    private static bool MayTreatAsRoot(IMethodSymbol method, TorchSharpContext torch) =>
        s_rootMembers.Contains(method.Name) || method.Name is "Sequential" or "append" || torch.IsModuleMove(method);

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

        return (method.Name == "Sequential" && ContainerElements.IsCreation(call, torch)) || (method.Name == "append" && call.Instance?.Type?.Name == "Sequential" && ContainerElements.IsAddition(call, torch))
            ? ContainerElements.Of(call)
            : [];
    }

    /// <summary>The class of the module, and a component that nobody registers, when the class is one that registers nothing.</summary>
    private static (INamedTypeSymbol Type, IFieldSymbol Component)? BrokenType(IOperation module, TorchSharpContext torch, CancellationToken cancellation) =>
        ConcreteType(module.Unwrap(), torch, cancellation) is { } type
        && RegistrationFacts.Components(type, torch).FirstOrDefault(field => !RegistrationFacts.HoldsAnActivation(field, cancellation)) is { } component
        && !RegistrationFacts.MayRegister(type, torch, cancellation)
            ? (type, component)
            : null;

    /// <summary>The user's class of a module: by its static type, by the only value of its local, or by what a helper returns.</summary>
    private static INamedTypeSymbol? ConcreteType(IOperation module, TorchSharpContext torch, CancellationToken cancellation)
    {
        if (torch.IsUserModule(module.Type))
        {
            return (INamedTypeSymbol)module.Type!;
        }

        if (torch.Owns(module.Type) && module.Type!.Name != "Module")
        {
            return null; // A layer or container of TorchSharp.
        }

        return module.Resolve() switch
        {
            IInvocationOperation { TargetMethod: { } helper } call when !torch.Owns(helper) && torch.IsModule(call.Type) =>
                MethodCode.ReturnedBy(helper, call, cancellation) is [{ } only] && torch.IsUserModule(only.Unwrap().Type) ? (INamedTypeSymbol)only.Unwrap().Type! : null,
            { } value when torch.IsUserModule(value.Type) => (INamedTypeSymbol)value.Type!,
            _ => null,
        };
    }

    /// <summary>
    /// True for <c>new M(...)</c> itself, and for a local that is only ever that and is never handed to code that may make
    /// it the child of another module.
    /// </summary>
    private static bool IsCertainlyRoot(IOperation module, TorchSharpContext torch, CancellationToken cancellation)
    {
        if (module is IObjectCreationOperation)
        {
            return true;
        }

        if (module is IInvocationOperation call)
        {
            return torch.IsModuleMove(call.TargetMethod) ? call.Receiver() is { } moved && IsCertainlyRoot(moved.Unwrap(), torch, cancellation)
                : !torch.Owns(call.TargetMethod) && MethodCode.ReturnedBy(call.TargetMethod, call, cancellation) is { Count: > 0 } values && values.All(value => value.Unwrap() is IObjectCreationOperation);
        }

        if (module is not ILocalReferenceOperation { Local: { } local })
        {
            return false;
        }

        List<IOperation> operations = [.. module.Root().Descendants()];
        return operations.OfType<IVariableDeclaratorOperation>().Any(declarator =>
                SymbolEqualityComparer.Default.Equals(declarator.Symbol, local)
                && declarator.GetVariableInitializer()?.Value.Unwrap() is { } value
                && value is not ILocalReferenceOperation && IsCertainlyRoot(value, torch, cancellation))
            && operations.OfType<ILocalReferenceOperation>()
                .Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local))
                .All(reference => StaysRoot(reference, torch));
    }

    private static bool StaysRoot(ILocalReferenceOperation reference, TorchSharpContext torch) => reference.MeaningfulParent() switch
    {
        IInvocationOperation => true,
        IPropertyReferenceOperation or IFieldReferenceOperation or IExpressionStatementOperation => true,
        IArgumentOperation { Parent: IInvocationOperation call } => torch.IsModuleMove(call.TargetMethod) || (call.TargetMethod.Name is "Sequential" or "append" && torch.Owns(call.TargetMethod)),
        ISimpleAssignmentOperation assignment => assignment.Target == reference
            && assignment.Value.Unwrap() is IInvocationOperation move && torch.IsModuleMove(move.TargetMethod),
        IArrayInitializerOperation or ITupleOperation => IsElementOfSequential(reference, torch),
        _ => false,
    };

    private static bool IsElementOfSequential(IOperation element, TorchSharpContext torch)
    {
        IOperation? current = element.Parent;
        while (current is IConversionOperation or ITupleOperation or IArrayInitializerOperation or IArrayCreationOperation or IArgumentOperation)
        {
            current = current.Parent;
        }

        return current is IInvocationOperation { TargetMethod.Name: "Sequential" } call && ContainerElements.IsCreation(call, torch);
    }
}
