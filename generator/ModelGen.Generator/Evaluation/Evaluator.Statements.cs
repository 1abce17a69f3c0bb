using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;

namespace ModelGen.Generator.Evaluation;

/// <content>Statements.</content>
internal sealed partial class Evaluator
{
    private Flow Execute(IOperation operation, Frame frame)
    {
        Tick(operation.Syntax);
        switch (operation)
        {
            case IBlockOperation block:
                return ExecuteAll(block.Operations, Scope(block, block.Operations, frame));
            case IMethodBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody!, frame);
            case IConstructorBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody!, frame);
            case IVariableDeclarationGroupOperation group:
                foreach (IVariableDeclarationOperation declaration in group.Declarations)
                {
                    foreach (IVariableDeclaratorOperation declarator in declaration.Declarators)
                    {
                        Declare(declarator, declaration, frame);
                    }
                }

                return Flow.Next;
            case IUsingDeclarationOperation declaration:
                // Lifetimes of tensors are the compiler's business: `using var y = ...` only names a value.
                return Execute(declaration.DeclarationGroup, frame);
            case IUsingOperation block:
                return Using(block, frame);
            case IExpressionStatementOperation statement:
                graph.Source = cache.Text(statement.Syntax).TrimEnd(';');
                Evaluate(statement.Operation, frame);
                return Flow.Next;
            case IReturnOperation { Kind: OperationKind.YieldReturn } result:
                (frame.Yielded ??= []).Add(Evaluate(result.ReturnedValue!, frame));
                return Flow.Next;
            case IReturnOperation { Kind: OperationKind.YieldBreak }:
                frame.Yielded ??= [];
                return Flow.Return;
            case IReturnOperation result:
                if (result.ReturnedValue is not null)
                {
                    graph.Source = cache.Text(result.ReturnedValue.Syntax);
                    frame.Returned = Evaluate(result.ReturnedValue, frame);
                }

