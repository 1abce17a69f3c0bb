namespace ModelGen.Compiler.Codegen;

/// <summary>Names of the members of one form of inference.</summary>
/// <param name="Method">The public method.</param>
/// <param name="Weights">The method that gives the weights.</param>
/// <param name="Kernels">The method that gives the form on kernels.</param>
/// <param name="Field">The field that keeps it.</param>
internal sealed record InferenceNames(string Method, string Weights, string Kernels, string Field)
{
    /// <summary>Inference as the model is written.</summary>
    public static InferenceNames Plain { get; } = new("Infer", "__Weights", "__Inference", "__inference");

    /// <summary>Inference that rounds to the integers of the quantized model.</summary>
    public static InferenceNames Rounded { get; } = new("InferQuantized", "__RoundedWeights", "__RoundedInference", "__roundedInference");
}
