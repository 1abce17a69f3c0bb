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

    private static readonly string[] s_moves = ["to", "cuda", "half", "bfloat16", "float", "double", "cpu"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            foreach (IOperation creation in member.Of(OperationKind.Invocation).Concat(member.Of(OperationKind.ObjectCreation)))
            {
                if (torch.IsOptimizer(creation.Type) && OptimizerVariable(creation) is { } optimizer)
                {
                    foreach (ISymbol model in ParameterSources(creation, torch, block.CancellationToken).Distinct<ISymbol>(SymbolEqualityComparer.Default))
                    {
                        if ((FindLaterMove(creation, optimizer, model, torch, block.CancellationToken) ?? FindMoveInMethod(creation, optimizer, model, block, torch)) is { } move)
                        {
                            block.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), [move.Syntax.GetLocation()], model.Name, move.Syntax.ToString()));
                            break;
                        }
                    }

                    foreach (IOperation model in PartsOfOtherObjects(creation, torch))
                    {
                        if (FindLaterMove(creation, optimizer, model, torch) is { } move)
                        {
                            block.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), [move.Syntax.GetLocation()], model.Syntax.ToString(), move.Syntax.ToString()));
                            break;
                        }
                    }
                }
            }
        });

    private static IInvocationOperation? FindLaterMove(IOperation creation, ISymbol optimizer, ISymbol model, TorchSharpContext torch, CancellationToken cancellation) => FindLaterMove(
        creation,
        optimizer,
        call => Moves(call, model, torch, cancellation),
        move => IsAssignedBetween(model, creation, move, creation.EnclosingFunction()));

    /// <summary>The move of a model that is a field of another object, with nothing in between that may put another model or object there.</summary>
    private static IInvocationOperation? FindLaterMove(IOperation creation, ISymbol optimizer, IOperation model, TorchSharpContext torch) => FindLaterMove(
        creation,
        optimizer,
        call => torch.IsModuleMove(call.TargetMethod) && call.Receiver().IsSamePlaceAs(model),
        move => creation.EnclosingFunction().Descendants().Any(operation =>
            operation.Start() > creation.Syntax.Span.End && operation.Start() < move.Start() && !operation.Syntax.Span.Contains(move.Syntax.Span)
            && operation switch
            {
                ISimpleAssignmentOperation assignment => Wholes(model).Any(whole => assignment.Target.IsSamePlaceAs(whole)),
                IInvocationOperation call when !torch.Owns(call.TargetMethod) => Wholes(model).Skip(1).Any(whole =>
                    call.Receiver().IsSamePlaceAs(whole) || call.Arguments.Any(argument => argument.Value.IsSamePlaceAs(whole))),
                _ => false,
            }));

    private static IInvocationOperation? FindLaterMove(IOperation creation, ISymbol optimizer, Func<IInvocationOperation, bool> moves, Func<IInvocationOperation, bool> isReplacedBefore)
    {
        if (EnclosingBlock(creation) is not { } block)
        {
            return null;
        }

        IOperation function = creation.EnclosingFunction();
        List<IInvocationOperation> found = [.. function.Descendants().OfType<IInvocationOperation>().Where(moves)];
        return found.FirstOrDefault(move =>
            move.Start() > creation.Syntax.Span.End
            && block.Syntax.Span.Contains(move.Syntax.Span)
            && move.EnclosingFunction() == function
            && !IsNoMove(move)
            && !found.Any(earlier => earlier.Start() < creation.Start() && SameTarget(earlier, move))
            && IsUsedAfter(optimizer, move, function)
            && !isReplacedBefore(move)
            && !IsAssignedAfter(optimizer, creation, function));
    }

    /// <summary>The models whose parameters the optimizer is given and that are fields, or properties which keep what they are given, of objects other than modules: <c>_pipeline.Model</c>.</summary>
    private static IEnumerable<IOperation> PartsOfOtherObjects(IOperation creation, TorchSharpContext torch) =>
        creation.Descendants().OfType<IInvocationOperation>()
            .Where(call => call.TargetMethod.Name is "parameters" or "named_parameters" && torch.IsModuleMember(call.TargetMethod))
            .Select(call => call.Instance?.Unwrap())
            .OfType<IMemberReferenceOperation>()
            .Where(model => Variable(model, torch) is null && Wholes(model).All(whole => whole.NamedVariable() is not null || whole is IFieldReferenceOperation || (whole is IPropertyReferenceOperation { Property: { } property } && property.IsStored())));

    /// <summary>The model, the object that it is a part of, and so on, up to a variable.</summary>
    private static IEnumerable<IOperation> Wholes(IOperation model)
    {
        for (IOperation? current = model.Unwrap(); current is not null; current = (current as IMemberReferenceOperation)?.Instance?.Unwrap())
        {
            yield return current;
            if (current.NamedVariable() is not null)
            {
                yield break;
            }
        }
    }

    /// <summary>The constructor makes the optimizer, and a method moves the model and then uses the optimizer; all are fields that nothing else sets.</summary>
    private static IInvocationOperation? FindMoveInMethod(IOperation creation, ISymbol optimizer, ISymbol model, MemberContext block, TorchSharpContext torch)
    {
        if (block.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Constructor, ContainingType: { } type }
            || optimizer is not (IFieldSymbol or IPropertySymbol) || model is not (IFieldSymbol or IPropertySymbol)
            || !SymbolEqualityComparer.Default.Equals(model.ContainingType, type)
            || creation.EnclosingFunction() is IAnonymousFunctionOperation or ILocalFunctionOperation
            || !RegistrationFacts.Mentions(type, s_moves, block.CancellationToken))
        {
            return null;
        }

        IInvocationOperation? found = null;
        foreach (MemberCode member in TypeCode.MembersOf(type, block.Compilation, torch, block.CancellationToken))
        {
            foreach (IInvocationOperation move in member.Of(OperationKind.Invocation).Cast<IInvocationOperation>().Where(call => torch.IsModuleMove(call.TargetMethod) && call.Receiver() is not null))
            {
                IOperation function = move.EnclosingFunction();
                if (IsPartOfValueOf(model, move) || (move.Receiver().Names(model) && function is IConstructorBodyOperation))
                {
                    return null; // The constructor has moved it already, perhaps to where the method does.
                }

                if (found is null && move.Receiver().Names(model) && function is IMethodBodyOperation && !IsNoMove(move) && IsUsedAfter(optimizer, move, function)
                    && !function.Descendants().OfType<ISimpleAssignmentOperation>().Any(assignment => assignment.Target.Names(model) && !assignment.Syntax.Span.Contains(move.Syntax.Span)))
                {
                    found = move;
                }
            }

            if (member.Of(OperationKind.SimpleAssignment).Cast<ISimpleAssignmentOperation>().Any(assignment => assignment.Target.Names(optimizer) && assignment.Value.Syntax.Span != creation.Syntax.Span))
            {
                return null;
            }
        }

        return found;
    }

    /// <summary><c>_model = new Net().to(device)</c>, or the same as an initializer.</summary>
    private static bool IsPartOfValueOf(ISymbol model, IInvocationOperation move)
    {
        for (IOperation? current = move.Parent; current is not null; current = current.Parent)
        {
            if (current is ISimpleAssignmentOperation assignment && assignment.Target.Names(model))
            {
                return !move.Receiver().Names(model);
            }

            if ((current is IFieldInitializerOperation field && field.InitializedFields.Contains(model, SymbolEqualityComparer.Default))
                || (current is IPropertyInitializerOperation property && property.InitializedProperties.Contains(model, SymbolEqualityComparer.Default)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A move of the model, or the call of a helper of the user's that moves it.</summary>
    private static bool Moves(IInvocationOperation call, ISymbol model, TorchSharpContext torch, CancellationToken cancellation)
    {
        if (torch.Owns(call.TargetMethod))
        {
            return torch.IsModuleMove(call.TargetMethod) && call.Receiver().Names(model);
        }

        IArgumentOperation? handed = call.Arguments.FirstOrDefault(argument => argument.Value.Names(model));
        return (handed is not null || call.TargetMethod.MethodKind == MethodKind.LocalFunction)
            && MethodCode.BodyOf(call.TargetMethod, call, cancellation) is { } body
            && body.Descendants().OfType<IInvocationOperation>().Any(move =>
                torch.IsModuleMove(move.TargetMethod) && !IsNoMove(move) && move.EnclosingFunction() == body
                && move.Receiver().Names((ISymbol?)handed?.Parameter?.OriginalDefinition ?? model));
    }

    private static ISymbol? OptimizerVariable(IOperation creation) => creation.MeaningfulParent() switch
    {
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => declarator.Symbol,
        ISimpleAssignmentOperation assignment when assignment.Value.Unwrap() == creation => assignment.Target.NamedVariable(),
        _ => null,
    };

    /// <summary>The variables whose parameters the optimizer is given: where it is made, by a local list, or through a helper that makes it. The parameters of a part move with the whole.</summary>
    private static IEnumerable<ISymbol> ParameterSources(IOperation creation, TorchSharpContext torch, CancellationToken cancellation)
    {
        IEnumerable<IOperation> operations = creation.DescendantsAndSelf();
        if (creation is IInvocationOperation helper && !torch.Owns(helper.TargetMethod))
        {
            return MethodCode.ReturnedBy(helper.TargetMethod, helper, cancellation) is [{ } made] && torch.IsOptimizer(made.Unwrap().Type)
                ? ParameterSources(made.Resolve(), torch, cancellation)
                    .SelectMany(source => helper.Arguments.Where(argument => SymbolEqualityComparer.Default.Equals(argument.Parameter?.OriginalDefinition, source)).Select(argument => Variable(argument.Value, torch)))
                    .OfType<ISymbol>()
                : [];
        }

        return operations.Concat(operations.OfType<ILocalReferenceOperation>().Where(local => !torch.IsModule(local.Type)).Select(local => local.Resolve()).SelectMany(value => value.DescendantsAndSelf()))
            .OfType<IInvocationOperation>()
            .Where(call => call.TargetMethod.Name is "parameters" or "named_parameters" && torch.IsModuleMember(call.TargetMethod))
            .Select(call => Variable(call.Instance, torch))
            .OfType<ISymbol>();
    }

    /// <summary>The variable that holds a module, or the module that this one is a part of.</summary>
    private static ISymbol? Variable(IOperation? module, TorchSharpContext torch) =>
        module.NamedVariable() ?? (module?.Unwrap() is IMemberReferenceOperation { Instance: { } whole } && torch.IsModule(whole.Type) ? Variable(whole, torch) : null);

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
