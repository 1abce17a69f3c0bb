using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>x[i].item()</c> in a loop over <c>i</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2010_ElementReadInLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ElementReadInLoop,
        "The elements of a tensor are read one by one",
        "Each turn selects one element of '{0}' and reads it by itself; read all at once with 'data<T>()', or use an operation on the whole tensor",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Indexing makes a new tensor, and reading it is one more native call; on a GPU each read waits for the device.",
        RuleIds.HelpLink(RuleIds.ElementReadInLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(operation => Analyze(operation, torch), calls: HostReads.Methods, kinds: [OperationKind.Conversion]);

    private static void Analyze(MemberOperation operation, TorchSharpContext torch)
    {
        if (HostReads.Tensor(operation.Operation, torch)?.Unwrap() is IPropertyReferenceOperation { Property.IsIndexer: true } element && torch.IsTensor(element.Instance?.Type)
            && element.Instance.NamedVariable() is { } tensor && element.EnclosingLoop() is IForLoopOperation loop && !loop.IsShort()
            && element.Arguments.Any(argument => IsCounter(argument, loop)) && !tensor.IsDeclaredIn(loop) && !tensor.IsAssignedIn(loop) && !tensor.IsChangedInPlaceIn(loop) && !IsWrittenOut(operation.Operation))
        {
            operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation(), tensor.Name));
        }
    }

    private static bool IsCounter(IOperation index, IForLoopOperation loop) =>
        index.DescendantsAndSelf().OfType<ILocalReferenceOperation>().Any(local => loop.Locals.Contains(local.Local, SymbolEqualityComparer.Default));

    /// <summary>Text is for people: so few elements that reading them does not matter.</summary>
    private static bool IsWrittenOut(IOperation read)
    {
        for (IOperation? current = read.Parent; current is not (null or IBlockOperation); current = current.Parent)
        {
            if (current is IInterpolatedStringOperation or IInvocationOperation { TargetMethod.Name: "Write" or "WriteLine" or "Append" or "AppendLine" or "ToString" or "Log" or "LogInformation" })
            {
                return true;
            }
        }

        return false;
    }
}
