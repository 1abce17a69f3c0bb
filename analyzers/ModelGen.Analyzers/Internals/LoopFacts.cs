using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Loops, and above all those that train: they run a backward pass and an optimizer's step at every turn.</summary>
internal static class LoopFacts
{
    /// <summary>A loop of so few turns is an example or a test; what it leaves behind does not add up.</summary>
    private const int FewTurns = 20;

    private static readonly ConditionalWeakTable<IOperation, IReadOnlyList<ILoopOperation>> s_training = new();

    /// <summary>The innermost loop of the same function that runs the operation again and again; the collection of a foreach runs once.</summary>
    public static ILoopOperation? EnclosingLoop(this IOperation operation)
    {
        IOperation child = operation;
        for (IOperation? current = operation.Parent; current is not (null or IAnonymousFunctionOperation or ILocalFunctionOperation); child = current, current = current.Parent)
        {
            if (current is ILoopOperation loop && !RunsOnce(child, loop))
            {
                return loop;
            }
        }

        return null;
    }

    /// <summary>The innermost training loop around the operation: one that <c>backward</c> is directly in, in a function that also steps an optimizer.</summary>
    public static ILoopOperation? TrainingLoop(this IOperation operation, TorchSharpContext torch)
    {
        for (ILoopOperation? loop = operation.EnclosingLoop(); loop is not null; loop = loop.EnclosingLoop())
        {
            if (s_training.GetValue(loop.Root(), root => FindTrainingLoops(root, torch)).Contains(loop))
            {
                return loop;
            }
        }

        return null;
    }

    /// <summary>True for a loop that calls <c>backward</c> and steps an optimizer, both in its own body and not in a loop within.</summary>
    public static bool TrainsDirectly(this ILoopOperation loop, TorchSharpContext torch) =>
        s_training.GetValue(loop.Root(), root => FindTrainingLoops(root, torch)).Contains(loop)
        && loop.Body.Descendants().OfType<IInvocationOperation>().Any(call => torch.IsStep(call.TargetMethod) && call.EnclosingLoop() == loop);

    /// <summary>True when every turn of the loop that gets this far runs the operation: no branch, inner loop or handler is in between, and no <c>continue</c> before.</summary>
    public static bool RunsEveryTurn(this IOperation operation, ILoopOperation loop)
    {
        IOperation child = operation;
        for (IOperation? current = operation.Parent; current is not null && current != loop; child = current, current = current.Parent)
        {
            bool isOptional = current switch
            {
                IConditionalOperation conditional => child != conditional.Condition,
                ISwitchOperation @switch => child != @switch.Value,
                ISwitchExpressionOperation @switch => child != @switch.Value,
                ICoalesceOperation coalesce => child == coalesce.WhenNull,
                IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr } binary => child == binary.RightOperand,
                IConditionalAccessOperation or ICatchClauseOperation or ILoopOperation or IAnonymousFunctionOperation or ILocalFunctionOperation => true,
                _ => false,
            };
            if (isOptional)
            {
                return false;
            }
        }

        return !loop.Body.Descendants().Any(other => other is IBranchOperation { BranchKind: BranchKind.Continue } && other.Start() < operation.Start());
    }

    /// <summary><c>for (int i = 0; i &lt; 10; i++)</c> with a small constant.</summary>
    public static bool IsShort(this ILoopOperation loop) =>
        loop is IForLoopOperation { Condition: IBinaryOperation { RightOperand.ConstantValue: { HasValue: true, Value: int turns } } } && turns <= FewTurns;

    /// <summary>Where to mark a loop: its keyword.</summary>
    public static Location Keyword(this ILoopOperation loop) => loop.Syntax.GetFirstToken().GetLocation();

    /// <summary>True when the loop leaves tensors to the garbage collector at each turn: the loss that <c>backward</c> is called on is never disposed in it.</summary>
    public static bool LeavesItsLoss(this ILoopOperation loop, TorchSharpContext torch) =>
        loop.Body.Descendants().OfType<IInvocationOperation>()
            .Where(call => call.TargetMethod.Name == "backward" && torch.IsTensor(call.TargetMethod.ContainingType) && call.EnclosingLoop() == loop)
            .Any(call => call.Subject() switch
            {
                ILocalReferenceOperation { Local: { } local } => local.IsDeclaredIn(loop.Body) && !IsDisposed(local, loop),
                IInvocationOperation or IBinaryOperation => true,
                _ => false,
            });

    private static bool IsDisposed(ILocalSymbol local, ILoopOperation loop) =>
        local.IsUsing || loop.Body.MentionsOf(local).Any(mention =>
            mention.MeaningfulParent() is IInvocationOperation { TargetMethod.Name: "Dispose" } or IUsingOperation
                or IConditionalAccessOperation { WhenNotNull: not IInvocationOperation { TargetMethod.Name: "backward" } }
                or IVariableInitializerOperation or ISimpleAssignmentOperation
            || mention.Parent is IArgumentOperation { Parent: IInvocationOperation { TargetMethod.Name: "Add" or "Dispose" } });

    private static bool RunsOnce(IOperation child, ILoopOperation loop) => loop switch
    {
        IForEachLoopOperation each => child == each.Collection,
        IForLoopOperation @for => @for.Before.Contains(child),
        _ => false,
    };

    private static IReadOnlyList<ILoopOperation> FindTrainingLoops(IOperation root, TorchSharpContext torch)
    {
        List<IInvocationOperation> backward = [];
        bool steps = false;
        foreach (IOperation operation in root.Descendants())
        {
            if (operation is IInvocationOperation call)
            {
                steps |= torch.IsStep(call.TargetMethod);
                if (call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod))
                {
                    backward.Add(call);
                }
            }
        }

        return steps ? [.. backward.Select(call => call.EnclosingLoop()).OfType<ILoopOperation>().Distinct()] : [];
    }
}
