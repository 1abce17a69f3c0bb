using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>A file of named tensors, open for reading: the list of its tensors at once, their numbers when they are asked for. Any number of threads may read.</summary>
public abstract unsafe class WeightFile : IDisposable
{
    private readonly Dictionary<string, WeightEntry> byName;

    private protected WeightFile(ByteSource source, WeightFormat format, IReadOnlyList<WeightEntry> entries, IReadOnlyDictionary<string, string> metadata)
    {
        Source = source;
        Format = format;
        Entries = entries;
        Metadata = metadata;
        byName = new Dictionary<string, WeightEntry>(StringComparer.Ordinal);
        foreach (WeightEntry entry in entries)
        {
            if (!byName.TryAdd(entry.Name, entry))
            {
                throw source.Fault($"two tensors are named '{WeightEntry.Shown(entry.Name)}'.");
            }
        }
    }

    /// <summary>Path of the file, or a word for bytes in memory.</summary>
    public string Name => Source.Name;

    /// <summary>Format of the file.</summary>
    public WeightFormat Format { get; }

    /// <summary>For files of PyTorch: the keys that led to the state dict, separated by slashes; empty when it is the saved value itself.</summary>
    public string StateDictKey { get; private protected init; } = "";

    /// <summary>Its tensors in the order of the file.</summary>
    public IReadOnlyList<WeightEntry> Entries { get; }

    /// <summary>Text that safetensors files may carry, empty for other formats.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    private protected ByteSource Source { get; }

    /// <summary>Opens a file of any supported format, found by its content.</summary>
    /// <param name="path">The file.</param>
    /// <param name="stateDictKey">For files of PyTorch: where in the saved value the state dict is, keys separated by slashes (<c>ema/model</c>). By default it is looked for under the keys that are usual in the field (<c>state_dict</c>, <c>model_state_dict</c>, <c>model</c> ...), then at the value itself.</param>
    /// <param name="verifyChecksums">For files of PyTorch: whether numbers are compared with the checksums of the archive before they are used.</param>
    /// <returns>The open file; the caller disposes it.</returns>
    /// <exception cref="WeightFormatException">The file is missing, damaged, of no supported format, or asks for code to run.</exception>
    public static WeightFile Open(string path, string? stateDictKey = null, bool verifyChecksums = true) => Open(new FileSource(path), stateDictKey, verifyChecksums);

    /// <summary>Opens a file that is in memory.</summary>
    /// <param name="bytes">The whole file; must not change while it is open.</param>
    /// <param name="stateDictKey">As for a file on disk.</param>
    /// <param name="verifyChecksums">As for a file on disk.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="WeightFormatException">The bytes are damaged, of no supported format, or ask for code to run.</exception>
    public static WeightFile Open(ReadOnlyMemory<byte> bytes, string? stateDictKey = null, bool verifyChecksums = true) => Open(new MemorySource(bytes), stateDictKey, verifyChecksums);

    /// <summary>Looks for a tensor.</summary>
    /// <param name="name">Its state-dict key.</param>
    /// <param name="entry">The tensor.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryFind(string name, [NotNullWhen(true)] out WeightEntry? entry) => byName.TryGetValue(name, out entry);

    /// <summary>The tensor of a name.</summary>
    /// <param name="name">Its state-dict key.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public WeightEntry this[string name] => byName.TryGetValue(name, out WeightEntry? entry)
        ? entry
        : throw new KeyNotFoundException($"{Source.Name}: no tensor is named '{name}'; there are {Entries.Count}, the first ones {string.Join(", ", Entries.Take(5).Select(static entry => WeightEntry.Shown(entry.Name)))}.");

    /// <summary>Reads the numbers of a tensor as they are: row-major without gaps, little-endian.</summary>
    /// <param name="name">Its state-dict key.</param>
    /// <param name="destination">Receives exactly <see cref="WeightEntry.ByteCount"/> bytes.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="ArgumentException">The destination has another size.</exception>
    /// <exception cref="WeightFormatException">The file cannot be read, or a truth value is neither 0 nor 1.</exception>
    public void Read(string name, Span<byte> destination)
    {
        WeightEntry entry = this[name];
        if (destination.Length != entry.ByteCount)
        {
            throw new ArgumentException($"'{name}' has {entry.ByteCount} bytes, the destination {destination.Length}.", nameof(destination));
        }

        fixed (byte* start = destination)
        {
            Fill(entry, start);
        }
    }

