using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports convolutions and linear layers with a bias directly followed by batch normalization, in a Sequential, in a list of layers, or in a class that calls one on the result of the other.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2020_BiasBeforeBatchNorm() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.BiasBeforeBatchNorm,
        "A layer directly before batch normalization has a bias",
        "Batch normalization subtracts the mean, and the bias of this layer with it; pass '{0}: false'",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The bias cannot change the output. It is stored, updated and added all the same, and weight decay and momentum are spent on it.",
        RuleIds.HelpLink(RuleIds.BiasBeforeBatchNorm));

    private static readonly string[] s_normalizations = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"];

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "Sequential" && torch.Owns(call.TargetMethod) && torch.IsModule(call.Type))
                {
                    Analyze(operation, Layers(call.Arguments), torch);
                }
            },
            calls: ["Sequential"]);
        context.OnOperations(operation => AnalyzeBlock(operation, torch), kinds: [OperationKind.Block], inCallersOf: s_normalizations);
        context.OnOperations(operation => AnalyzeForward(operation, context.Compilation, torch), calls: ["forward", "call"]);
    }

    /// <summary><c>_norm.forward(_conv.forward(x))</c>, where nothing else uses what the convolution gives: both are private fields that are set once, and the class calls the convolution nowhere else.</summary>
    private static void AnalyzeForward(MemberOperation operation, Compilation compilation, TorchSharpContext torch)
    {
        if (Component(operation.Operation, torch) is not { } norm
            || ((IInvocationOperation)operation.Operation).ArgumentAt(0) is not { } input || Component(input.Resolve(), torch) is not { } layer
            || (input.Unwrap() is ILocalReferenceOperation { Local: { } local } && operation.Operation.Root().MentionsOf(local).Count() != 1)
            || SymbolEqualityComparer.Default.Equals(norm, layer) || !RegistrationFacts.Mentions(norm.ContainingType, s_normalizations, operation.CancellationToken))
        {
            return;
        }

        List<IOperation> normValues = [], layerValues = [];
        int uses = 0;
        foreach (MemberCode member in TypeCode.MembersOf(norm.ContainingType, compilation, torch, operation.CancellationToken))
        {
            uses += member.Of(OperationKind.FieldReference).Cast<IFieldReferenceOperation>().Count(reference => SymbolEqualityComparer.Default.Equals(reference.Field, layer));
            foreach (IFieldInitializerOperation initializer in member.Of(OperationKind.FieldInitializer).Cast<IFieldInitializerOperation>())
            {
                Collect(initializer.Value, initializer.InitializedFields.Contains);
            }

            foreach (ISimpleAssignmentOperation assignment in member.Of(OperationKind.SimpleAssignment).Cast<ISimpleAssignmentOperation>())
            {
                uses -= assignment.Target.Names(layer) ? 1 : 0;
                Collect(assignment.Value, field => assignment.Target.Names(field));
            }
        }

        if (uses == 1 && normValues is [{ } normalization] && IsBatchNorm(normalization, torch) && layerValues is [IInvocationOperation made] && BiasParameter(made, torch) is { } bias
            && made.Syntax.SyntaxTree == operation.Operation.Syntax.SyntaxTree)
        {
            operation.ReportDiagnostic(Diagnostic.Create(Rule, made.Syntax.GetLocation(), bias));
        }

        void Collect(IOperation value, Func<IFieldSymbol, bool> sets)
        {
            if (sets(norm))
            {
                normValues.Add(value.Unwrap());
            }

            if (sets(layer))
            {
                layerValues.Add(value.Unwrap());
            }
        }
    }

    /// <summary>The private field of this object whose module a call runs.</summary>
    private static IFieldSymbol? Component(IOperation operation, TorchSharpContext torch) =>
        operation is IInvocationOperation call && torch.IsForward(call.TargetMethod)
        && call.Instance?.Unwrap() is IFieldReferenceOperation { Instance: IInstanceReferenceOperation, Field: { DeclaredAccessibility: Accessibility.Private, IsStatic: false } field }
            ? field
            : null;

    private static void Analyze(MemberOperation operation, IEnumerable<IOperation> layers, TorchSharpContext torch)
    {
        IOperation? before = null;
        foreach (IOperation layer in layers)
        {
            if (before is IInvocationOperation candidate && BiasParameter(candidate, torch) is { } bias && IsBatchNorm(layer, torch))
            {
                operation.ReportDiagnostic(Diagnostic.Create(Rule, candidate.Syntax.GetLocation(), bias));
            }

            before = layer;
        }
    }

    /// <summary><c>list.Add(Conv2d(...)); list.Add(BatchNorm2d(...));</c></summary>
    private static void AnalyzeBlock(MemberOperation operation, TorchSharpContext torch)
    {
        (ISymbol List, IOperation Layer)? before = null;
        foreach (IOperation statement in ((IBlockOperation)operation.Operation).Operations)
        {
            (ISymbol List, IOperation Layer)? now = null;
            if (statement is IExpressionStatementOperation { Operation: IInvocationOperation { TargetMethod.Name: "Add" or "append" or "Append", Arguments: { IsEmpty: false } arguments } add }
                && add.Instance.NamedVariable() is { } list)
            {
                now = (list, Layer(arguments[arguments.Length - 1].Value));
                if (before is { } last && SymbolEqualityComparer.Default.Equals(last.List, list))
                {
                    Analyze(operation, [last.Layer, now.Value.Layer], torch);
                }
            }

            before = now;
        }
    }

    /// <summary>The layers in the order of the arguments: modules, named modules, or an array of either.</summary>
    private static IEnumerable<IOperation> Layers(IEnumerable<IArgumentOperation> arguments) => arguments.SelectMany(argument => argument.Value.Unwrap() switch
    {
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues.Select(Layer),
        ICollectionExpressionOperation collection => collection.Elements.Select(Layer),
        { } value => [Layer(value)],
    });

    private static IOperation Layer(IOperation value) => value.Unwrap() is ITupleOperation { Elements: [_, { } named] } ? named.Unwrap() : value.Unwrap();

    /// <summary>The name of the parameter that switches the bias off, for a layer that has one by default.</summary>
    private static string? BiasParameter(IInvocationOperation layer, TorchSharpContext torch)
    {
        if (!torch.Owns(layer.TargetMethod) || !torch.IsModule(layer.Type) || !(layer.TargetMethod.Name.StartsWith("Conv", StringComparison.Ordinal) || layer.TargetMethod.Name == "Linear"))
        {
            return null;
        }

        return layer.Arguments.FirstOrDefault(argument => argument.Parameter?.Name is "bias" or "hasBias") is { ArgumentKind: ArgumentKind.DefaultValue, Value: { } value } bias && value.IsConstant(true)
            ? bias.Parameter!.Name
            : null;
    }

    private static bool IsBatchNorm(IOperation layer, TorchSharpContext torch) =>
        layer is IInvocationOperation { TargetMethod: { } method } && s_normalizations.Contains(method.Name) && torch.Owns(method);
}
