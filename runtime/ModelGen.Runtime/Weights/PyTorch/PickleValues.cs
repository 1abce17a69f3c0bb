namespace ModelGen.Weights;

/// <summary>Classes and functions that a pickle may name. Each is a case in our code; nothing is looked up by name at run time.</summary>
internal enum PickleName
{
    OrderedDict,
    Counter,
    Set,
    Size,
    Device,
    Encode,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    RebuildParameterWithState,
    UntypedStorage,
}

/// <summary>A class or function that a pickle names.</summary>
internal sealed record PickleGlobal(PickleName Name, string Text);

/// <summary>A typed storage class (<c>torch.FloatStorage</c>) or a type (<c>torch.float32</c>).</summary>
internal sealed record PickleType(WeightType Type, string Text);

/// <summary>A Python dictionary (also an OrderedDict or a Counter): pairs in order, the last of equal text keys counts.</summary>
internal sealed class PickleDict
{
    private List<KeyValuePair<object?, object?>>? pairs;
    private Dictionary<string, int>? index;

    public IReadOnlyList<KeyValuePair<object?, object?>> Pairs => pairs ?? [];

    public void Set(object? key, object? value)
    {
        pairs ??= [];
        if (key is string text)
        {
            index ??= new Dictionary<string, int>(StringComparer.Ordinal);
            if (!index.TryAdd(text, pairs.Count))
            {
                pairs[index[text]] = new(key, value);
                return;
            }
        }

        pairs.Add(new(key, value));
    }

    public bool TryGet(string key, out object? value)
    {
        bool found = index is not null && index.ContainsKey(key);
        value = found ? pairs![index![key]].Value : null;
        return found;
    }
}

/// <summary>A Python list or set.</summary>
internal sealed class PickleList
{
    private List<object?>? items;

    public IReadOnlyList<object?> Items => items ?? [];

    public void Add(object? item) => (items ??= []).Add(item);
}

/// <summary>Numbers that tensors look at: an entry <c>data/KEY</c> of the archive.</summary>
/// <param name="Key">Name of the storage.</param>
/// <param name="Type">Type of its numbers; bytes for an untyped one.</param>
/// <param name="Count">How many numbers this storage has.</param>
/// <param name="Start">First number within the stored ones: storages of legacy files may be parts of others.</param>
/// <param name="Untyped">Whether the tensors give the type.</param>
internal sealed record PickleStorage(string Key, WeightType Type, long Count, long Start, bool Untyped);

/// <summary>A tensor: a view of a storage, checked to lie inside it.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Type">Type of the numbers.</param>
/// <param name="Offset">First number, counted in numbers of the tensor's type from the start of the storage.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Strides">Distance in numbers from one index to the next, for each dimension.</param>
internal sealed record PickleTensor(PickleStorage Storage, WeightType Type, long Offset, long[] Shape, long[] Strides);
