using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What is known of a data loader from the place where it is made.</summary>
internal static class LoaderFacts
{
    /// <summary>True when the loader's creation is in sight and does not ask for the batches to be kept.</summary>
    public static bool DisposesBatches(IOperation loader, TorchSharpContext torch)
    {
        if (loader.Unwrap() is ILocalReferenceOperation { Local: { } local })
        {
            return local.OnlyValue(loader) is { } value and not ILocalReferenceOperation && DisposesBatches(value, torch);
        }

        IEnumerable<IArgumentOperation>? arguments = loader.Unwrap() switch
        {
            IInvocationOperation call when torch.Owns(call.TargetMethod) => call.Arguments,
            IObjectCreationOperation creation when torch.Owns(creation.Constructor) => creation.Arguments,
            _ => null,
        };
        return arguments?.FirstOrDefault(argument => argument.Parameter?.Name == "disposeBatch")?.Value.IsConstant(true) == true;
    }
}
