namespace ModelGen;

/// <summary>Whether generated code may run on kernels.</summary>
public static class KernelSwitch
{
    /// <summary>
    /// Name of the <see cref="AppContext"/> switch. Set to false, float32 models on the CPU run on libtorch's operators, as models on a GPU do: to compare both, or to rule
    /// the kernels out when a result surprises. It is read when a training step is made and at every call of <c>Infer</c>; default true.
    /// </summary>
    public const string Name = "ModelGen.UseKernels";

    internal static bool IsOn => !AppContext.TryGetSwitch(Name, out bool on) || on;
}