                return Flow.Return;
            case IConditionalOperation conditional:
                return Execute(conditional, frame);
            default:
                return ExecuteControl(operation, frame);
        }
    }

    private Flow Execute(IConditionalOperation conditional, Frame frame)
    {
        object? condition = Evaluate(conditional.Condition, frame);
        if (Equals(condition, SymOpaque.DeviceTest) && OnlyMoves(conditional.WhenTrue) && OnlyMoves(conditional.WhenFalse))
        {
            // `if (device == CUDA) this.to(CUDA)`: whichever way it goes, the calculation is the same.
            return Flow.Next;
        }

        return Truth(condition, conditional.Condition.Syntax) ? Execute(conditional.WhenTrue, frame) : conditional.WhenFalse is null ? Flow.Next : Execute(conditional.WhenFalse, frame);
    }

    /// <summary>Whether statements do nothing but move a model between devices.</summary>
    private static bool OnlyMoves(IOperation? operation) => operation switch
    {
        null => true,
        IBlockOperation block => block.Operations.All(OnlyMoves),
        IExpressionStatementOperation { Operation: IInvocationOperation { TargetMethod.Name: "to" or "cuda" or "cpu" } call } => !call.Arguments.Any(static argument => argument.Parameter?.Type.Name == "ScalarType" && argument.ArgumentKind != ArgumentKind.DefaultValue),
        _ => false,
    };

    private Flow ExecuteControl(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case ISwitchOperation choice:
                return Switch(choice, frame);
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
            case ITryOperation attempt:
                Flow flow = Execute(attempt.Body, frame);
                return attempt.Finally is null || Execute(attempt.Finally, frame) == Flow.Next ? flow : Flow.Return;
            case ILockOperation locked:
                return Execute(locked.Body, frame);
            case ILocalFunctionOperation or IEmptyOperation:
                return Flow.Next;
            case IThrowOperation thrown:
                throw Thrown(thrown);
            default:
                throw EvaluationException.Unsupported(
                    operation.Syntax,
                    $"a {Describe(operation)} statement cannot be compiled; a model may use local variables, if, switch, for, foreach and while on values known during the build, using, and calls");
        }
    }

    private EvaluationException Thrown(IThrowOperation thrown) => EvaluationException.Unsupported(
        thrown.Syntax,
        constructing ? "the constructor reaches this 'throw' with the given arguments; give others in [Model(...)]" : "the model reaches this 'throw' for the given input shapes");

    /// <summary>Runs statements until one leaves the block; <c>no_grad</c> declared inside ends with it.</summary>
    private Flow ExecuteAll(IEnumerable<IOperation> operations, Frame frame)
    {
        int gradients = noGrad;
        Flow flow = Flow.Next;
        List<(object? Resource, SyntaxNode At)>? resources = null;
        foreach (IOperation operation in operations)
        {
            flow = Execute(operation, frame);
            if (operation is IUsingDeclarationOperation declaration)
            {
                (resources ??= []).AddRange(Resources(declaration.DeclarationGroup, frame));
            }

            if (flow != Flow.Next)
            {
                break;
            }
        }

        DisposeAll(resources, frame);
        noGrad = gradients;
        return flow;
    }

    private Flow Using(IUsingOperation block, Frame frame)
    {
        int gradients = noGrad;
        List<(object? Resource, SyntaxNode At)> resources;
        if (block.Resources is IVariableDeclarationGroupOperation declarations)
        {
            frame = Scope(block, [], frame);
            Execute(declarations, frame);
            resources = [.. Resources(declarations, frame)];
        }
        else
        {
            resources = [(Evaluate(block.Resources, frame), block.Resources.Syntax)];
        }

        Flow flow = Execute(block.Body, frame);
        DisposeAll(resources, frame);
        noGrad = gradients;
        return flow;
    }

    /// <summary>The frame for a run of a block: one of its own where functions inside may keep its variables, and with its local functions declared.</summary>
    private Frame Scope(IOperation block, IEnumerable<IOperation> statements, Frame frame)
    {
        if (!cache.HasFunctions(block.Syntax))
        {
            return frame;
        }

        Frame scope = frame.Block();
        foreach (ILocalFunctionOperation function in statements.OfType<ILocalFunctionOperation>())
        {
            scope.Declare(function.Symbol, scope);
        }

        return scope;
    }

    /// <summary>The frame that a local function was declared in.</summary>
    private static Frame Around(IMethodSymbol function, Frame frame) => frame.TryGet(function.OriginalDefinition, out object? around) && around is Frame declared ? declared : frame;

    /// <summary>Refuses a loop that changes what it runs through: an array shows the change to the loop, and other collections throw.</summary>
    private static void Unchanged(object? collection, IReadOnlyList<object?> items, int next, SyntaxNode at)
    {
        IReadOnlyList<object?>? now = collection is SymList list ? list.Rank == 1 ? list.Items : ElementsOf(list, at) : null;
        bool changed = collection switch
        {
            SymList => now!.Count != items.Count || (next < items.Count && !ReferenceEquals(now[next], items[next]) && !Equals(now[next], items[next])),
            SymDictionary dictionary => dictionary.Items.Count != items.Count,
            _ => false,
        };
        if (changed)
        {
            throw EvaluationException.Unsupported(at, "the loop changes the collection that it runs through, which is not followed during the build; run through a copy (ToArray())");
        }
    }

    private static EvaluationException ByReference(SyntaxNode at) => EvaluationException.Unsupported(
        at, "a variable that stands for the place of another (ref) is not followed during the build; use the other variable or element itself");

    private void Declare(IVariableDeclaratorOperation declarator, IVariableDeclarationOperation declaration, Frame frame)
    {
        if (declarator.Symbol.RefKind != RefKind.None)
        {
            throw ByReference(declarator.Syntax);
        }

        IOperation? initializer = declarator.Initializer?.Value ?? declaration.Initializer?.Value;
        object? value = null;
        if (initializer is not null)
        {
            graph.Source = cache.StatementText(declarator.Syntax);
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

    private Flow Switch(ISwitchOperation choice, Frame frame)
    {
        object? value = Evaluate(choice.Value, frame);
        frame = Scope(choice, [], frame);
        ISwitchCaseOperation? chosen = choice.Cases.FirstOrDefault(branch => branch.Clauses.Any(clause => Chooses(clause, value, frame)))
            ?? choice.Cases.FirstOrDefault(static branch => branch.Clauses.Any(static clause => clause is IDefaultCaseClauseOperation));
        Flow flow = chosen is null ? Flow.Next : ExecuteAll(chosen.Body, Scope(chosen, chosen.Body, frame));
        return flow == Flow.Break ? Flow.Next : flow;
    }

    private bool Chooses(ICaseClauseOperation clause, object? value, Frame frame) => clause switch
    {
        ISingleValueCaseClauseOperation single => Same(Evaluate(single.Value, frame), value, single.Syntax),
        IPatternCaseClauseOperation pattern => Matches(pattern.Pattern, value, frame) && (pattern.Guard is null || Condition(pattern.Guard, frame)),
        _ => false,
    };

    private Flow Loop(IForLoopOperation loop, Frame frame)
    {
        // The variables of `for` are one for all rounds.
        frame = Scope(loop, [], frame);
        ExecuteAll(loop.Before, frame);
        while (loop.Condition is null || Condition(loop.Condition, frame))
        {
            Flow flow = Execute(loop.Body, Scope(loop.Body, [], frame));
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
        object? collection = Evaluate(loop.Collection, frame);
        IReadOnlyList<object?> items = collection is SymSequence { HasEffects: true } ? throw Effects(loop.Collection.Syntax) : Elements(collection, loop.Collection.Syntax);
        for (int i = 0; i < items.Count; i++)
        {
            Tick(loop.Syntax);
            Frame round = Scope(loop, [], frame);
            switch (loop.LoopControlVariable)
            {
                case IVariableDeclaratorOperation { Symbol.RefKind: not RefKind.None }:
                    throw ByReference(loop.LoopControlVariable.Syntax);
                case IVariableDeclaratorOperation variable:
                    round.Declare(variable.Symbol, ConvertTo(items[i], variable.Symbol.Type));
                    break;
                case { } target:
                    Assign(target, items[i], round);
                    break;
            }

            Flow flow = Execute(loop.Body, round);
            Unchanged(collection, items, i + 1, loop.Collection.Syntax);
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
        // `do` does not see the variables of its body; `while` declares in its condition anew each round.
        bool checkFirst = loop.ConditionIsTop;
        Frame round = Scope(loop, [], frame);
        while (!checkFirst || Condition(loop.Condition!, round) != loop.ConditionIsUntil)
        {
            checkFirst = true;
            Flow flow = Execute(loop.Body, round);
            round = Scope(loop, [], frame);
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

    private bool Condition(IOperation condition, Frame frame) => Truth(Evaluate(condition, frame), condition.Syntax);

    private bool Truth(object? value, SyntaxNode at) => value switch
    {
        bool known => known,
        SymTraining when constructing => true, // a module is made in training mode
        SymTraining => mode ?? throw new ModeNeededException(),
        SymTensor => throw EvaluationException.DataDependent(at, "the condition is a tensor, whose value is known only when the model runs; use torch.where(condition, a, b) to choose per element"),
        SymOpaque test when test == SymOpaque.DeviceTest => throw EvaluationException.DataDependent(at, "where the model runs is not known during the build, so its code must not depend on the device"),
        _ => throw EvaluationException.DataDependent(at, "the condition must be known during the build: constants, constructor arguments, and sizes that [Shape] gives as numbers"),
    };

    private static string Describe(IOperation operation) => operation.Kind switch
    {
        OperationKind.Labeled => "labeled",
        OperationKind.Branch => "goto",
        _ => operation.Kind.ToString(),
    };
}
