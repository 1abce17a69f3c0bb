using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>
/// Constants that lie in files beside the model (https://onnx.ai/onnx/repo-docs/ExternalData.html). Only plain names below the model's folder are followed, and no links: a
/// model must not be able to read anything else.
/// </summary>
internal static class ExternalData
{
    /// <summary>Readers can map what starts at a page.</summary>
    public const int Alignment = 4096;

    private const string LocationKey = "location";
    private const string OffsetKey = "offset";
    private const string LengthKey = "length";

    /// <summary>The file that a tensor names; empty when it names none.</summary>
    public static string Location(TensorProto tensor) => Entry(tensor, LocationKey) ?? "";

    /// <summary>Why a tensor's reference is refused; null when it may be followed.</summary>
    /// <param name="tensor">A tensor with external data.</param>
    /// <param name="wanted">Bytes that its shape and type need.</param>
    public static string? Problem(TensorProto tensor, long wanted)
    {
        if (tensor.ExternalData.GroupBy(static entry => entry.Key, StringComparer.Ordinal).Any(static group => group.Count() > 1))
        {
            return "an entry of its external data is given twice";
        }

        string location = Location(tensor);
        if (!IsPlain(location))
        {
            return $"its external data lies at '{location}', which is not a plain path below the model's folder";
        }

        if (Number(tensor, OffsetKey, 0) is not long offset || Number(tensor, LengthKey, wanted) is not long length)
        {
            return "offset or length of its external data is not a number that fits";
        }

        return length != wanted ? $"its external data has {length} bytes, but shape and type need {wanted}" : offset > long.MaxValue - length ? "its external data ends beyond any file" : null;
    }

    /// <summary>Reads all external data of a model into its tensors.</summary>
    /// <exception cref="OnnxFormatException">A reference leaves the folder, overlaps another, or its file is missing or too short.</exception>
    public static void Read(ModelProto model, string folder, string what)
    {
        TensorProto[] tensors = [.. Tensors(model).Where(static tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External)];
        foreach (IGrouping<string, TensorProto> file in tensors.GroupBy(Location, StringComparer.Ordinal))
        {
            ReadFile([.. file], folder, file.Key, what);
        }
    }

    private static void ReadFile(TensorProto[] tensors, string folder, string location, string what)
    {
        var regions = new Dictionary<(long Offset, long Length), ByteString>();
        FileStream? stream = null;
        try
        {
            foreach (TensorProto tensor in tensors)
            {
                long wanted = TensorBytes.Bits(tensor.DataType) is int bits && tensor.Dims.All(static size => size >= 0) && Count(tensor) is long count
                    ? TensorBytes.Length(count, bits)
                    : throw new OnnxFormatException($"{what}: initialiser '{tensor.Name}' of type {tensor.DataType} and shape [{string.Join(", ", tensor.Dims)}] cannot lie in another file.");
                if (Problem(tensor, wanted) is string problem)
                {
                    throw new OnnxFormatException($"{what}: initialiser '{tensor.Name}': {problem}.");
                }

                stream ??= Open(folder, location, what);
                (long Offset, long Length) region = (Number(tensor, OffsetKey, 0)!.Value, wanted);
                if (region.Offset + region.Length > stream.Length || region.Length > Array.MaxLength)
                {
                    throw new OnnxFormatException($"{what}: initialiser '{tensor.Name}' needs the bytes {region.Offset}..{region.Offset + region.Length} of '{location}', which has {stream.Length}; a tensor may have {Array.MaxLength} at most. Is the file complete?");
                }

                if (!regions.TryGetValue(region, out ByteString? data))
                {
                    if (regions.Keys.Any(known => known.Offset < region.Offset + region.Length && region.Offset < known.Offset + known.Length))
                    {
                        throw new OnnxFormatException($"{what}: constants overlap in '{location}'.");
                    }

                    var bytes = new byte[region.Length];
                    stream.Position = region.Offset;
                    stream.ReadExactly(bytes);
                    regions[region] = data = UnsafeByteOperations.UnsafeWrap(bytes);
                }

                tensor.RawData = data;
                tensor.ExternalData.Clear();
                tensor.DataLocation = TensorProto.Types.DataLocation.Default;
            }
        }
        finally
        {
            stream?.Dispose();
        }
    }

