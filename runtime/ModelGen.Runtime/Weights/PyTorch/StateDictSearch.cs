namespace ModelGen.Weights;

/// <summary>Finds the state dict in what <c>torch.save</c> saved: the value itself, or a part of a training checkpoint.</summary>
internal static class StateDictSearch
{
    // In order of preference, as training code in the field names it.
    private static readonly string[] UsualKeys = ["state_dict", "model_state_dict", "model", "module", "net", "network", "model_state", "weights", "params"];

    /// <summary>Finds the state dict.</summary>
    /// <param name="source">The file.</param>
    /// <param name="value">The saved value.</param>
    /// <param name="path">Keys that lead to it, separated by slashes; null to look under the usual keys, then at the value itself, then for the only dictionary of tensors in it.</param>
    /// <returns>The state dict and the keys that led to it, empty for the value itself.</returns>
    /// <exception cref="WeightFormatException">There is none, or there are several.</exception>
    public static (PickleDict State, string Key) Find(ByteSource source, object? value, string? path)
    {
        if (value is not PickleDict root)
        {
            throw source.Fault(value is PickleTensor ? "a single tensor instead of a state dict." : "the saved value is not a dictionary, so not a state dict.");
        }

        if (path is not null)
        {
            return (Follow(source, root, path), path);
        }

        foreach (string key in UsualKeys)
        {
            if (root.TryGet(key, out object? child) && child is PickleDict state && HasTensors(state))
            {
                return (state, key);
            }
        }

        if (HasTensors(root) || root.Pairs.Count == 0)
        {
            return (root, "");
        }

        KeyValuePair<object?, object?>[] candidates = [.. root.Pairs.Where(static pair => pair.Key is string && pair.Value is PickleDict child && HasTensors(child))];
        return candidates switch
        {
            [var only] => ((PickleDict)only.Value!, (string)only.Key!),
            [] => throw source.Fault($"no state dict found among {Keys(root)}; give the key of the one that holds it."),
            _ => throw source.Fault($"several parts may be the state dict: {string.Join(", ", candidates.Take(8).Select(static pair => $"'{WeightEntry.Shown((string)pair.Key!)}'"))}; give the key of the one to read."),
        };
    }

    private static PickleDict Follow(ByteSource source, PickleDict root, string path)
    {
        PickleDict state = root;
        foreach (string key in path.Split('/'))
        {
            state = state.TryGet(key, out object? child) && child is PickleDict next
                ? next
                : throw source.Fault($"there is no dictionary '{WeightEntry.Shown(key)}'; the keys are {Keys(state)}.");
        }

        return state;
    }

    private static bool HasTensors(PickleDict dictionary) => dictionary.Pairs.Any(static pair => pair.Key is string && pair.Value is PickleTensor);

    private static string Keys(PickleDict dictionary) => dictionary.Pairs.Count == 0
        ? "no keys"
        : string.Join(", ", dictionary.Pairs.Take(12).Select(static pair => pair.Key is string key ? $"'{WeightEntry.Shown(key)}'" : pair.Key?.ToString() ?? "None")) + (dictionary.Pairs.Count > 12 ? ", ..." : "");
}
