using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a method that puts a model in evaluation mode and runs it while gradients are being recorded.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3001_EvaluationWithoutNoGrad() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.EvaluationWithoutNoGrad,
        "A model is evaluated while gradients are recorded",
        "'{0}' is in evaluation mode here, but gradients are still recorded, so every activation is kept; add 'using var noGrad = torch.no_grad();' before this call",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "eval() changes how dropout and batch normalization behave; it does not stop the recording of the graph. Without no_grad or inference_mode, evaluation needs the memory and much of the time of training.",
        RuleIds.HelpLink(RuleIds.EvaluationWithoutNoGrad));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            ImmutableArray<TextSpan> quiet = FindQuietRegions(member, torch);
            foreach (IOperation body in block.OperationBlocks)
            {
                List<IInvocationOperation> calls = [.. member.Of(OperationKind.Invocation).Cast<IInvocationOperation>().Where(call => body.Syntax.Span.Contains(call.Syntax.Span))];
                if (FindForward(body, calls, quiet, torch) is { } forward && !IsCalledQuietly(block.OwningSymbol, block.Compilation, torch, block.CancellationToken))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, forward.Syntax.GetLocation(), forward.Instance!.Syntax.ToString()));
                }
            }
        },
        inCallersOf: ["eval", "train"]);

    /// <summary>True when some member of the same type calls the method where gradients are switched off.</summary>
    private static bool IsCalledQuietly(ISymbol method, Compilation compilation, TorchSharpContext torch, CancellationToken cancellation) =>
        method.ContainingType is { } type && TypeCode.MembersOf(type, compilation, torch, cancellation).Any(member =>
            FindQuietRegions(member, torch) is { IsEmpty: false } quiet
            && member.CallsOf(method.Name).Cast<IInvocationOperation>().Any(call =>
                SymbolEqualityComparer.Default.Equals(call.TargetMethod.OriginalDefinition, method.OriginalDefinition) && quiet.Contains(call)));

    private static IInvocationOperation? FindForward(
        IOperation body, List<IInvocationOperation> calls, ImmutableArray<TextSpan> quiet, TorchSharpContext torch)
    {
        if (!calls.Any(call => IsModeSwitch(call, torch)))
        {
            return null;
        }

        IEnumerable<IOperation> functions = calls.Where(call => IsModeSwitch(call, torch)).Select(call => call.EnclosingFunction()).Distinct();
        return functions.Select(function => FindForwardIn(function, function is ILocalFunctionOperation ? function : body, calls, quiet, torch)).FirstOrDefault(forward => forward is not null);
    }

    /// <summary>A local function is looked at by itself: what the code around it does with gradients is done at another time.</summary>
    private static IInvocationOperation? FindForwardIn(IOperation function, IOperation whole, List<IInvocationOperation> all, ImmutableArray<TextSpan> quiet, TorchSharpContext torch)
    {
        List<IInvocationOperation> calls = [.. all.Where(call => whole.Syntax.Span.Contains(call.Syntax.Span))];
        if (calls.Any(call => ManagesGradients(call, torch)) || MentionsRequiresGrad(whole)
            || (function is ILocalFunctionOperation { Symbol: { } local } && all.Any(call => SymbolEqualityComparer.Default.Equals(call.TargetMethod, local) && quiet.Contains(call))))
        {
            return null;
        }

        foreach (IInvocationOperation forward in calls.Where(call => torch.IsForward(call.TargetMethod) && call.EnclosingFunction() == function).OrderBy(call => call.Start()))
        {
            IInvocationOperation? mode = calls
                .Where(call => IsModeSwitch(call, torch) && call.Start() < forward.Start() && SameModel(call, forward))
                .OrderBy(call => call.Start()).LastOrDefault();
            if (mode is { TargetMethod.Name: "eval" } && mode.EnclosingFunction() == forward.EnclosingFunction() && !quiet.Contains(forward))
            {
                return forward;
            }
        }

        return null;
    }

    private static bool IsModeSwitch(IInvocationOperation call, TorchSharpContext torch) =>
        call.TargetMethod.Name is "eval" or "train" && torch.IsModule(call.TargetMethod.ContainingType);

    private static bool SameModel(IInvocationOperation mode, IInvocationOperation forward) =>
        forward.Instance.NamedVariable() is { } model && mode.Instance.Names(model);

    /// <summary>Backward passes (attacks, frozen normalization), and a mode that is switched other than by a using.</summary>
    private static bool ManagesGradients(IInvocationOperation call, TorchSharpContext torch) =>
        torch.IsBackward(call.TargetMethod)
        || (torch.IsGradMode(call.TargetMethod) && call.MeaningfulParent() is not (IUsingOperation or IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.IsUsing: true } }))
        || call.TargetMethod.Name is "requires_grad_" or "set_grad_enabled";

    private static bool MentionsRequiresGrad(IOperation body) =>
        body.Descendants().OfType<IPropertyReferenceOperation>().Any(property => property.Property.Name == "requires_grad");

    /// <summary>
    /// Regions under a using that switches gradients off, or that might: a resource known only as IDisposable can be the
    /// user's own wrapper of no_grad.
    /// </summary>
    private static ImmutableArray<TextSpan> FindQuietRegions(MemberCode member, TorchSharpContext torch) =>
    [
        .. member.Of(OperationKind.Using).Concat(member.Of(OperationKind.UsingDeclaration))
            .Select(operation => ScopeRegions.Opened(operation, resource => MaySwitchGradients(resource, torch))).OfType<TextSpan>(),
    ];

    private static bool MaySwitchGradients(IOperation resource, TorchSharpContext torch) =>
        resource.DescendantsAndSelf().Any(operation => operation switch
        {
            IInvocationOperation call => torch.IsGradMode(call.TargetMethod) || IsBareDisposable(call.Type),
            ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation => IsBareDisposable(operation.Type),
            IObjectCreationOperation creation => IsOfTheUsers(creation.Type, torch),
            _ => false,
        });

    private static bool IsBareDisposable(ITypeSymbol? type) => type?.SpecialType == SpecialType.System_IDisposable;

    /// <summary>
    /// A class that neither TorchSharp nor the framework declares, and that derives from nothing of TorchSharp's (a model, a
    /// data set). What can be enumerated is a reader of data, not a mode.
    /// </summary>
    private static bool IsOfTheUsers(ITypeSymbol? type, TorchSharpContext torch)
    {
        if (type?.AllInterfaces.Any(implemented => implemented.SpecialType == SpecialType.System_Collections_IEnumerable) == true)
        {
            return false;
        }

        bool isFramework = type?.ContainingNamespace?.ToDisplayString().StartsWith("System", StringComparison.Ordinal) == true;
        for (ITypeSymbol? current = type; current is not null; current = current.BaseType)
        {
            if (torch.Owns(current))
            {
                return false;
            }
        }

        return !isFramework;
    }
}
