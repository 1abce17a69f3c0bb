using ModelGen.Compiler.FrontEnd;

namespace ModelGen.Compiler.Modules;

/// <summary>A layer type that one expression describes.</summary>
internal sealed class SimpleModule(string name, Func<ModuleCall, object?> apply, Func<Arguments, IEnumerable<ModuleTensor>>? tensors = null) : ModuleDefinition
{
    public override string Name => name;

    /// <summary>A layer with one result.</summary>
    public static SimpleModule Of(string name, Func<ModuleCall, int> apply, Func<Arguments, IEnumerable<ModuleTensor>>? tensors = null) => new(name, c => new SymTensor(apply(c)), tensors);

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings) => tensors?.Invoke(settings) ?? [];

    public override object? Apply(ModuleCall c) => apply(c);
}
