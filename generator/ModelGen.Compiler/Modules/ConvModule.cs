using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>Conv1d to 3d, and ConvTranspose1d to 3d.</summary>
internal sealed class ConvModule(int spatial, bool transposed) : ModuleDefinition
{
    public override string Name => $"Conv{(transposed ? "Transpose" : "")}{Invariant.Text(spatial)}d";

    public override IEnumerable<ModuleTensor> Tensors(Arguments settings)
    {
        FunctionModule.RequireFloat32(settings);
        long inputs = settings.Int("in_channels", 0);
        long outputs = settings.Int("out_channels", 0);
        long groups = settings.Int("groups", 1);
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0)
        {
            throw new OpException($"{Name}: {Invariant.Text(inputs)} input and {Invariant.Text(outputs)} output channels must both be multiples of groups = {Invariant.Text(groups)}");
        }

        IEnumerable<Dim> kernel = settings.Ints(spatial, [], "kernel_size").Select(static size => (Dim)size);
        yield return ModuleTensor.Parameter("weight", transposed ? [inputs, outputs / groups, .. kernel] : [outputs, inputs / groups, .. kernel]);
        if (settings.Flag("bias", true))
        {
            yield return ModuleTensor.Parameter("bias", outputs);
        }
    }

    public override object? Apply(ModuleCall c) => FunctionModule.Call(
        c,
        $"F.conv{(transposed ? "_transpose" : "")}{Invariant.Text(spatial)}d",
        ("weight", FunctionModule.Weight(c, "weight") ?? throw new UnsupportedException($"{Name} without its weight is not supported")),
        ("bias", FunctionModule.Weight(c, "bias")),
        ("output_size", c.Inputs["output_size"]));
}
