using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>w.to(...)</c> in a loop that changes neither <c>w</c> nor the arguments.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2016_InvariantMoveInLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.InvariantMoveInLoop,
        "The same tensor is moved or converted at every turn",
        "'{0}' does not change in this loop, so every turn makes the same copy; call '{1}' once before the loop",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A conversion reads and writes the whole tensor, and a move to a GPU goes over the bus.",
        RuleIds.HelpLink(RuleIds.InvariantMoveInLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var move = (IInvocationOperation)operation.Operation;
                if (IsMove(move, torch) && move.Receiver()?.NamedVariable() is { } tensor and (ILocalSymbol or IParameterSymbol)
                    && move.EnclosingLoop() is { } loop && !loop.IsShort() && move.RunsEveryTurn(loop)
                    && IsFixed(tensor, loop) && !tensor.IsChangedInPlaceIn(loop) && IsData(tensor, move, torch)
                    && move.Arguments.All(argument => argument.ArgumentKind == ArgumentKind.DefaultValue || argument.Value == move.Receiver() || IsFixed(argument.Value, loop)) && !IsChangedCopy(move, loop))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, move.Syntax.GetLocation(), tensor.Name, move.TargetMethod.Name));
                }
            },
            calls: [.. ElementTypes.Conversions, "cuda", "cpu"]);

    /// <summary>A conversion of the type, or a move to a device without further options: <c>copy</c> asks for a copy, and gets one.</summary>
    private static bool IsMove(IInvocationOperation call, TorchSharpContext torch)
    {
        if (call.TargetMethod.Name is not ("to" or "cuda" or "cpu"))
        {
            return ElementTypes.Converts(call, torch) && !IsToBool(call);
        }

        return torch.IsTensorMethod(call.TargetMethod) && call.Given("copy") is null && call.Given("disposeAfter") is null && !IsToBool(call);
    }

    /// <summary>A mask is converted to Bool to be safe; it nearly always is Bool, and is not copied then.</summary>
    private static bool IsToBool(IInvocationOperation call) =>
        call.TargetMethod.Name == "bool"
        || call.Arguments.Any(argument => argument.Value.Unwrap() is IFieldReferenceOperation { Field: { Name: "Bool", ContainingType.Name: "ScalarType" } or { Name: "bool" } });

    private static bool IsFixed(ISymbol variable, ILoopOperation loop) => !variable.IsDeclaredIn(loop) && !variable.IsAssignedIn(loop);

    private static bool IsFixed(IOperation value, ILoopOperation loop) =>
        value.ConstantValue.HasValue
        || value.Unwrap() switch
        {
            IFieldReferenceOperation { Field.IsStatic: true } or IPropertyReferenceOperation { Property: { IsStatic: true, IsIndexer: false } } => true,
            { } other => other.NamedVariable() is { } variable && IsFixed(variable, loop),
        };

    /// <summary>A parameter of the method, or a local that starts as a new tensor and is not assigned again: an optimizer does not change these.</summary>
    private static bool IsData(ISymbol tensor, IOperation move, TorchSharpContext torch) =>
        tensor is IParameterSymbol { Type: { } type }
            ? SymbolEqualityComparer.Default.Equals(type, torch.Tensor)
            : ((ILocalSymbol)tensor).OnlyValue(move) is IInvocationOperation made && torch.IsTorchFunction(made.TargetMethod);

    /// <summary>The result is a local of the loop that is changed in place, or disposed by hand: then the copy is wanted.</summary>
    private static bool IsChangedCopy(IInvocationOperation move, ILoopOperation loop) => move.MeaningfulParent() switch
    {
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } local } } => local.IsChangedInPlaceIn(loop),
        IInvocationOperation call when call.Instance?.Unwrap() == move => TensorOrigins.IsInPlace(call.TargetMethod),
        _ => false,
    };
}
