using System.Text.Json;

namespace ModelGen.Weights;

/// <summary>The header of a safetensors file, checked.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>libtorch's operators work on at most this many dimensions.</summary>
    public const int MostDimensions = 64;

    private const string MetadataKey = "__metadata__";

    private static readonly Dictionary<string, WeightType> Types = new(StringComparer.Ordinal)
    {
        ["BOOL"] = WeightType.Bool,
        ["U8"] = WeightType.UInt8,
        ["I8"] = WeightType.Int8,
        ["U16"] = WeightType.UInt16,
        ["I16"] = WeightType.Int16,
        ["U32"] = WeightType.UInt32,
        ["I32"] = WeightType.Int32,
        ["U64"] = WeightType.UInt64,
        ["I64"] = WeightType.Int64,
        ["F16"] = WeightType.Float16,
        ["BF16"] = WeightType.BFloat16,
        ["F32"] = WeightType.Float32,
        ["F64"] = WeightType.Float64,
        ["C64"] = WeightType.Complex64,
        ["F8_E4M3"] = WeightType.Float8E4M3,
        ["F8_E5M2"] = WeightType.Float8E5M2,
        ["F8_E4M3FNUZ"] = WeightType.Float8E4M3Fnuz,
        ["F8_E5M2FNUZ"] = WeightType.Float8E5M2Fnuz,
        ["F8_E8M0"] = WeightType.Float8E8M0,
        ["F6_E2M3"] = WeightType.Float6E2M3,
        ["F6_E3M2"] = WeightType.Float6E3M2,
        ["F4"] = WeightType.Float4,
    };

    private static readonly Dictionary<WeightType, string> Names = Types.ToDictionary(static pair => pair.Value, static pair => pair.Key);

    private readonly ByteSource source;
    private readonly long dataLength;
    private readonly List<(WeightEntry Entry, long Begin, long End)> ranges = [];
    private readonly HashSet<string> keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(ByteSource source, long dataStart)
    {
        this.source = source;
        dataLength = source.Length - dataStart;
    }

    /// <summary>The tensors in the order of their numbers in the file.</summary>
    public IReadOnlyList<WeightEntry> Entries { get; private set; } = [];

    /// <summary>Where the numbers of each tensor start in the file.</summary>
    public long[] Offsets { get; private set; } = [];

    /// <summary>Text beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Name of a type in the format, null where it has none.</summary>
    public static string? TypeName(WeightType type) => Names.GetValueOrDefault(type);

    /// <summary>Reads and checks a header.</summary>
    /// <param name="source">The file.</param>
    /// <param name="json">The header.</param>
    /// <param name="dataStart">Where the numbers start.</param>
    /// <exception cref="WeightFormatException">A rule of the format is broken.</exception>
    public static SafetensorsHeader Parse(ByteSource source, ReadOnlySpan<byte> json, long dataStart)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw source.Fault("not a safetensors file: the header does not start with '{'.");
        }

        var header = new SafetensorsHeader(source, dataStart);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 16 });
            reader.Read();
            header.ReadObject(ref reader);
            while (reader.Read())
            {
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The reader reports text that is not UTF-8 and half surrogates as an invalid operation.
            throw source.Fault($"the header is not valid JSON: {WeightEntry.Shown(exception.Message)}", exception);
        }

        header.Arrange(dataStart);
        return header;
    }

    private void ReadObject(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            if (!keys.Add(key))
            {
                throw source.Fault($"the key '{WeightEntry.Shown(key)}' is given twice.");
            }

            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw source.Fault($"'{WeightEntry.Shown(key)}' is not a JSON object.");
            }

            if (key == MetadataKey)
            {
                ReadMetadata(ref reader);
            }
            else
            {
                ReadTensor(ref reader, key);
            }
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw source.Fault($"the metadata '{WeightEntry.Shown(key)}' is not text.");
            }

            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw source.Fault($"the metadata '{WeightEntry.Shown(key)}' is given twice.");
            }
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        long[]? shape = null, range = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8) && type is null)
            {
                reader.Read();
                type = reader.TokenType == JsonTokenType.String ? reader.GetString() : throw Bad(name, "its dtype is not text");
            }
            else if (reader.ValueTextEquals("shape"u8) && shape is null)
            {
                shape = ReadNumbers(ref reader, name, "shape", MostDimensions);
            }
            else if (reader.ValueTextEquals("data_offsets"u8) && range is null)
            {
                range = ReadNumbers(ref reader, name, "data_offsets", 2);
            }
            else
            {
                throw Bad(name, $"it has a second or unknown property '{WeightEntry.Shown(reader.GetString()!)}'");
            }
        }

        if (type is null || shape is null || range is not [long begin, long end])
        {
            throw Bad(name, "it lacks one of dtype, shape and both data_offsets");
        }

        if (!Types.TryGetValue(type, out WeightType known))
        {
            throw Bad(name, $"its dtype '{WeightEntry.Shown(type)}' is not known");
        }

        long bytes = WeightTypes.ByteCount(known, shape);
        if (bytes < 0 || begin > end || end > dataLength || bytes != end - begin)
        {
            throw Bad(name, $"its range [{begin}, {end}] does not fit {type} {WeightEntry.Shown(shape)} or the file, which has {dataLength} bytes of numbers");
        }

        ranges.Add((new WeightEntry(name, known, shape, bytes, ranges.Count), begin, end));
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string property, int most)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Bad(name, $"its {property} is not an array");
        }

        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0 || numbers.Count == most)
            {
                throw Bad(name, $"its {property} is not a list of at most {most} whole numbers from 0");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary>Sorts the tensors by place and checks that their ranges cover all numbers exactly once.</summary>
    private void Arrange(long dataStart)
    {
        ranges.Sort(static (left, right) => (left.Begin, left.End, left.Entry.Index).CompareTo((right.Begin, right.End, right.Entry.Index)));
        Offsets = new long[ranges.Count];
        var entries = new WeightEntry[ranges.Count];
        long expected = 0;
        for (int i = 0; i < ranges.Count; i++)
        {
            (WeightEntry entry, long begin, long end) = ranges[i];
            if (begin != expected)
            {
                throw Bad(entry.Name, $"its numbers start at {begin} instead of {expected}, so ranges overlap or leave a hole");
            }

            expected = end;
            Offsets[i] = dataStart + begin;
            entries[i] = new WeightEntry(entry.Name, entry.Type, [.. entry.Shape], entry.ByteCount, i);
        }

        if (expected != dataLength)
        {
            throw source.Fault($"the file has {dataLength} bytes of numbers, its tensors {expected}.");
        }

        Entries = entries;
    }

    private WeightFormatException Bad(string name, string fault) => source.Fault($"tensor '{WeightEntry.Shown(name)}': {fault}.");
}
