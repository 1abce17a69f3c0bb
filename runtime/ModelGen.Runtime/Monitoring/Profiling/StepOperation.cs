namespace ModelGen;

/// <summary>Which part of a training step an operation belongs to.</summary>
public enum StepPhase
{
    /// <summary>The model and the loss.</summary>
    Forward,

    /// <summary>Gradients.</summary>
    Backward,

    /// <summary>The optimizer.</summary>
    Update,
}

/// <summary>One statement of a generated training step and what it costs for the sizes of the last step. Made by generated code.</summary>
/// <param name="Source">The user's expression, after "gradient of " for gradients.</param>
/// <param name="Layer">State-dict path of the layer, such as <c>conv1</c>; empty outside layers.</param>
/// <param name="Kernel">What runs: a kernel's name such as <c>Convolution.Forward</c>, the operators of an elementwise loop, or <c>copy</c>.</param>
/// <param name="Phase">Part of the step.</param>
/// <param name="Flops">Floating-point operations as the operators state them; a multiplication and an addition count as two.</param>
/// <param name="Bytes">Bytes of the different elements that are read and written: the least that has to move, whatever cache it comes from.</param>
public sealed record StepOperation(string Source, string Layer, string Kernel, StepPhase Phase, long Flops, long Bytes);
