using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>acc = cat([acc, x])</c> in a loop that does nothing else with <c>acc</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1025_CatInLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CatInLoop,
        "A tensor is grown by concatenation in a loop",
        "Each turn copies all of '{0}' once more, so n turns copy n² / 2 rows; collect the parts in a list and concatenate them once, after the loop",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "cat makes a new tensor and copies both inputs. Growing a result row by row copies the first row n times.",
        RuleIds.HelpLink(RuleIds.CatInLoop));

    private static readonly HashSet<string> s_functions = ["cat", "concat", "concatenate", "hstack", "vstack"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var assignment = (ISimpleAssignmentOperation)operation.Operation;
                if (assignment.Value.Unwrap() is IInvocationOperation call && s_functions.Contains(call.TargetMethod.Name) && torch.IsTorchFunction(call.TargetMethod)
                    && assignment.Target.NamedVariable() is ILocalSymbol or IFieldSymbol or IParameterSymbol
                    && assignment.Target.NamedVariable() is { } grown && Parts(call).Any(part => part.Names(grown))
                    && assignment.EnclosingLoop() is { } loop && !loop.IsShort() && !grown.IsDeclaredIn(loop) && IsOnlyGrown(grown, assignment, loop))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), grown.Name));
                }
            },
            kinds: [OperationKind.SimpleAssignment]);

    private static IEnumerable<IOperation> Parts(IInvocationOperation call) => call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value.Unwrap() switch
    {
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues,
        ICollectionExpressionOperation collection => collection.Elements,
        IObjectCreationOperation { Initializer: { } initializer } => initializer.Initializers.OfType<IInvocationOperation>().SelectMany(add => add.Arguments).Select(argument => argument.Value),
        _ => [],
    };

    /// <summary>Within the loop the tensor is only tested for null, disposed, or assigned; decoding loops, which read it, need it at every turn.</summary>
    private static bool IsOnlyGrown(ISymbol grown, ISimpleAssignmentOperation growing, ILoopOperation loop) => loop.Descendants().Where(mention => mention.Names(grown)).All(mention =>
        growing.Syntax.Span.Contains(mention.Syntax.Span)
        || mention.MeaningfulParent() switch
        {
            IBinaryOperation { OperatorKind: BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals } or IIsPatternOperation => true,
            IInvocationOperation { TargetMethod.Name: "Dispose" or "is_null" } => true,
            ISimpleAssignmentOperation assignment => assignment.Target.Unwrap() == mention,
            IConditionalAccessOperation { WhenNotNull: IInvocationOperation { TargetMethod.Name: "Dispose" } } => true,
            IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } old } } => loop.MentionsOf(old).All(use => use.MeaningfulParent() is IInvocationOperation { TargetMethod.Name: "Dispose" }),
            IConversionOperation or IParenthesizedOperation => true,
            _ => false,
        });
}