    /// <summary>Writes the large constants of a model to a file of their own beside it.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="path">Where the model will be written.</param>
    /// <param name="threshold">Bytes from which a constant is moved.</param>
    /// <returns>The model that refers to the file, and the file; no file when there is nothing to move.</returns>
    /// <remarks>The name holds a hash of the content: a new version never overwrites the data that the old model still reads, so that the pair changes at once, with the model.</remarks>
    public static (ModelProto Model, string? File) Write(ModelProto model, string path, long threshold)
    {
        ModelProto copy = model.Clone();
        TensorProto[] large = [.. copy.Graph.Initializer.Where(tensor => TensorBytes.Bits(tensor.DataType) is not null && TensorBytes.Raw(tensor).RawData.Length >= Math.Max(threshold, 1))];
        if (large.Length == 0)
        {
            return (copy, null);
        }

        var places = new Dictionary<ByteString, long>();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string temporary = AtomicFile.TemporaryName(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                foreach (TensorProto tensor in large)
                {
                    ByteString data = TensorBytes.Raw(tensor).RawData;
                    if (!places.TryGetValue(data, out long offset))
                    {
                        var padding = new byte[(Alignment - (stream.Position % Alignment)) % Alignment];
                        stream.Write(padding);
                        hash.AppendData(padding);
                        places[data] = offset = stream.Position;
                        stream.Write(data.Span);
                        hash.AppendData(data.Span);
                    }

                    tensor.ExternalData.Add(Pair(OffsetKey, offset.ToString(CultureInfo.InvariantCulture)));
                    tensor.ExternalData.Add(Pair(LengthKey, data.Length.ToString(CultureInfo.InvariantCulture)));
                    tensor.DataLocation = TensorProto.Types.DataLocation.External;
                    Clear(tensor);
                }

                stream.Flush(flushToDisk: true);
            }

            string name = $"{Path.GetFileName(path)}.{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 6))}.data";
            foreach (TensorProto tensor in large)
            {
                tensor.ExternalData.Insert(0, Pair(LocationKey, name));
            }

            string file = Path.Combine(Path.GetDirectoryName(path)!, name);
            File.Move(temporary, file, overwrite: true);
            return (copy, file);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Deletes data files that earlier versions of a model left: those with its name and a hash.</summary>
    public static void DeleteOthers(string path, string? keep)
    {
        string name = Path.GetFileName(path);
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(path)!, name + ".*.data"))
        {
            string middle = Path.GetFileName(file)[(name.Length + 1)..^".data".Length];
            if (file != keep && middle.Length == 12 && middle.All(char.IsAsciiHexDigitLower))
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>All tensors of a model, those of nested graphs included.</summary>
    public static IEnumerable<TensorProto> Tensors(ModelProto model) => Tensors(model.Graph).Concat(model.Functions.SelectMany(static function => Tensors(function.Node)));

    private static IEnumerable<TensorProto> Tensors(GraphProto? graph) => graph is null ? [] : graph.Initializer
        .Concat(graph.SparseInitializer.SelectMany(static sparse => new[] { sparse.Values, sparse.Indices }.OfType<TensorProto>()))
        .Concat(Tensors(graph.Node));

    private static IEnumerable<TensorProto> Tensors(IEnumerable<NodeProto> nodes) => nodes.SelectMany(static node => node.Attribute).SelectMany(static attribute =>
        attribute.Tensors.Concat(attribute.T is null ? [] : [attribute.T]).Concat(attribute.Graphs.Concat(attribute.G is null ? [] : [attribute.G]).SelectMany(Tensors)));

    private static bool IsPlain(string location) =>
        location.Length is > 0 and < 1024 && !location.Contains('\\') && !location.Contains(':') && !location.Any(char.IsControl) && !Path.IsPathRooted(location)
        && location.Split('/').All(static part => part is not ("" or "." or ".."));

    private static FileStream Open(string folder, string location, string what)
    {
        string path = folder;
        foreach (string part in location.Split('/'))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
            {
                throw new OnnxFormatException($"{what}: the external data '{location}' is a link; copy the file beside the model.");
            }
        }

        try
        {
            // What is no plain file (a device, a pipe) has no length to check offsets against.
            return File.Exists(path) && (File.GetAttributes(path) & (FileAttributes.Directory | FileAttributes.Device)) == 0
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
                : throw new OnnxFormatException($"{what}: its external data '{location}' is missing beside it.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OnnxFormatException($"{what}: its external data '{location}' cannot be read: {exception.Message}", exception);
        }
    }

    private static long? Count(TensorProto tensor)
    {
        Int128 count = 1;
        foreach (long size in tensor.Dims)
        {
            count *= size;
            if (count > long.MaxValue / 16)
            {
                return null;
            }
        }

        return (long)count;
    }

    private static string? Entry(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;

    private static long? Number(TensorProto tensor, string key, long absent) => Entry(tensor, key) is not string text ? absent
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    private static StringStringEntryProto Pair(string key, string value) => new() { Key = key, Value = value };

    private static void Clear(TensorProto tensor)
    {
        tensor.RawData = ByteString.Empty;
        tensor.FloatData.Clear();
        tensor.DoubleData.Clear();
        tensor.Int32Data.Clear();
        tensor.Int64Data.Clear();
        tensor.Uint64Data.Clear();
    }
}
