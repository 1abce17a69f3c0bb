using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Base class of models with one input. Derived from by generated code.</summary>
/// <typeparam name="T">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T, TResult> : nn.Module<T, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Base class of models with two inputs. Derived from by generated code.</summary>
/// <typeparam name="T1">Input.</typeparam>
/// <typeparam name="T2">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T1, T2, TResult> : nn.Module<T1, T2, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Base class of models with three inputs. Derived from by generated code.</summary>
/// <typeparam name="T1">Input.</typeparam>
/// <typeparam name="T2">Input.</typeparam>
/// <typeparam name="T3">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T1, T2, T3, TResult> : nn.Module<T1, T2, T3, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Base class of models with four inputs. Derived from by generated code.</summary>
/// <typeparam name="T1">Input.</typeparam>
/// <typeparam name="T2">Input.</typeparam>
/// <typeparam name="T3">Input.</typeparam>
/// <typeparam name="T4">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T1, T2, T3, T4, TResult> : nn.Module<T1, T2, T3, T4, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Base class of models with five inputs. Derived from by generated code.</summary>
/// <typeparam name="T1">Input.</typeparam>
/// <typeparam name="T2">Input.</typeparam>
/// <typeparam name="T3">Input.</typeparam>
/// <typeparam name="T4">Input.</typeparam>
/// <typeparam name="T5">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T1, T2, T3, T4, T5, TResult> : nn.Module<T1, T2, T3, T4, T5, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Base class of models with six inputs. Derived from by generated code.</summary>
/// <typeparam name="T1">Input.</typeparam>
/// <typeparam name="T2">Input.</typeparam>
/// <typeparam name="T3">Input.</typeparam>
/// <typeparam name="T4">Input.</typeparam>
/// <typeparam name="T5">Input.</typeparam>
/// <typeparam name="T6">Input.</typeparam>
/// <typeparam name="TResult">Result: a tensor or a tuple of them.</typeparam>
public abstract class CompiledModule<T1, T2, T3, T4, T5, T6, TResult> : nn.Module<T1, T2, T3, T4, T5, T6, TResult>
{
    /// <summary>For classes with a constructor of their own.</summary>
    protected CompiledModule()
        : this("block")
    {
    }

    /// <summary>Loads TorchSharp's native libraries first, with a clear message when that fails.</summary>
    /// <param name="name">Name of the model class.</param>
    protected CompiledModule(string name)
        : base(Loaded.First(name))
    {
    }
}

/// <summary>Runs before any base constructor touches native code.</summary>
internal static class Loaded
{
    public static string First(string name)
    {
        NativeLibraries.EnsureLoaded();
        return name;
    }
}
