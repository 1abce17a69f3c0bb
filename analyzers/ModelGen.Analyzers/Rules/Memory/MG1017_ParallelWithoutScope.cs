using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports functions given to <c>Parallel</c> or <c>Task.Run</c> that make tensors and neither dispose them nor open a scope.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1017_ParallelWithoutScope() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ParallelWithoutScope,
        "Tensors are made on other threads without a dispose scope",
        "Dispose scopes belong to a thread, so none is open here and '{0}' is left to the garbage collector; begin the function with 'using var scope = torch.NewDisposeScope();'",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A dispose scope is the current one of its thread alone. A scope around Parallel.For or Task.Run does not see the tensors that the workers make.",
        RuleIds.HelpLink(RuleIds.ParallelWithoutScope));

    private static readonly HashSet<string> s_starters = ["For", "ForEach", "Invoke", "Run", "StartNew"];

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        INamedTypeSymbol?[] workers =
        [
            context.Compilation.GetTypeByMetadataName("System.Threading.Tasks.Parallel"),
            context.Compilation.GetTypeByMetadataName("System.Threading.Tasks.Task"),
            context.Compilation.GetTypeByMetadataName("System.Threading.Tasks.TaskFactory"),
        ];
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (!s_starters.Contains(call.TargetMethod.Name) || !workers.Contains(call.TargetMethod.ContainingType, SymbolEqualityComparer.Default))
                {
                    return;
                }

                foreach (IAnonymousFunctionOperation function in call.Arguments.Select(argument => Function(argument.Value)).OfType<IAnonymousFunctionOperation>())
                {
                    if (!ManagesMemory(function, torch) && FindLeft(function, torch) is { } left)
                    {
                        operation.ReportDiagnostic(Diagnostic.Create(Rule, left.Syntax.GetLocation(), left.Symbol.Name));
                    }
                }
            },
            calls: s_starters);
    }

    private static IAnonymousFunctionOperation? Function(IOperation value) =>
        value.Unwrap() is IDelegateCreationOperation { Target: IAnonymousFunctionOperation function } ? function : null;

    private static bool ManagesMemory(IAnonymousFunctionOperation function, TorchSharpContext torch) => function.Descendants().Any(operation => operation switch
    {
        IInvocationOperation call => torch.IsNewDisposeScope(call.TargetMethod) || torch.IsScopeTransfer(call.TargetMethod) || call.TargetMethod.Name == "WrappedTensorDisposeScope",
        IVariableDeclaratorOperation { Symbol: { IsUsing: true, Type.SpecialType: SpecialType.System_IDisposable } } => true,
        IUsingOperation { Resources.Type.SpecialType: SpecialType.System_IDisposable } => true,
        _ => false,
    });

    /// <summary>A local of the function that starts as a new tensor and that TorchSharp alone ever gets to see.</summary>
    private static IVariableDeclaratorOperation? FindLeft(IAnonymousFunctionOperation function, TorchSharpContext torch) =>
        function.Descendants().OfType<IVariableDeclaratorOperation>().FirstOrDefault(declarator =>
            !declarator.Symbol.IsUsing && torch.IsTensor(declarator.Symbol.Type) && IsNew(declarator.GetVariableInitializer()?.Value.Unwrap(), torch)
            && declarator.EnclosingFunction() == function
            && function.MentionsOf(declarator.Symbol).All(mention => StaysHere(mention, torch)));

    private static bool IsNew(IOperation? value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation call => TensorOrigins.Of(call, torch) == TensorOrigin.New,
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        _ => false,
    };

    private static bool StaysHere(IOperation mention, TorchSharpContext torch) => mention.MeaningfulParent() switch
    {
        IInvocationOperation call => torch.Owns(call.TargetMethod) && call.TargetMethod.Name != "Dispose",
        IArgumentOperation { Parent: IInvocationOperation call } => torch.Owns(call.TargetMethod),
        IBinaryOperation { OperatorMethod: not null } or IPropertyReferenceOperation => true,
        _ => false,
    };
}
