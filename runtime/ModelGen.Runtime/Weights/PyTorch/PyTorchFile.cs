using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ModelGen.Kernels;

namespace ModelGen.Weights;

/// <summary>A <c>.pt</c> or <c>.pth</c> file of <c>torch.save</c>: the tensors of the state dict in it.</summary>
internal sealed unsafe class PyTorchFile : WeightFile
{
    private readonly PickleTensor[] tensors;
    private readonly IReadOnlyDictionary<string, StoredNumbers> storages;
    private readonly bool bigEndian;
    private readonly bool verifyChecksums;
    private readonly HashSet<string> verified = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    private PyTorchFile(ByteSource source, IReadOnlyList<WeightEntry> entries, PickleTensor[] tensors, TorchArchive archive, string stateDictKey, bool verifyChecksums)
        : base(source, WeightFormat.PyTorch, entries, new Dictionary<string, string>())
    {
        this.tensors = tensors;
        storages = archive.Storages;
        bigEndian = archive.BigEndian;
        StateDictKey = stateDictKey;
        this.verifyChecksums = verifyChecksums;
    }

    /// <summary>Opens a file.</summary>
    /// <param name="source">The file; stays the caller's when it is refused.</param>
    /// <param name="archive">Its outer structure.</param>
    /// <param name="stateDictKey">Where in the saved value the state dict is, keys separated by slashes; null to look for it.</param>
    /// <param name="verifyChecksums">Whether the numbers of each storage are compared with their checksum before they are used.</param>
    /// <exception cref="WeightFormatException">The file is damaged, holds something else than a state dict, or asks for code to run.</exception>
    public static PyTorchFile Open(ByteSource source, TorchArchive archive, string? stateDictKey, bool verifyChecksums)
    {
        (PickleDict state, string key) = StateDictSearch.Find(source, archive.Value, stateDictKey);
        var entries = new List<WeightEntry>();
        var tensors = new List<PickleTensor>();
        foreach ((object? name, object? value) in state.Pairs)
        {
            // Beside tensors, state dicts hold what layers add as extra state, which only their own class could read.
            if (name is string text && value is PickleTensor tensor)
            {
                Check(source, archive, text, tensor);
                entries.Add(new WeightEntry(text, tensor.Type, tensor.Shape, WeightTypes.ByteCount(tensor.Type, tensor.Shape), entries.Count));
                tensors.Add(tensor);
            }
        }

        return new PyTorchFile(source, entries, [.. tensors], archive, key, verifyChecksums);
    }

    private protected override void ReadNumbers(WeightEntry entry, byte* destination)
    {
        if (entry.ByteCount == 0)
        {
            return;
        }

        PickleTensor tensor = tensors[entry.Index];
        StoredNumbers stored = storages[tensor.Storage.Key];
        Verify(tensor.Storage.Key, stored);
        int size = tensor.Type.Bits() / 8;
        long start = stored.Offset + (tensor.Storage.Start * (tensor.Storage.Type.Bits() / 8)) + (tensor.Offset * size);
        if (IsContiguous(tensor))
        {
            Source.Read(start, destination, entry.ByteCount);
        }
        else
        {
            Gather(tensor, start, size, destination);
        }

        if (bigEndian)
        {
            Reverse(tensor.Type, destination, entry.ByteCount);
        }
    }

    /// <summary>The numbers that a tensor looks at must be in the file. That they lie inside their storage was checked when the tensor was rebuilt.</summary>
    private static void Check(ByteSource source, TorchArchive archive, string name, PickleTensor tensor)
    {
        PickleStorage storage = tensor.Storage;
        if (!archive.Storages.TryGetValue(storage.Key, out StoredNumbers? stored))
        {
            throw source.Fault($"'{WeightEntry.Shown(name)}' looks at storage '{WeightEntry.Shown(storage.Key)}', which is not in the file.");
        }

        long held = stored.Length / (storage.Type.Bits() / 8);
        if (storage.Count > held || storage.Start > held - storage.Count)
        {
            throw source.Fault($"storage '{WeightEntry.Shown(storage.Key)}' of '{WeightEntry.Shown(name)}' has {held} numbers in the file; {storage.Count} from {storage.Start} are asked for.");
        }
    }

