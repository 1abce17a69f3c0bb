using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;

namespace ModelGen.Generator.Parsing;

/// <content>Statements.</content>
internal sealed partial class Evaluator
{
    private Flow Execute(IOperation operation, Frame frame)
    {
        Tick(operation.Syntax);
        switch (operation)
        {
            case IBlockOperation block:
                return ExecuteAll(block.Operations, frame);
            case IMethodBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody!, frame);
            case IConstructorBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody!, frame);
            case IVariableDeclarationGroupOperation group:
                foreach (IVariableDeclaratorOperation declarator in group.Declarations.SelectMany(static declaration => declaration.Declarators))
                {
                    Declare(declarator, frame);
                }

                return Flow.Next;
            case IUsingDeclarationOperation declaration:
                // Lifetimes are the compiler's business: `using var y = ...` only names a value.
                return Execute(declaration.DeclarationGroup, frame);
            case IUsingOperation block:
                return Execute(block.Body, frame);
            case IExpressionStatementOperation statement:
                graph.Source = SourceText(statement.Syntax).TrimEnd(';');
                Evaluate(statement.Operation, frame);
                return Flow.Next;
            case IReturnOperation result:
                if (result.ReturnedValue is not null)
                {
                    graph.Source = SourceText(result.ReturnedValue.Syntax);
                    frame.Returned = Evaluate(result.ReturnedValue, frame);
                }

                return Flow.Return;
            case IConditionalOperation conditional:
                return Condition(conditional.Condition, frame) ? Execute(conditional.WhenTrue, frame) : conditional.WhenFalse is null ? Flow.Next : Execute(conditional.WhenFalse, frame);
            case IForLoopOperation loop:
                return Loop(loop, frame);
            case IForEachLoopOperation loop:
                return Loop(loop, frame);
            case IWhileLoopOperation loop:
                return Loop(loop, frame);
            case IBranchOperation { BranchKind: BranchKind.Break }:
                return Flow.Break;
            case IBranchOperation { BranchKind: BranchKind.Continue }:
                return Flow.Continue;
            case ILocalFunctionOperation or IEmptyOperation:
                return Flow.Next;
            case IThrowOperation:
                throw EvaluationException.Unsupported(operation.Syntax, "Forward reaches this 'throw' for the given input shapes");
            default:
                throw EvaluationException.Unsupported(
                    operation.Syntax,
                    $"a {Describe(operation)} statement cannot be compiled; Forward may use local variables, if, for, foreach and while on values known during the build, and calls");
        }
    }

    private Flow ExecuteAll(IEnumerable<IOperation> operations, Frame frame)
    {
        foreach (IOperation operation in operations)
        {
            Flow flow = Execute(operation, frame);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }

    private void Declare(IVariableDeclaratorOperation declarator, Frame frame)
    {
        IOperation? initializer = declarator.Initializer?.Value ?? (declarator.Parent as IVariableDeclarationOperation)?.Initializer?.Value;
        object? value = null;
        if (initializer is not null)
        {
            graph.Source = SourceText(declarator.Syntax.FirstAncestorOrSelf<LocalDeclarationStatementSyntax>() ?? declarator.Syntax).TrimEnd(';');
            value = Evaluate(initializer, frame);
        }

        frame.Declare(declarator.Symbol, value);
        NameTensor(value, declarator.Symbol.Name);
    }

    private void NameTensor(object? value, string name)
    {
        if (value is SymTensor tensor)
        {
            graph.NameValue(tensor.Id, name);
        }
    }

    private Flow Loop(IForLoopOperation loop, Frame frame)
    {
        ExecuteAll(loop.Before, frame);
        while (loop.Condition is null || Condition(loop.Condition, frame))
        {
            Flow flow = Execute(loop.Body, frame);
            if (flow == Flow.Return)
            {
                return flow;
            }

            if (flow == Flow.Break)
            {
                break;
            }

            ExecuteAll(loop.AtLoopBottom, frame);
            Tick(loop.Syntax);
        }

        return Flow.Next;
    }

    private Flow Loop(IForEachLoopOperation loop, Frame frame)
    {
        IOperation collection = loop.Collection;
        if (Evaluate(collection, frame) is not SymList list)
        {
            throw EvaluationException.Unsupported(collection.Syntax, "foreach needs an array or list whose elements are known during the build");
        }

        foreach (object? item in list.Items.ToArray())
        {
            switch (loop.LoopControlVariable)
            {
                case IVariableDeclaratorOperation variable:
                    frame.Declare(variable.Symbol, item);
                    break;
                case IDeclarationExpressionOperation declaration:
                    Assign(declaration, item, frame);
                    break;
                default:
                    throw EvaluationException.Unsupported(loop.LoopControlVariable.Syntax, "this kind of foreach variable is not supported; use a plain variable");
            }

            Flow flow = Execute(loop.Body, frame);
            if (flow == Flow.Return)
            {
                return flow;
            }

            if (flow == Flow.Break)
            {
                break;
            }
        }

        return Flow.Next;
    }

    private Flow Loop(IWhileLoopOperation loop, Frame frame)
    {
        bool checkFirst = loop.ConditionIsTop;
        while (!checkFirst || Condition(loop.Condition!, frame) != loop.ConditionIsUntil)
        {
            checkFirst = true;
            Flow flow = Execute(loop.Body, frame);
            if (flow == Flow.Return)
            {
                return flow;
            }

            if (flow == Flow.Break)
            {
                break;
            }

            Tick(loop.Syntax);
        }

        return Flow.Next;
    }

    private bool Condition(IOperation condition, Frame frame) => Evaluate(condition, frame) switch
    {
        bool value => value,
        SymTensor => throw DataDependent(condition.Syntax, "the condition is a tensor, whose value is known only when the model runs; use torch.where(condition, a, b) to choose per element"),
        SymTraining => throw DataDependent(condition.Syntax, "a branch on 'training' would need two graphs; use layers that know the mode (Dropout, BatchNorm), or dropout(x, p, training)"),
        _ => throw DataDependent(condition.Syntax, "the condition must be known during the build: constants, constructor arguments, and sizes that [Shape] gives as numbers"),
    };

    private static string Describe(IOperation operation) => operation.Kind switch
    {
        OperationKind.Try => "try",
        OperationKind.Lock => "lock",
        OperationKind.Switch => "switch",
        OperationKind.YieldReturn => "yield return",
        OperationKind.Labeled => "labeled",
        _ => operation.Kind.ToString(),
    };
}
