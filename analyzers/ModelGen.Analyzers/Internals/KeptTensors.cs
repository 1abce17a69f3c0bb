using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Decides whether a tensor that is stored in a variable is still there, undetached, when its scope closes.</summary>
internal static class KeptTensors
{
    /// <summary>
    /// True when nothing else in the function can undo the store: no other assignment of the variable, no Dispose, no move or detach of
    /// what it holds, no handing of it to other code.
    /// </summary>
    public static bool StayKept(IOperation value, ISymbol variable, IOperation function, TorchSharpContext torch)
    {
        // The value is a node of the control-flow graph, the function one of the original tree: they share the syntax.
        IOperation? parent = value.MeaningfulParent();
        SyntaxNode? store = (parent is IArgumentOperation ? parent.Parent : parent)?.Syntax;

        foreach (IOperation operation in function.Descendants())
        {
            bool undoes = operation switch
            {
                IInvocationOperation call when torch.IsScopeTransfer(call.TargetMethod) => call.Start() > value.Start() || Mentions(call, variable, value),
                IInvocationOperation { TargetMethod.Name: "Dispose" or "Clear" } call => Mentions(call, variable, value),
                IInvocationOperation call when !torch.Owns(call.TargetMethod) && call.Syntax != store && !IsHarmless(call) =>
                    call.Start() > value.Start() && (call.Arguments.Any(argument => Mentions(argument, variable, value)) || MayReadField(call, variable)),
                ISimpleAssignmentOperation assignment when assignment.Syntax != store => assignment.Target.Names(variable),
                _ => false,
            };
            if (undoes)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True for a field, a parameter, and a local that is read after the scope in which the tensor is stored.</summary>
    public static bool Outlives(IOperation value, ISymbol variable, IOperation function, TorchSharpContext torch)
    {
        if (variable is IFieldSymbol or IParameterSymbol)
        {
            return true;
        }

        int end = ScopeRegions.Find(function, resource => ScopeRegions.Calls(resource, torch.IsNewDisposeScope))
            .Where(region => region.Contains(value.Syntax.Span)).Select(region => region.End).DefaultIfEmpty(int.MaxValue).Min();
        return variable is ILocalSymbol && function.MentionsOf(variable).Any(mention => mention.Start() >= end);
    }

    private static bool Mentions(IOperation operation, ISymbol variable, IOperation value) =>
        operation.DescendantsAndSelf().Any(part => part.Names(variable) || (value.NamedVariable() is { } stored && part.Names(stored)));

    /// <summary>A method of the same object may use the field while the scope is open, which is fine, and clear or detach it.</summary>
    private static bool MayReadField(IInvocationOperation call, ISymbol variable) =>
        variable is IFieldSymbol && call.Instance is null or IInstanceReferenceOperation
        && SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, variable.ContainingType);

    private static bool IsHarmless(IInvocationOperation call) =>
        call.TargetMethod.ContainingNamespace.ToDisplayString().StartsWith("System", StringComparison.Ordinal)
        && call.TargetMethod.ContainingType.Name is "Console" or "Debug" or "Trace" or "Math";
}
