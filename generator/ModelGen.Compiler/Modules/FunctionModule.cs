using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>A layer that is a function with the settings as its arguments.</summary>
internal sealed class FunctionModule(string name, string function, params (string Name, object? Value)[] defaults) : ModuleDefinition
{
    public override string Name => name;

    public override object? Apply(ModuleCall c) => Call(c, function, [.. defaults.Where(setting => c.Settings[setting.Name] is null), .. Given(c.Inputs)]);

    /// <summary>Calls a function with a module's settings, further arguments taking precedence.</summary>
    public static object? Call(ModuleCall c, string function, params (string Name, object? Value)[] arguments)
    {
        var values = c.Settings.Given.ToDictionary(static setting => setting, setting => c.Settings[setting], StringComparer.Ordinal);
        foreach ((string argument, object? value) in arguments)
        {
            values[argument] = value;
        }

        // Settings that matter to the module alone.
        values.Remove("inplace");
        values["this"] = new SymTensor(c.Input);
        return TensorFunctions.TryGet(function, out Func<CallArguments, object?> apply)
            ? apply(new CallArguments(c.Graph, values))
            : throw new UnsupportedException($"{c.Module.Definition.Name} needs the function {function}, which is not supported");
    }

    /// <summary>An owned tensor as an argument; null when the module has none of this name.</summary>
    public static SymTensor? Weight(ModuleCall c, string name) => c.Weight(name) is >= 0 and int id ? new SymTensor(id) : null;

    /// <summary>Refuses element types other than float32.</summary>
    public static void RequireFloat32(Arguments settings)
    {
        if (settings["dtype"] is not null and not SymEnum { Member: "Float32" })
        {
            throw new UnsupportedException("layers with another element type than Float32 are not supported; leave out 'dtype'");
        }
    }

    private static IEnumerable<(string Name, object? Value)> Given(CallArguments inputs) => inputs.Given.Select(argument => (argument, inputs[argument]));
}

/// <summary>Gives its input back, whatever it was made with.</summary>
internal sealed class IdentityModule : ModuleDefinition
{
    public override string Name => "Identity";

    public override object? Apply(ModuleCall c) => new SymTensor(c.Input);
}

/// <summary>Splits a dimension.</summary>
internal sealed class UnflattenModule : ModuleDefinition
{
    public override string Name => "Unflatten";

    public override object? Apply(ModuleCall c) => FunctionModule.Call(c, "Tensor.unflatten", ("sizes", c.Settings["unflattened_size"]));
}

/// <summary>Padding of the last one to three dimensions, by one number or by two for each, last dimension first.</summary>
internal sealed class PadModule(string name, string mode, int spatial) : ModuleDefinition
{
    public override string Name => name;

    public override object? Apply(ModuleCall c)
    {
        long[] pads = c.Settings.Ints(2 * spatial, [], "padding");
        return FunctionModule.Call(c, "F.pad", ("pad", new SymList(pads.Select(static size => (object)(Dim)size))), ("mode", new SymEnum("PaddingModes", mode, null)));
    }
}

/// <summary>The dropouts; in the graph they are nodes that a pass turns into their training form.</summary>
internal sealed class DropoutModule(string name, string op, int spatial = 0, bool channels = false) : ModuleDefinition
{
    public override string Name => name;

    public override object? Apply(ModuleCall c)
    {
        TensorType type = c.Graph.TypeOf(c.Input);
        if (spatial == 1 && type.Rank != 3)
        {
            throw new OpException($"Dropout1d needs [N, C, L], got {type.ShapeText()}");
        }

        double p = c.Settings.Number("p", 0.5);
        return new SymTensor(op == "alpha_dropout" ? c.Graph.Add(op, [c.Input], ("p", p), ("channels", channels)) : c.Graph.Add(op, [c.Input], ("p", p)));
    }
}
