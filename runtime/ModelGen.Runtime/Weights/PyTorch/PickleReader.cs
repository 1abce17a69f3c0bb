using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace ModelGen.Weights;

/// <summary>
/// Reads the pickles of <c>torch.save</c> without running anything: the opcodes are those that PyTorch's own weights-only reader accepts
/// (<c>torch/_weights_only_unpickler.py</c>), classes and functions are those of <see cref="PickleNames"/>, and results are plain data.
/// </summary>
/// <remarks>
/// Values are null, <see cref="bool"/>, <see cref="long"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="string"/>, arrays of values (tuples) and the classes of this folder.
/// The reader is a loop without recursion; memory is bounded by the bytes read and by <see cref="MostValues"/>.
/// </remarks>
internal sealed class PickleReader
{
    /// <summary>Values that one file may make; a state dict of 100,000 tensors makes 2 million.</summary>
    public const int MostValues = 10_000_000;

    private const int LongestName = 200;

    private static readonly object Mark = new();

    private readonly ByteCursor cursor;
    private readonly List<object?> stack = [];
    private readonly Dictionary<uint, object?> memo = [];
    private readonly Dictionary<string, WeightType> storages = new(StringComparer.Ordinal);
    private int values;

    /// <summary>A reader of one pickle after the other.</summary>
    /// <param name="cursor">The bytes; stands behind the pickle after each call of <see cref="Read"/>.</param>
    public PickleReader(ByteCursor cursor)
    {
        this.cursor = cursor;
    }

    /// <summary>Types of the storages that tensors were rebuilt from, by key.</summary>
    public IReadOnlyDictionary<string, WeightType> Storages => storages;

    /// <summary>Reads one pickle.</summary>
    /// <returns>Its value.</returns>
    /// <exception cref="WeightFormatException">It is damaged, or asks for something that is not allowed.</exception>
    public object? Read()
    {
        stack.Clear();
        memo.Clear();
        while (true)
        {
            byte opcode = cursor.Byte();
            if (opcode == (byte)'.')
            {
                return stack is [{ } only] && !ReferenceEquals(only, Mark) ? only : throw cursor.Fault($"the pickle ends with {stack.Count} values instead of one");
            }

            Execute(opcode);
        }
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                byte protocol = cursor.Byte();
                if (protocol != 2)
                {
                    throw cursor.Fault($"pickle protocol {protocol}; torch.save writes protocol 2 unless told otherwise, and only that is read");
                }

