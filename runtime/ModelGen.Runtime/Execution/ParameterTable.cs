using System.ComponentModel;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A parameter or buffer that generated code reads. Used by generated code only.</summary>
/// <param name="Name">State-dict key.</param>
/// <param name="Shape">Shape known during the build.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record WeightSpec(string Name, long[] Shape);

/// <summary>The parameters and buffers of a model in the order that generated code numbers them. Used by generated code only.</summary>
/// <remarks>Moving a model to another device or type replaces its tensors; the table notices and looks them up again.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ParameterTable
{
    private readonly nn.Module model;
    private readonly WeightSpec[] weights;
    private readonly HashSet<string> known;
    private Tensor[] tensors = [];

    /// <summary>A table over a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="weights">Keys and shapes in order.</param>
    /// <param name="otherNames">State-dict keys that generated code does not read.</param>
    public ParameterTable(nn.Module model, WeightSpec[] weights, string[] otherNames)
    {
        this.model = model;
        this.weights = weights;
        known = [.. weights.Select(static weight => weight.Name), .. otherNames];
    }

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
        + "that [Model] gives (or the defaults), whose layers are not replaced afterwards; create this one in the same way, or change [Model(...)].");
}
