using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>A computed loss: a function of <c>torch.nn.functional</c>, or the call of a loss module of TorchSharp.</summary>
/// <param name="Name">The name of the function, such as <c>cross_entropy</c>, also for the module.</param>
/// <param name="Input">The predictions.</param>
/// <param name="Target">What they are compared with.</param>
/// <param name="Call">The call itself.</param>
internal readonly record struct LossCall(string Name, IOperation Input, IOperation Target, IInvocationOperation Call)
{
    /// <summary>The argument for a setting of the loss: of the function, or of the module where it is made in the same member.</summary>
    public IOperation? Setting(string parameter)
    {
        IInvocationOperation? configured = Call.Instance is { } module ? module.Resolve() as IInvocationOperation : Call;
        return configured?.Written(parameter);
    }

    /// <summary>True when the settings of the loss can be seen.</summary>
    public bool HasKnownSettings => Call.Instance is null || Call.Instance.Resolve() is IInvocationOperation { TargetMethod.IsStatic: true };
}

/// <summary>Recognizes losses.</summary>
internal static class LossCalls
{
    public static LossCall? Of(IOperation? value, TorchSharpContext torch)
    {
        if (value?.Unwrap() is not IInvocationOperation call || call.ArgumentAt(0) is not { } input || call.ArgumentAt(1) is not { } target
            || !torch.IsTensor(input.Type) || !torch.IsTensor(target.Type))
        {
            return null;
        }

        string? name = torch.IsFunctional(call.TargetMethod) ? FunctionName(call.TargetMethod.Name)
            : torch.IsForward(call.TargetMethod) && torch.Owns(call.Instance?.Type) ? OfModule(call.Instance!.Type!.Name)
            : null;
        return name is null ? null : new LossCall(name, input, target, call);
    }

    private static string? FunctionName(string name) =>
        name.EndsWith("_loss", StringComparison.Ordinal) || name is "cross_entropy" or "binary_cross_entropy" or "binary_cross_entropy_with_logits" or "kl_div" ? name : null;

    private static string? OfModule(string type) => type switch
    {
        "CrossEntropyLoss" => "cross_entropy",
        "BCELoss" => "binary_cross_entropy",
        "BCEWithLogitsLoss" => "binary_cross_entropy_with_logits",
        "KLDivLoss" => "kl_div",
        "NLLLoss" => "nll_loss",
        "MSELoss" => "mse_loss",
        "L1Loss" => "l1_loss",
        "HuberLoss" => "huber_loss",
        "SmoothL1Loss" => "smooth_l1_loss",
        _ => null,
    };
}
