using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Modules;

/// <summary>A layer type of TorchSharp: which tensors it owns, and what calling it writes into the graph.</summary>
internal abstract class ModuleDefinition
{
    /// <summary>Name of the factory in <c>torch.nn</c>, which is also the class name in <c>TorchSharp.Modules</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Parameters and buffers in state-dict order, nested names with dots (<c>self_attn.in_proj_weight</c>).</summary>
    /// <param name="settings">The factory's arguments by parameter name, defaults included.</param>
    /// <exception cref="Ops.OpException">The settings contradict each other.</exception>
    public virtual IEnumerable<ModuleTensor> Tensors(Arguments settings) => [];

    /// <summary>Writes a call into the graph.</summary>
    /// <returns>A <see cref="SymTensor"/>, or a <see cref="SymList"/> for a tuple.</returns>
    /// <exception cref="Ops.OpException">The inputs do not fit.</exception>
    public abstract object? Apply(ModuleCall c);
}

/// <summary>A tensor that a module owns.</summary>
internal sealed record ModuleTensor(string Name, TensorType Type, ValueKind Kind)
{
    /// <summary>A float32 parameter.</summary>
    public static ModuleTensor Parameter(string name, params Dim[] shape) => new(name, new TensorType(DType.Float32, shape), ValueKind.Parameter);

    /// <summary>A float32 buffer.</summary>
    public static ModuleTensor Buffer(string name, params Dim[] shape) => new(name, new TensorType(DType.Float32, shape), ValueKind.Buffer);
}

/// <summary>A TorchSharp layer during evaluation.</summary>
internal sealed class SymModule(ModuleDefinition definition, Arguments settings)
{
    public ModuleDefinition Definition => definition;

    public Arguments Settings => settings;

    /// <summary>Owned tensors by name; null where the user set one to null.</summary>
    public Dictionary<string, SymTensor?> Tensors { get; } = new(StringComparer.Ordinal);
}

/// <summary>What a module sees when it is called.</summary>
/// <param name="Graph">The graph to write to.</param>
/// <param name="Module">The module.</param>
/// <param name="Inputs">Arguments of <c>forward</c> by parameter name.</param>
/// <param name="Positional">The same in order.</param>
internal sealed record ModuleCall(GraphBuilder Graph, SymModule Module, CallArguments Inputs, IReadOnlyList<object?> Positional)
{
    /// <summary>An argument by name, or by position when the call went through a base class whose parameters have other names.</summary>
    public object? Argument(int position, string name) => Inputs.Has(name) ? Inputs[name] : position < Positional.Count ? Positional[position] : null;

    /// <summary>A tensor argument; -1 when it is absent.</summary>
    public int Tensor(int position, string name) => Argument(position, name) switch
    {
        null => -1,
        SymTensor tensor => tensor.Id,
        _ => throw new Ops.OpException($"argument '{name}' is not a tensor that the compiler can follow"),
    };

    public Arguments Settings => Module.Settings;

    /// <summary>The first tensor given to <c>forward</c>.</summary>
    public int Input => Inputs.Self;

    /// <summary>The graph value of an owned tensor, or -1 when the module has none of this name.</summary>
    public int Weight(string name) => Module.Tensors.TryGetValue(name, out SymTensor? tensor) && tensor is not null ? tensor.Id : -1;
}

/// <summary>All layer types that the compiler knows.</summary>
internal static class ModuleRegistry
{
    public static IReadOnlyList<ModuleDefinition> All { get; } = [.. SpatialModules.All, .. MathModules.All, .. SequenceModules.All];

    private static readonly Dictionary<string, ModuleDefinition> ByName = All.ToDictionary(static module => module.Name, StringComparer.Ordinal);

    public static ModuleDefinition? Find(string name) => ByName.TryGetValue(name, out ModuleDefinition definition) ? definition : null;
}
