using ModelGen.Compiler.Advice.Rules;

namespace ModelGen.Compiler.Advice;

/// <summary>All rules about models, in the order of their ids.</summary>
internal static class ModelRules
{
    public static IReadOnlyList<ModelRule> All { get; } =
    [
        new ActivationBeforeLoss(),
        new BiasBeforeBatchNorm(),
        new PartlyFilledVectors(),
        new SeparableConvolution(),
        new StaysFloat(),
        new ResultUnused(),
        new LinearAfterLinear(),
        new DropoutOnOutput(),
        new BatchNormOfOneValue(),
        new CrossEntropyOfOneClass(),
        new ActivationWithoutEffect(),
        new UnevenTransposedConvolution(),
    ];
}
