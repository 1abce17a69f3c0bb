using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>x.to(device);</c>, <c>x.add(1);</c> and <c>x.reshape(...);</c> as statements: they leave the tensor as it is.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5021_ResultLost() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ResultLost,
        "The result of a tensor operation is lost",
        "'{0}' leaves '{1}' as it is and returns another tensor, which is lost here; assign the result",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Operations of tensors return their result. Only those whose name ends in an underscore change the tensor; to, cpu and cuda, which move a module in place, do not move a tensor.",
        RuleIds.HelpLink(RuleIds.ResultLost));

    private static readonly HashSet<string> s_conversionsAndViews =
    [
        "to", "to_type", "type", "type_as", "cpu", "cuda", "bool", "byte", "char", "short", "int", "long", "half", "bfloat16", "float", "double", "contiguous", "detach",
        "view", "view_as", "reshape", "reshape_as", "permute", "flatten", "unflatten", "expand", "expand_as", "repeat", "tile", "movedim",
    ];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.Parent is IExpressionStatementOperation { IsImplicit: false } && torch.IsTensor(call.Type) && Changed(call, torch) is { } tensor
                    && IsRead(tensor, call)
                    && !IsTried(call)
                    && !operation.Member.CallsAny("StartNew", "Start", "Restart", "GetTimestamp", "synchronize"))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name, tensor.Syntax.ToString()));
                }
            },
            torchCalls: true);

    /// <summary>The tensor that the statement looks as if it changed: a variable or an element, which a conversion, a view, or an operation with an in-place twin is applied to.</summary>
    private static IOperation? Changed(IInvocationOperation call, TorchSharpContext torch)
    {
        IMethodSymbol method = call.TargetMethod;
        bool known = torch.IsTensorMethod(method) ? s_conversionsAndViews.Contains(method.Name) || HasTwin(method.Name, torch) : torch.IsTorchFunction(method) && HasTwin(method.Name, torch);
        if (!known || TensorOrigins.IsInPlace(method) || call.Arguments.Any(WritesElsewhere))
        {
            return null;
        }

        IOperation? tensor = (call.Receiver() ?? call.ArgumentAt(0))?.Unwrap();
        return tensor is ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation or IPropertyReferenceOperation or IArrayElementReferenceOperation && torch.IsTensor(tensor.Type) ? tensor : null;
    }

    private static bool HasTwin(string name, TorchSharpContext torch) => !torch.Tensor.GetMembers(name + "_").IsEmpty;

    private static bool WritesElsewhere(IArgumentOperation argument) =>
        argument.ArgumentKind != ArgumentKind.DefaultValue && (argument.Parameter?.Name is "out" || (argument.Parameter?.Name == "inplace" && !argument.Value.IsConstant(false)));

    /// <summary>True when the variable is mentioned afterwards, or before in a loop around both, or may be read elsewhere.</summary>
    private static bool IsRead(IOperation tensor, IInvocationOperation call)
    {
        if (tensor is not (ILocalReferenceOperation or IParameterReferenceOperation))
        {
            return true;
        }

        ISymbol variable = tensor.NamedVariable()!;
        IOperation? loop = call.Parent;
        while (loop is not (null or ILoopOperation))
        {
            loop = loop.Parent;
        }

        return call.EnclosingFunction().Descendants().Any(mention =>
            mention is ILocalReferenceOperation or IParameterReferenceOperation && mention != tensor && mention.Names(variable)
            && (mention.Start() > call.Start() || loop?.Syntax.Span.Contains(mention.Syntax.Span) == true)
            && !call.Syntax.Span.Contains(mention.Syntax.Span));
    }

    /// <summary>Inside a try block, or alone in a lambda, a call may serve to see whether it throws.</summary>
    private static bool IsTried(IOperation call)
    {
        for (IOperation? current = call.Parent; current is not null; current = current.Parent)
        {
            if (current is ITryOperation or IAnonymousFunctionOperation { Body.Operations.Length: <= 2 })
            {
                return true;
            }
        }

        return false;
    }
}
