using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>A valid (or hostile) file that mutations start from.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Bytes">Its bytes, or those of the pickle inside it.</param>
/// <param name="Wrap">Makes a file of the mutated bytes.</param>
internal sealed record FuzzSeed(string Name, byte[] Bytes, Func<byte[], byte[]> Wrap)
{
    /// <summary>File that the hostile pickles would make if something ran them.</summary>
    public static string Canary { get; } = Path.Combine(Path.GetTempPath(), $"modelgen-fuzz-canary-{Environment.ProcessId}");

    /// <summary>Files of every format; the same at every call.</summary>
    public static FuzzSeed[] All()
    {
        manual_seed(1);
        using nn.Module model = Model();
        PyOrderedDict state = State(model);
        var checkpoint = new PyDict(("epoch", 3), ("state_dict", state), ("optimizer", new PyDict(("state", new PyDict((0, new PyDict(("step", 1.5))))), ("lr", 0.1))), ("big", 1L << 40));
        using var own = new MemoryStream();
        model.save(own);
        byte[] safetensors = Safetensors(model);
        PickleWriter pickle = new(), hostile = new();
        byte[] pickled = pickle.Write(checkpoint);
        byte[] attack = hostile.Write(new PyDict(("state_dict", state), ("evil", new PyCall(new PyGlobal("posix", "system"), $"touch {Canary}"))));
        return
        [
            Plain("safetensors", safetensors),
            Plain("safetensors header", safetensors[..^(safetensors.Length / 3)]),
            Plain("zip", TorchSave.Zip(state)),
            Plain("zip checkpoint", TorchSave.Zip(checkpoint)),
            new FuzzSeed("pickle", pickled, mutated => Archive(mutated, pickle.Storages)),
            new FuzzSeed("hostile pickle", attack, mutated => Archive(mutated, hostile.Storages)),
            Plain("legacy", TorchSave.Legacy(state)),
            Plain("legacy checkpoint", TorchSave.Legacy(checkpoint)),
            Plain("TorchSharp", own.ToArray()),
        ];
    }

    /// <summary>The model that the files belong to.</summary>
#pragma warning disable MG2020 // the bias is one more tensor in the file
    public static nn.Module Model() => nn.Sequential(("a", nn.Linear(3, 4)), ("b", nn.BatchNorm1d(4)));
#pragma warning restore MG2020

    private static FuzzSeed Plain(string name, byte[] bytes) => new(name, bytes, static mutated => mutated);

    private static byte[] Archive(byte[] pickle, List<PyStorage> storages) =>
        TorchSave.Archive([("archive/data.pkl", pickle), .. storages.Select(static (storage, key) => ($"archive/data/{key}", storage.Bytes))]);

    private static byte[] Safetensors(nn.Module model)
    {
        var writer = new ModelGen.Weights.SafetensorsWriter { Metadata = { ["format"] = "pt", ["note"] = "a \"quoted\" text" } };
        foreach ((string key, Tensor tensor) in model.state_dict())
        {
            writer.Add(key, tensor);
        }

        writer.Add("mask", ModelGen.Weights.WeightType.Bool, [2, 2], new byte[] { 0, 1, 1, 0 });
        writer.Add("half", ModelGen.Weights.WeightType.Float16, [0, 5], ReadOnlyMemory<byte>.Empty);
        using var stream = new MemoryStream();
        writer.Write(stream);
        return stream.ToArray();
    }

    private static PyOrderedDict State(nn.Module model) => new(
        [
            .. model.state_dict().Select(static pair => (pair.Key, (object?)Whole(pair.Value))),
            ("turned", new PyTensor(new PyStorage("HalfStorage", 6, new byte[12]), 0, [3, 2], [1, 3])),
            ("flags", new PyTensor(new PyStorage("BoolStorage", 2, [0, 1]), 0, [2], [1])),
        ],
        HasMetadata: true);

    private static PyTensor Whole(Tensor tensor) => new(
        new PyStorage(tensor.dtype == ScalarType.Int64 ? "LongStorage" : "FloatStorage", tensor.numel(), tensor.bytes.ToArray()), 0, tensor.shape, tensor.stride(), IsParameter: tensor is TorchSharp.Modules.Parameter);
}
