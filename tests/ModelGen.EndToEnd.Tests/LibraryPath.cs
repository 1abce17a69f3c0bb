namespace ModelGen.EndToEnd.Tests;

/// <summary>Turns kernels off: generated code runs on libtorch's operators, as it does on a GPU. The switch is the process's; tests of this project run one after the other.</summary>
internal sealed class LibraryPath : IDisposable
{
    private LibraryPath() => AppContext.SetSwitch(KernelSwitch.Name, false);

    /// <summary>Turns kernels off until the result is disposed.</summary>
    public static IDisposable Use() => new LibraryPath();

    public void Dispose() => AppContext.SetSwitch(KernelSwitch.Name, true);
}
