using System.ComponentModel;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>The parameters and buffers of a model in the order that generated code numbers them. Used by generated code only.</summary>
/// <remarks>Moving a model to another device or type replaces its tensors; the table notices and looks them up again.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ParameterTable
{
    private readonly nn.Module model;
    private readonly string[] keys;
    private Tensor[] tensors = [];

    /// <summary>A table over a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="keys">State-dict keys in order.</param>
    public ParameterTable(nn.Module model, string[] keys)
    {
        this.model = model;
        this.keys = keys;
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
    public IReadOnlyList<(string Name, Tensor Parameter)> Parameters(int count) => [.. Enumerable.Range(0, count).Select(index => (keys[index], this[index]))];

    private void Refresh()
    {
        var found = model.named_parameters().Select(static pair => (pair.name, tensor: (Tensor)pair.parameter))
            .Concat(model.named_buffers().Select(static pair => (pair.name, tensor: pair.buffer)))
            .GroupBy(static pair => pair.name, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.First().tensor, StringComparer.Ordinal);
        tensors = [.. keys.Select(key => found.TryGetValue(key, out Tensor? tensor)
            ? tensor
            : throw new InvalidOperationException($"{model.GetType().Name} has no parameter '{key}' any more, which its generated code needs. Layers of a compiled model must not be replaced."))];
    }
}
