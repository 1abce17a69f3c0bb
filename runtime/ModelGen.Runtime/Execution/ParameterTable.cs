using System.ComponentModel;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A parameter or buffer that generated code reads. Used by generated code only.</summary>
/// <param name="Name">State-dict key.</param>
/// <param name="Shape">Shape known during the build.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record WeightSpec(string Name, long[] Shape);

/// <summary>A module that generated code was written for. Used by generated code only.</summary>
/// <param name="path">State-dict path, empty for the model itself.</param>
/// <param name="type">Name of its class, without type parameters.</param>
/// <param name="members">Names of fields and properties (a dot leads into an object that a field holds) and their values in turn.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ModuleSpec(string path, string type, params object?[] members)
{
    /// <summary>State-dict path, empty for the model itself.</summary>
    public string Path => path;

    /// <summary>Name of its class, without type parameters.</summary>
    public string Type => type;

    /// <summary>Names and values of what the calculation depends on.</summary>
    public IEnumerable<(string Name, object? Value)> Members => Enumerable.Range(0, members.Length / 2).Select(index => ((string)members[2 * index]!, members[(2 * index) + 1]));
}

/// <summary>The parameters and buffers of a model in the order that generated code numbers them. Used by generated code only.</summary>
/// <remarks>Moving a model to another device or type replaces its tensors; the table notices and looks them up again.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ParameterTable
{
    private readonly nn.Module model;
    private readonly WeightSpec[] weights;
    private readonly HashSet<string> known;
    private readonly ModuleSpec[] modules;
    private Func<bool>[]? unchanged;
    private Tensor[] tensors = [];

    /// <summary>A table over a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="weights">Keys and shapes in order.</param>
    /// <param name="otherNames">State-dict keys that generated code does not read.</param>
    /// <param name="modules">Layers and settings that the code was generated for.</param>
    public ParameterTable(nn.Module model, WeightSpec[] weights, string[] otherNames, ModuleSpec[] modules)
    {
        this.modules = modules;
        this.model = model;
        this.weights = weights;
        known = [.. weights.Select(static weight => weight.Name), .. otherNames];
    }

    /// <summary>Number of parameters and buffers.</summary>
    public int Count => weights.Length;

    /// <summary>A parameter or buffer, owned by the model.</summary>
    /// <param name="index">Its number.</param>
    public Tensor this[int index]
    {
        get
        {
            if (tensors.Length == 0 || tensors[index].IsInvalid)
            {
                Refresh();
            }

            return tensors[index];
        }
    }

    /// <summary>The first entries with their keys.</summary>
    /// <param name="count">How many.</param>
    /// <returns>Keys and tensors.</returns>
    public IReadOnlyList<(string Name, Tensor Parameter)> Parameters(int count) => [.. Enumerable.Range(0, count).Select(index => (weights[index].Name, this[index]))];

    /// <summary>The table, after a check that the model is still the one that was compiled: its layers at the first call, settings that code can change at every call.</summary>
    /// <returns>This table.</returns>
    /// <exception cref="InvalidOperationException">The model differs.</exception>
    public ParameterTable Current()
    {
        if (unchanged is null)
        {
            ModuleComparison comparison = new(model, modules);
            if (comparison.Difference is { } difference)
            {
                throw Other(difference);
            }

            unchanged = comparison.Unchanged;
        }

        foreach (Func<bool> holds in unchanged)
        {
            if (!holds())
            {
                // Found again by comparing everything; a value written over by an equal one is no difference.
                unchanged = null;
                return Current();
            }
        }

        return this;
    }

    private void Refresh()
    {
        var found = model.named_parameters().Select(static pair => (pair.name, tensor: (Tensor)pair.parameter))
            .Concat(model.named_buffers().Select(static pair => (pair.name, tensor: pair.buffer)))
            .GroupBy(static pair => pair.name, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.First().tensor, StringComparer.Ordinal);
        if (found.Keys.FirstOrDefault(name => !known.Contains(name)) is { } extra)
        {
            throw Other($"it has a parameter '{extra}', which the build did not see");
        }

        tensors = [.. weights.Select(weight => Find(weight, found))];
    }

    private Tensor Find(WeightSpec weight, Dictionary<string, Tensor> found)
    {
        // TorchSharp lists buffers that are not saved under no name; asking for one finds it.
        Tensor? tensor = found.TryGetValue(weight.Name, out Tensor? listed) ? listed : model.get_buffer(weight.Name);
        return tensor is null ? throw Other($"it has no parameter '{weight.Name}'")
            : tensor.shape.AsSpan().SequenceEqual(weight.Shape) ? tensor
            : throw Other($"its '{weight.Name}' has the shape [{string.Join(", ", tensor.shape)}] instead of [{string.Join(", ", weight.Shape)}]");
    }

    private InvalidOperationException Other(string difference) => new(
        $"This {model.GetType().Name} is not the one that was compiled: {difference}. The generated code belongs to instances made with the constructor arguments "
        + "that [Model] gives (or the defaults), whose layers are not replaced afterwards; create this one in the same way, or change [Model(...)]. Values that change while a model is used belong into its inputs.");
}