                break;
            case (byte)'c': // GLOBAL
                Push(Global(Line(), Line()));
                break;
            case (byte)'q': // BINPUT
                memo[cursor.Byte()] = Top();
                break;
            case (byte)'r': // LONG_BINPUT
                memo[UInt32()] = Top();
                break;
            case (byte)'h': // BINGET
                Push(Remembered(cursor.Byte()));
                break;
            case (byte)'j': // LONG_BINGET
                Push(Remembered(UInt32()));
                break;
            case (byte)'(': // MARK
                Push(Mark);
                break;
            case (byte)')': // EMPTY_TUPLE
                Push(Array.Empty<object?>());
                break;
            case (byte)'t': // TUPLE
                Push(ToMark());
                break;
            case 0x85: // TUPLE1
                Push(Last(1));
                break;
            case 0x86: // TUPLE2
                Push(Last(2));
                break;
            case 0x87: // TUPLE3
                Push(Last(3));
                break;
            case (byte)']': // EMPTY_LIST
            case 0x8f: // EMPTY_SET
                Push(new PickleList());
                break;
            case (byte)'a': // APPEND
                Append(Last(1));
                break;
            case (byte)'e': // APPENDS
                Append(ToMark());
                break;
            case (byte)'}': // EMPTY_DICT
                Push(new PickleDict());
                break;
            case (byte)'s': // SETITEM
                SetItems(Last(2));
                break;
            case (byte)'u': // SETITEMS
                SetItems(ToMark());
                break;
            case (byte)'X': // BINUNICODE
                Push(cursor.Utf8(UInt32()));
                break;
            case (byte)'U': // SHORT_BINSTRING
                Push(ShortText(cursor.Byte()));
                break;
            case (byte)'J': // BININT
                Push((long)(int)UInt32());
                break;
            case (byte)'K': // BININT1
                Push((long)cursor.Byte());
                break;
            case (byte)'M': // BININT2
                Push((long)(cursor.Byte() | (cursor.Byte() << 8)));
                break;
            case 0x8a: // LONG1
                Push(Long(cursor.Byte()));
                break;
            case (byte)'G': // BINFLOAT
                Span<byte> number = stackalloc byte[8];
                cursor.Bytes(number);
                Push(BinaryPrimitives.ReadDoubleBigEndian(number));
                break;
            case 0x88: // NEWTRUE
                Push(true);
                break;
            case 0x89: // NEWFALSE
                Push(false);
                break;
            case (byte)'N': // NONE
                Push(null);
                break;
            case (byte)'Q': // BINPERSID
                Push(Storage(Pop()));
                break;
            case (byte)'R': // REDUCE
                Call();
                break;
            case 0x81: // NEWOBJ
                New();
                break;
            case (byte)'b': // BUILD
                Build();
                break;
            default:
                throw cursor.Fault($"opcode 0x{opcode:X2} is not one that state dicts use, and is refused");
        }
    }

    private object Global(string module, string name) => PickleNames.Find(module, name) ?? throw cursor.Fault(
        $"the file asks for '{WeightEntry.Shown(module)}.{WeightEntry.Shown(name)}', which is not part of a state dict, and is refused: it would be code to run. Save only tensors: torch.save(model.state_dict(), path)");

    /// <summary>REDUCE: a call of one of the allowed functions with a tuple of arguments.</summary>
    private void Call()
    {
        object?[] arguments = Pop() as object?[] ?? throw cursor.Fault("a call without a tuple of arguments");
        PickleGlobal function = Pop() as PickleGlobal ?? throw cursor.Fault("a call of something that is not one of the allowed functions");
        Push((function.Name, arguments) switch
        {
            (PickleName.OrderedDict or PickleName.Counter, []) => new PickleDict(),
            (PickleName.OrderedDict, [PickleList pairs]) => FromPairs(pairs),
            (PickleName.OrderedDict or PickleName.Counter, [PickleDict same]) => same,
            (PickleName.Set, []) => new PickleList(),
            (PickleName.Set, [PickleList same]) => same,
            (PickleName.Size, [object?[] same]) => same,
            (PickleName.Device, [string kind, ..]) => kind,
            (PickleName.Encode, [string text, ..]) => text,
            (PickleName.RebuildParameter or PickleName.RebuildParameterWithState, [PickleTensor tensor, ..]) => tensor,
            (PickleName.RebuildTensorV2, [PickleStorage storage, long offset, object?[] sizes, object?[] strides, ..]) => Tensor(storage, null, offset, sizes, strides),
            (PickleName.RebuildTensorV3, [PickleStorage storage, long offset, object?[] sizes, object?[] strides, _, _, PickleType type, ..]) => Tensor(storage, type.Type, offset, sizes, strides),
            _ => throw cursor.Fault($"a call of {function.Text} with arguments that PyTorch does not write"),
        });
    }

    private void New()
    {
        object?[] arguments = Pop() as object?[] ?? throw cursor.Fault("a new object without a tuple of arguments");
        object? type = Pop();
        Push(type is PickleGlobal { Name: PickleName.OrderedDict or PickleName.Counter } && arguments.Length == 0
            ? new PickleDict()
            : throw cursor.Fault($"a new object of {(type as PickleGlobal)?.Text ?? "something that is not a class"}, which is not part of a state dict, and is refused"));
    }

    /// <summary>BUILD: attributes of an object. Only an OrderedDict has some: the versions of a module's layers, which TorchSharp does not know.</summary>
    private void Build()
    {
        Pop();
        if (Top() is not PickleDict)
        {
            throw cursor.Fault("attributes for something that is not a dictionary are refused");
        }
    }

    private PickleDict FromPairs(PickleList pairs)
    {
        var dictionary = new PickleDict();
        foreach (object? pair in pairs.Items)
        {
            Count();
            (object? key, object? value) = pair switch
            {
                object?[] and [var first, var second] => (first, second),
                PickleList { Items: [var first, var second] } => (first, second),
                _ => throw cursor.Fault("an OrderedDict of something that is not pairs"),
            };
            dictionary.Set(key, value);
        }

        return dictionary;
    }

    /// <summary>BINPERSID: <c>('storage', class, key, device, count)</c>, in legacy files followed by None or <c>(key of the part, first number, count)</c>.</summary>
    private PickleStorage Storage(object? id)
    {
        if (id is not object?[] { Length: 5 or 6 } parts || parts is not ["storage", var type, string key, _, long count, ..] || count < 0)
        {
            throw cursor.Fault("a persistent identifier that is not the one of a storage: the file holds a whole Python module instead of its state dict, or is damaged");
        }

        (WeightType number, bool untyped) = type switch
        {
            PickleType typed when typed.Text.EndsWith("Storage", StringComparison.Ordinal) => (typed.Type, false),
            PickleGlobal { Name: PickleName.UntypedStorage } => (WeightType.UInt8, true),
            _ => throw cursor.Fault($"storage '{WeightEntry.Shown(key)}' is of no known class"),
        };
        if (!storages.TryAdd(key, number) && storages[key] != number)
        {
            throw cursor.Fault($"storage '{WeightEntry.Shown(key)}' is of two types");
        }

        return parts.Length == 5 || parts[5] is null ? new PickleStorage(key, number, count, 0, untyped)
            : parts[5] is object?[] and [string, long start, long length] && start >= 0 && length >= 0 && start <= count - length ? new PickleStorage(key, number, length, start, untyped)
            : throw cursor.Fault($"the part of storage '{WeightEntry.Shown(key)}' does not lie inside it");
    }

    private PickleTensor Tensor(PickleStorage storage, WeightType? given, long offset, object?[] sizes, object?[] strides)
    {
        if (storage.Untyped != given.HasValue)
        {
            throw cursor.Fault($"a tensor in storage '{WeightEntry.Shown(storage.Key)}' {(given.HasValue ? "gives a type that the storage has already" : "has no type")}");
        }

        WeightType type = given ?? storage.Type;
        long[] shape = Numbers(sizes), steps = Numbers(strides);
        long bytes = WeightTypes.ByteCount(type, shape);
        if (steps.Length != shape.Length || shape.Length > SafetensorsHeader.MostDimensions || bytes < 0 || offset < 0)
        {
            throw cursor.Fault($"a tensor of storage '{WeightEntry.Shown(storage.Key)}' has sizes, strides and an offset that no tensor has");
        }

        long available = storage.Untyped ? storage.Count / (type.Bits() / 8) : storage.Count;
        UInt128 last = (UInt128)offset;
        for (int i = 0; i < shape.Length; i++)
        {
            last += (UInt128)Math.Max(0, shape[i] - 1) * (UInt128)steps[i];
        }

        bool empty = bytes == 0;
        if (empty ? offset > available : last >= (UInt128)available)
        {
            throw cursor.Fault($"a tensor {WeightEntry.Shown(shape)} reaches beyond the {available} numbers of storage '{WeightEntry.Shown(storage.Key)}'");
        }

        // What is read for a tensor stays within what the file holds.
        return bytes / (type.Bits() / 8) <= available
            ? new PickleTensor(storage, type, offset, shape, steps)
            : throw cursor.Fault($"a tensor {WeightEntry.Shown(shape)} repeats the {available} numbers of storage '{WeightEntry.Shown(storage.Key)}'; save expanded tensors with .contiguous()");
    }

    private long[] Numbers(object?[] tuple)
    {
        if (tuple.Length > SafetensorsHeader.MostDimensions)
        {
            throw cursor.Fault($"a tensor of {tuple.Length} dimensions; {SafetensorsHeader.MostDimensions} are allowed");
        }

        return [.. tuple.Select(item =>
        {
            Count();
            return item is long number and >= 0 ? number : throw cursor.Fault("a size or stride of a tensor is not a whole number from 0");
        })];
    }

    private void Append(object?[] items)
    {
        PickleList list = Top() as PickleList ?? throw cursor.Fault("an item for something that is not a list");
        foreach (object? item in items)
        {
            list.Add(item);
        }
    }

    private void SetItems(object?[] items)
    {
        PickleDict dictionary = Top() as PickleDict ?? throw cursor.Fault("an item for something that is not a dictionary");
        if (items.Length % 2 != 0)
        {
            throw cursor.Fault("a key without a value");
        }

        for (int i = 0; i < items.Length; i += 2)
        {
            dictionary.Set(items[i], items[i + 1]);
        }
    }

    private string Line()
    {
        var line = new StringBuilder();
        while (cursor.Byte() is var next && next != (byte)'\n')
        {
            if (line.Length == LongestName)
            {
                throw cursor.Fault($"a name of more than {LongestName} letters");
            }

            line.Append((char)next);
        }

        return line.ToString();
    }

    private string ShortText(byte length)
    {
        Span<byte> text = stackalloc byte[length];
        cursor.Bytes(text);
        return Encoding.Latin1.GetString(text);
    }

    private object Long(byte length)
    {
        Span<byte> number = stackalloc byte[length];
        cursor.Bytes(number);
        var value = new BigInteger(number);
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    private uint UInt32()
    {
        Span<byte> number = stackalloc byte[4];
        cursor.Bytes(number);
        return BinaryPrimitives.ReadUInt32LittleEndian(number);
    }

    private object? Remembered(uint number) => memo.TryGetValue(number, out object? value) ? value : throw cursor.Fault($"value {number} is used before it is made");

    private void Push(object? value)
    {
        Count();
        stack.Add(value);
    }

    private void Count()
    {
        if (++values > MostValues)
        {
            throw cursor.Fault($"more than {MostValues} values; no state dict has so many");
        }
    }

    private object? Top() => stack.Count > 0 && !ReferenceEquals(stack[^1], Mark) ? stack[^1] : throw cursor.Fault("a value is used that is not there");

    private object? Pop()
    {
        object? value = Top();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] Last(int count)
    {
        object?[] items = new object?[count];
        for (int i = count - 1; i >= 0; i--)
        {
            items[i] = Pop();
        }

        return items;
    }

    private object?[] ToMark()
    {
        int mark = stack.FindLastIndex(static value => ReferenceEquals(value, Mark));
        if (mark < 0)
        {
            throw cursor.Fault("a collection ends that did not begin");
        }

        object?[] items = [.. stack[(mark + 1)..]];
        stack.RemoveRange(mark, stack.Count - mark);
        return items;
    }
}
