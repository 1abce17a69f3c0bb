using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>Questions about training loops.</summary>
internal static class TrainingFacts
{
    /// <summary>The innermost loop of the same function that contains the operation.</summary>
    public static ILoopOperation? InnermostLoop(this IOperation operation)
    {
        IOperation? current = operation.Parent;
        while (current is not (null or ILoopOperation or IAnonymousFunctionOperation or ILocalFunctionOperation))
        {
            current = current.Parent;
        }

        return current as ILoopOperation;
    }

    /// <summary>The statement that an operation is in, and the block that the statement is directly in; null when a branch lies between.</summary>
    public static (IOperation Statement, IBlockOperation Block)? StatementInBlock(this IOperation operation)
    {
        IOperation current = operation;
        while (current.Parent is { } parent)
        {
            if (parent is IBlockOperation block)
            {
                return (current, block);
            }

            if (parent is IConditionalOperation or IConditionalAccessOperation or ISwitchOperation or ISwitchCaseOperation or ILoopOperation or IAnonymousFunctionOperation or ILocalFunctionOperation or ICoalesceOperation)
            {
                return null;
            }

            current = parent;
        }

        return null;
    }

    /// <summary>The variable that a created object is put into: by a declaration, or by an assignment.</summary>
    public static ISymbol? CreatedVariable(this IOperation creation) => creation.MeaningfulParent() switch
    {
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => declarator.Symbol,
        ISimpleAssignmentOperation assignment when assignment.Value.Unwrap() == creation => assignment.Target.NamedVariable(),
        _ => null,
    };

    /// <summary>A call of a factory in <c>torch.optim</c>, or the constructor of an optimizer.</summary>
    public static bool IsOptimizerCreation(IOperation operation, TorchSharpContext torch) => operation switch
    {
        IInvocationOperation call => torch.IsOptimizerFactory(call.TargetMethod),
        IObjectCreationOperation => torch.IsOptimizer(operation.Type),
        _ => false,
    };

    /// <summary>The variables whose parameters an optimizer is given.</summary>
    public static IEnumerable<ISymbol> ParameterSources(IOperation creation, TorchSharpContext torch) =>
        creation.Descendants().OfType<IInvocationOperation>()
            .Where(call => call.TargetMethod.Name is "parameters" or "named_parameters" && torch.IsModuleMember(call.TargetMethod))
            .Select(call => call.Instance.NamedVariable())
            .OfType<ISymbol>();

    /// <summary>The regions of a function in which gradients are switched off by a <c>using</c>.</summary>
    public static ImmutableArray<TextSpan> RegionsWithoutGradients(IOperation function, TorchSharpContext torch) =>
        ScopeRegions.Find(function, resource => ScopeRegions.Calls(resource, method => method.Name is "no_grad" or "inference_mode" && torch.IsGradMode(method)));

    /// <summary>True when the function, or what contains it, switches the gradient mode in any way.</summary>
    public static bool SwitchesGradients(IOperation operation, TorchSharpContext torch) =>
        operation.Root().DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => torch.IsGradMode(call.TargetMethod));

    /// <summary>
    /// True when nothing but calls on the local, reads of its properties, and functions of TorchSharp that the predicate
    /// allows ever see the local.
    /// </summary>
    public static bool StaysHere(ILocalSymbol local, IOperation root, Func<IInvocationOperation, bool> mayTake) =>
        root.Descendants().OfType<ILocalReferenceOperation>().Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local)).All(reference =>
            SymbolEqualityComparer.Default.Equals(reference.EnclosingFunction().Symbol(), root.EnclosingFunction().Symbol())
            && reference.MeaningfulParent() switch
            {
                IInvocationOperation call => call.Instance?.Unwrap() == reference,
                IPropertyReferenceOperation => true,
                IArgumentOperation { Parent: IInvocationOperation call } => mayTake(call),
                _ => false,
            });

    private static ISymbol? Symbol(this IOperation function) => function switch
    {
        IAnonymousFunctionOperation lambda => lambda.Symbol,
        ILocalFunctionOperation local => local.Symbol,
        _ => null,
    };
}