    /// <summary>Reads a tensor onto the CPU, in the type of the file.</summary>
    /// <param name="name">Its state-dict key.</param>
    /// <returns>A new tensor; the caller disposes it.</returns>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="NotSupportedException">TorchSharp has no such type; <see cref="Read(string, Span{byte})"/> gives the bytes.</exception>
    /// <exception cref="WeightFormatException">The file cannot be read, or a truth value is neither 0 nor 1.</exception>
    public Tensor ReadTensor(string name) => ReadTensor(this[name]);

    /// <summary>A table of the tensors, and the metadata.</summary>
    public override string ToString()
    {
        var table = new TextTable("tensor", "type", "shape", ">size");
        foreach (WeightEntry entry in Entries)
        {
            table.Add(WeightEntry.Shown(entry.Name), entry.Type.ToString(), WeightEntry.Shown(entry.Shape), TextTable.Bytes(entry.ByteCount));
        }

        string metadata = string.Concat(Metadata.Select(static pair => $"{WeightEntry.Shown(pair.Key)} = {WeightEntry.Shown(pair.Value)}\n"));
        return $"{Name} ({Format}): {Entries.Count} tensors, {TextTable.Bytes(Entries.Sum(static entry => entry.ByteCount))}\n{table}{metadata}";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Source.Dispose();
        GC.SuppressFinalize(this);
    }

    internal Tensor ReadTensor(WeightEntry entry)
    {
        ScalarType type = entry.Type.Scalar() ?? throw new NotSupportedException($"{Source.Name}: TorchSharp has no tensors of type {entry.Type}, the type of '{WeightEntry.Shown(entry.Name)}'. Convert them in Python, or read the bytes.");
        using IDisposable guard = no_grad();
        Tensor tensor = empty([.. entry.Shape], type);
        try
        {
            Fill(entry, (byte*)AtenC.Address(tensor));
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads the numbers of a tensor and checks what can be checked in them.</summary>
    internal void Fill(WeightEntry entry, byte* destination)
    {
        ReadNumbers(entry, destination);
        if (entry.Type == WeightType.Bool)
        {
            const int Piece = 1 << 30;
            for (long done = 0; done < entry.ByteCount; done += Piece)
            {
                if (new ReadOnlySpan<byte>(destination + done, (int)Math.Min(Piece, entry.ByteCount - done)).ContainsAnyExceptInRange((byte)0, (byte)1))
                {
                    throw Source.Fault($"'{WeightEntry.Shown(entry.Name)}' has truth values that are neither 0 nor 1.");
                }
            }
        }
    }

    private static WeightFile Open(ByteSource source, string? stateDictKey, bool verifyChecksums)
    {
        try
        {
            byte[] start = new byte[Math.Min(source.Length, 512)];
            source.Read(0, start);
            if (TorchArchive.IsZip(start))
            {
                return PyTorchFile.Open(source, TorchArchive.ReadZip(source, verifyChecksums), stateDictKey, verifyChecksums);
            }

            if (TorchArchive.IsLegacy(start))
            {
                return PyTorchFile.Open(source, TorchArchive.ReadLegacy(source), stateDictKey, verifyChecksums);
            }

            if (stateDictKey is not null)
            {
                throw source.Fault($"the key '{stateDictKey}' leads to a state dict in a file of PyTorch, and this is none.");
            }

            return SafetensorsFile.IsMeant(start) ? SafetensorsFile.Open(source) : OpenUnmarked(source, start);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static TorchSharpFile OpenUnmarked(ByteSource source, ReadOnlySpan<byte> start)
    {
        if (TorchArchive.IsPickle(start) || (start.Length > 262 && start.Slice(257, 5).SequenceEqual("ustar"u8)))
        {
            throw source.Fault("a pickle or tar file, but not of a layout that torch.save writes. Load it in Python and save it with safetensors.torch.save_file.");
        }

        try
        {
            return TorchSharpFile.Open(source);
        }
        catch (WeightFormatException exception)
        {
            throw source.Fault($"neither safetensors nor PyTorch (.pt), and no file of TorchSharp either: {exception.Message[(source.Name.Length + 2)..]}", exception);
        }
    }

    /// <summary>Reads the numbers of a tensor, row-major without gaps, little-endian.</summary>
    private protected abstract void ReadNumbers(WeightEntry entry, byte* destination);
}
