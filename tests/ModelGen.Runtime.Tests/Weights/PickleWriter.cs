using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>A storage as <c>torch.save</c> sees it.</summary>
/// <param name="Class">Its class, as <c>FloatStorage</c> of module <c>torch</c> or <c>UntypedStorage</c> of <c>torch.storage</c>.</param>
/// <param name="Count">Number of its elements.</param>
/// <param name="Bytes">Its numbers.</param>
internal sealed record PyStorage(string Class, long Count, byte[] Bytes);

/// <summary>A view of a storage.</summary>
internal sealed record PyTensor(PyStorage Storage, long Offset, long[] Size, long[] Stride, bool IsParameter = false, string? DType = null);

/// <summary>An OrderedDict; with metadata like that of a state dict if asked for.</summary>
internal sealed record PyOrderedDict((string Key, object? Value)[] Items, bool HasMetadata = false);

/// <summary>A dictionary.</summary>
internal sealed record PyDict(params (object Key, object? Value)[] Items);

/// <summary>A tuple.</summary>
internal sealed record PyTuple(params object?[] Items);

/// <summary>A class or function.</summary>
internal sealed record PyGlobal(string Module, string Name);

/// <summary>A call, as objects with <c>__reduce__</c> are pickled.</summary>
internal sealed record PyCall(PyGlobal Function, params object?[] Arguments);

/// <summary>
/// Writes pickles of protocol 2 as CPython's pickler writes what <c>torch.save</c> gives it: opcodes as described in CPython's <c>Lib/pickletools.py</c>, a BINPUT after each value that Python memoizes,
/// storages as persistent identifiers (<c>torch/serialization.py</c>).
/// </summary>
internal sealed class PickleWriter(bool legacy = false)
{
    private readonly MemoryStream bytes = new();
    private readonly Dictionary<object, int> memo = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> texts = [];
    private readonly Dictionary<(string, string), int> globals = [];
    private int memoized;

    /// <summary>Storages in the order of their first use; the number is the key.</summary>
    public List<PyStorage> Storages { get; } = [];

    public byte[] Write(object? value)
    {
        bytes.Write([0x80, 2]);
        Save(value);
        bytes.WriteByte((byte)'.');
        return bytes.ToArray();
    }

    private void Save(object? value)
    {
        switch (value)
        {
            case null:
                Op('N');
                break;
            case bool truth:
                bytes.WriteByte(truth ? (byte)0x88 : (byte)0x89);
                break;
            case int number:
                SaveInteger(number);
                break;
            case long number:
                SaveInteger(number);
                break;
            case BigInteger number:
                SaveLong(number);
                break;
            case double number:
                Op('G');
                Span<byte> eight = stackalloc byte[8];
                BinaryPrimitives.WriteDoubleBigEndian(eight, number);
                bytes.Write(eight);
                break;
            case string text:
                SaveText(text);
                break;
            case PyGlobal global:
                SaveGlobal(global.Module, global.Name);
                break;
            case PyTuple tuple:
                SaveTuple(tuple.Items);
                Memoize(tuple);
                break;
            case PyDict dictionary:
                Op('}');
                Memoize(dictionary);
                SaveItems([.. dictionary.Items]);
                break;
            case object?[] list:
                Op(']');
                Memoize(list);
                if (list.Length > 0)
                {
                    Op('(');
                    Array.ForEach(list, Save);
                    Op('e');
                }

                break;
            case PyOrderedDict dictionary when memo.TryGetValue(dictionary, out int number):
                Get(number);
                break;
            case PyOrderedDict dictionary:
                SaveOrderedDict(dictionary);
                break;
            case PyTensor tensor when memo.TryGetValue(tensor, out int number):
                Get(number);
                break;
            case PyTensor tensor:
                SaveTensor(tensor);
                break;
            case PyCall call:
                SaveGlobal(call.Function.Module, call.Function.Name);
                SaveTuple(call.Arguments);
                Memoize(call.Arguments);
                Op('R');
                Memoize(call);
                break;
            default:
                throw new NotSupportedException(value.GetType().Name);
        }
    }

    private void SaveOrderedDict(PyOrderedDict dictionary)
    {
        SaveGlobal("collections", "OrderedDict");
        Op(')');
        Op('R');
        Memoize(dictionary);
        SaveItems([.. dictionary.Items.Select(static item => ((object)item.Key, item.Value))]);
        if (dictionary.HasMetadata)
        {
            Save(new PyDict(("_metadata", new PyOrderedDict([("", new PyDict(("version", 1)))]))));
            Op('b');
        }
    }

