using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports an optimizer that is created from a model's parameters before the same method moves the model.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3004_OptimizerBeforeMove() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OptimizerBeforeMove,
        "An optimizer is created before its model is moved",
        "'{0}' is moved after this optimizer took its parameters; moving replaces them, so the optimizer updates tensors that the model no longer uses. Create the optimizer after '{1}'.",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Moving a module to another device or element type disposes its parameters and puts new ones in their place. An optimizer made earlier keeps the old ones: it fails in step(), or trains nothing.",
        RuleIds.HelpLink(RuleIds.OptimizerBeforeMove));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var creation = operation.Operation;
                if (IsOptimizerCreation(creation, torch) && FindLaterMove(creation, torch) is { } move)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule,
                        creation.Syntax.GetLocation(),
                        [move.Syntax.GetLocation()],
                        move.Receiver()!.Syntax.ToString(),
                        move.Syntax.ToString()));
                }
            },
            torchCalls: true,
            kinds: [OperationKind.ObjectCreation]);

    private static bool IsOptimizerCreation(IOperation operation, TorchSharpContext torch) => operation switch
    {
        IInvocationOperation call => torch.IsOptimizerFactory(call.TargetMethod),
        _ => torch.IsOptimizer(operation.Type),
    };

    private static IInvocationOperation? FindLaterMove(IOperation creation, TorchSharpContext torch)
    {
        IOperation function = creation.EnclosingFunction();
        if (OptimizerVariable(creation) is not { } optimizer || EnclosingBlock(creation) is not { } block)
        {
            return null;
        }

        foreach (ISymbol model in ParameterSources(creation, torch))
        {
            List<IInvocationOperation> moves = [.. function.Descendants().OfType<IInvocationOperation>()
                .Where(call => torch.IsModuleMove(call.TargetMethod) && call.Receiver().Names(model))];
            foreach (IInvocationOperation move in moves)
            {
                if (move.Start() > creation.Syntax.Span.End
                    && block.Syntax.Span.Contains(move.Syntax.Span)
                    && move.EnclosingFunction() == function
                    && !IsNoMove(move)
                    && !moves.Any(earlier => earlier.Start() < creation.Start() && SameTarget(earlier, move))
                    && IsUsedAfter(optimizer, move, function)
                    && !IsAssignedBetween(model, creation, move, function)
                    && !IsAssignedAfter(optimizer, creation, function))
                {
                    return move;
                }
            }
        }

        return null;
    }

    private static ISymbol? OptimizerVariable(IOperation creation) => creation.MeaningfulParent() switch
    {
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => declarator.Symbol,
        ISimpleAssignmentOperation assignment when assignment.Value.Unwrap() == creation => assignment.Target.NamedVariable(),
        _ => null,
    };

    /// <summary>The variables whose parameters the optimizer is given.</summary>
    private static IEnumerable<ISymbol> ParameterSources(IOperation creation, TorchSharpContext torch) =>
        creation.Descendants().OfType<IInvocationOperation>()
            .Where(call => call.TargetMethod.Name is "parameters" or "named_parameters" && torch.IsModuleMember(call.TargetMethod))
            .Select(call => call.Instance.NamedVariable())
            .OfType<ISymbol>();

    private static IOperation? EnclosingBlock(IOperation operation)
    {
        IOperation? current = operation.Parent;
        while (current is not (null or IBlockOperation))
        {
            current = current.Parent;
        }

        return current;
    }

    /// <summary>A fresh model is float32 on the CPU: asking for that again replaces nothing.</summary>
    private static bool IsNoMove(IInvocationOperation move) =>
        move.TargetMethod.Name is "cpu" or "float"
        || (move.TargetMethod.Name == "to" && move.Arguments.Skip(1).Where(argument => !argument.IsImplicit).Select(argument => argument.Value.Unwrap())
            .All(value => value is IFieldReferenceOperation { Field.Name: "CPU" or "Float32" or "float32" }
                or IPropertyReferenceOperation { Property.Name: "CPU" }
                or ILiteralOperation { ConstantValue.Value: "cpu" }));

    private static bool SameTarget(IInvocationOperation a, IInvocationOperation b) =>
        a.TargetMethod.Name == b.TargetMethod.Name
        && a.Arguments.Skip(1).Select(argument => argument.Value.Syntax.ToString())
            .SequenceEqual(b.Arguments.Skip(1).Select(argument => argument.Value.Syntax.ToString()));

    private static bool IsUsedAfter(ISymbol optimizer, IOperation move, IOperation function) =>
        function.Descendants().Any(operation => operation.Start() > move.Syntax.Span.End && operation.Names(optimizer));

    private static bool IsAssignedBetween(ISymbol model, IOperation creation, IOperation move, IOperation function) =>
        function.Descendants().OfType<ISimpleAssignmentOperation>().Any(assignment =>
            assignment.Target.Names(model)
            && assignment.Start() > creation.Syntax.Span.End
            && assignment.Start() < move.Start()
            && !assignment.Syntax.Span.Contains(move.Syntax.Span));

    private static bool IsAssignedAfter(ISymbol optimizer, IOperation creation, IOperation function) =>
        function.Descendants().OfType<ISimpleAssignmentOperation>().Any(assignment =>
            assignment.Target.Names(optimizer) && assignment.Start() > creation.Syntax.Span.End);
}