    private void Verify(string key, StoredNumbers stored)
    {
        if (stored.Checksum is not { } expected || !verifyChecksums)
        {
            return;
        }

        lock (gate)
        {
            if (verified.Contains(key))
            {
                return;
            }
        }

        uint actual = Checksums.Crc32(Source, stored.Offset, stored.Length);
        if (actual != expected)
        {
            throw Source.Fault(
                $"damaged: storage '{WeightEntry.Shown(key)}' has the checksum {actual:X8} instead of {expected:X8}. "
                + "If it was written after torch.serialization.set_crc32_options(False), turn verifyChecksums off.");
        }

        lock (gate)
        {
            verified.Add(key);
        }
    }

    private static bool IsContiguous(PickleTensor tensor)
    {
        long step = 1;
        for (int i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != step)
            {
                return false;
            }

            step *= tensor.Shape[i];
        }

        return true;
    }

    /// <summary>Reads the part of the storage between a view's first and last number, and picks its numbers in order.</summary>
    private void Gather(PickleTensor tensor, long start, int size, byte* destination)
    {
        long span = size;
        for (int i = 0; i < tensor.Shape.Length; i++)
        {
            span += (tensor.Shape[i] - 1) * tensor.Strides[i] * size;
        }

        using var memory = new NativeMemoryBlock(span);
        byte* numbers = (byte*)memory.Address;
        Source.Read(start, numbers, span);
        switch (size)
        {
            case 1:
                Pick(tensor, numbers, destination);
                break;
            case 2:
                Pick(tensor, (ushort*)numbers, (ushort*)destination);
                break;
            case 4:
                Pick(tensor, (uint*)numbers, (uint*)destination);
                break;
            case 8:
                Pick(tensor, (ulong*)numbers, (ulong*)destination);
                break;
            default:
                Pick(tensor, (UInt128*)numbers, (UInt128*)destination);
                break;
        }
    }

    private static void Pick<T>(PickleTensor tensor, T* from, T* to)
        where T : unmanaged
    {
        ReadOnlySpan<long> shape = tensor.Shape, strides = tensor.Strides;
        int inner = shape.Length - 1;
        Span<long> index = stackalloc long[shape.Length];
        while (true)
        {
            T* row = from;
            for (int i = 0; i < inner; i++)
            {
                row += index[i] * strides[i];
            }

            for (long i = 0; i < shape[inner]; i++)
            {
                *to++ = row[i * strides[inner]];
            }

            int dimension = inner - 1;
            while (dimension >= 0 && ++index[dimension] == shape[dimension])
            {
                index[dimension--] = 0;
            }

            if (dimension < 0)
            {
                return;
            }
        }
    }

    /// <summary>Turns the bytes of each number around; of a complex one those of each part.</summary>
    private static void Reverse(WeightType type, byte* numbers, long count)
    {
        int size = type switch
        {
            WeightType.Complex64 => 4,
            WeightType.Complex128 => 8,
            _ => type.Bits() / 8,
        };
        const int Piece = 1 << 20;
        for (long done = 0; done < count; done += Piece)
        {
            var piece = new Span<byte>(numbers + done, (int)Math.Min(Piece, count - done));
            switch (size)
            {
                case 2:
                    Reverse(MemoryMarshal.Cast<byte, ushort>(piece));
                    break;
                case 4:
                    Reverse(MemoryMarshal.Cast<byte, uint>(piece));
                    break;
                case 8:
                    Reverse(MemoryMarshal.Cast<byte, ulong>(piece));
                    break;
            }
        }
    }

    private static void Reverse(Span<ushort> numbers) => BinaryPrimitives.ReverseEndianness(numbers, numbers);

    private static void Reverse(Span<uint> numbers) => BinaryPrimitives.ReverseEndianness(numbers, numbers);

    private static void Reverse(Span<ulong> numbers) => BinaryPrimitives.ReverseEndianness(numbers, numbers);
}