    private void SaveTensor(PyTensor tensor)
    {
        if (tensor.IsParameter)
        {
            SaveGlobal("torch._utils", "_rebuild_parameter");
            Op('(');
            SaveRebuild(tensor);
            Save(true);
            Save(new PyOrderedDict([]));
            Op('t');
            Memoize(new object());
            Op('R');
            Memoize(tensor);
        }
        else
        {
            SaveRebuild(tensor);
            memo[tensor] = memoized - 1;
        }
    }

    private void SaveRebuild(PyTensor tensor)
    {
        SaveGlobal("torch._utils", tensor.DType is null ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
        Op('(');
        SaveStorage(tensor.Storage);
        Save(tensor.Offset);
        Save(new PyTuple([.. tensor.Size.Cast<object>()]));
        Save(new PyTuple([.. tensor.Stride.Cast<object>()]));
        Save(false);
        Save(new PyOrderedDict([]));
        if (tensor.DType is { } type)
        {
            SaveGlobal("torch", type);
        }

        Op('t');
        Memoize(new object());
        Op('R');
        Memoize(new object());
    }

    private void SaveStorage(PyStorage storage)
    {
        int key = Storages.IndexOf(storage);
        if (key < 0)
        {
            key = Storages.Count;
            Storages.Add(storage);
        }

        string[] name = storage.Class.Split('.');
        var parts = new List<object?> { "storage", new PyGlobal(name.Length == 1 ? "torch" : "torch." + name[0], name[^1]), key.ToString(System.Globalization.CultureInfo.InvariantCulture), "cpu", storage.Count };
        if (legacy)
        {
            parts.Add(null);
        }

        Save(new PyTuple([.. parts]));
        Op('Q');
    }

    private void SaveItems((object Key, object? Value)[] items)
    {
        // CPython writes batches of 1000.
        foreach ((object Key, object? Value)[] batch in items.Chunk(1000))
        {
            if (batch.Length > 1)
            {
                Op('(');
            }

            foreach ((object key, object? value) in batch)
            {
                Save(key);
                Save(value);
            }

            Op(batch.Length > 1 ? 'u' : 's');
        }
    }

    private void SaveTuple(object?[] items)
    {
        if (items.Length == 0)
        {
            Op(')');
            return;
        }

        if (items.Length > 3)
        {
            Op('(');
        }

        Array.ForEach(items, Save);
        bytes.WriteByte(items.Length > 3 ? (byte)'t' : (byte)(0x84 + items.Length));
    }

    private void SaveGlobal(string module, string name)
    {
        if (globals.TryGetValue((module, name), out int number))
        {
            Get(number);
            return;
        }

        Op('c');
        bytes.Write(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));
        globals[(module, name)] = memoized;
        Memoize(new object());
    }

    private void SaveText(string text)
    {
        if (texts.TryGetValue(text, out int number))
        {
            Get(number);
            return;
        }

        byte[] encoded = Encoding.UTF8.GetBytes(text);
        Op('X');
        UInt32((uint)encoded.Length);
        bytes.Write(encoded);
        texts[text] = memoized;
        Memoize(new object());
    }

    private void SaveInteger(long number)
    {
        switch (number)
        {
            case >= 0 and <= byte.MaxValue:
                Op('K');
                bytes.WriteByte((byte)number);
                break;
            case >= 0 and <= ushort.MaxValue:
                Op('M');
                bytes.Write([(byte)number, (byte)(number >> 8)]);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Op('J');
                UInt32((uint)(int)number);
                break;
            default:
                SaveLong(number);
                break;
        }
    }

    private void SaveLong(BigInteger number)
    {
        byte[] digits = number.ToByteArray();
        bytes.WriteByte(0x8a);
        bytes.WriteByte((byte)digits.Length);
        bytes.Write(digits);
    }

    private void Memoize(object value)
    {
        memo[value] = memoized;
        if (memoized <= byte.MaxValue)
        {
            Op('q');
            bytes.WriteByte((byte)memoized);
        }
        else
        {
            Op('r');
            UInt32((uint)memoized);
        }

        memoized++;
    }

    private void Get(int number)
    {
        if (number <= byte.MaxValue)
        {
            Op('h');
            bytes.WriteByte((byte)number);
        }
        else
        {
            Op('j');
            UInt32((uint)number);
        }
    }

    private void Op(char opcode) => bytes.WriteByte((byte)opcode);

    private void UInt32(uint number)
    {
        Span<byte> four = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(four, number);
        bytes.Write(four);
    }
}
