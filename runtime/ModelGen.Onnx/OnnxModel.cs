using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>A file is not an ONNX model, or is damaged: the message names the file and the fault.</summary>
/// <param name="message">File and fault.</param>
/// <param name="inner">The underlying fault, if any.</param>
public sealed class OnnxFormatException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>An ONNX model in memory.</summary>
public sealed class OnnxModel
{
    /// <summary>Wraps a protobuf model.</summary>
    /// <param name="proto">The model; not copied.</param>
    public OnnxModel(ModelProto proto) => Proto = proto;

    /// <summary>The protobuf model.</summary>
    public ModelProto Proto { get; }

    /// <summary>The model's metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata => Proto.MetadataProps.GroupBy(static entry => entry.Key).ToDictionary(static group => group.Key, static group => group.Last().Value);

    /// <summary>Bytes of all constants.</summary>
    internal long ConstantBytes => ExternalData.Tensors(Proto).Sum(static tensor => (long)tensor.CalculateSize());

    /// <summary>Reads a file, and the files beside it that hold its external data.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The model, checked by <see cref="Validate"/>.</returns>
    /// <exception cref="OnnxFormatException">The file is not an ONNX model, is damaged, or refers to data that is missing or outside its folder.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OnnxModel Load(string path)
    {
        string full = Path.GetFullPath(path);
        if (new FileInfo(full) is { Exists: true, Length: > int.MaxValue } large)
        {
            throw new OnnxFormatException($"{path}: {large.Length} bytes; an ONNX file holds 2 GB at most, larger models keep their constants in external data.");
        }

        OnnxModel model = Read(File.ReadAllBytes(full), path);
        ExternalData.Read(model.Proto, Path.GetDirectoryName(full)!, path);
        model.Validate(path);
        return model;
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="bytes">A serialized model without external data.</param>
    /// <param name="what">Name of the source, for messages.</param>
    /// <returns>The model, checked by <see cref="Validate"/>.</returns>
    /// <exception cref="OnnxFormatException">The bytes are not an ONNX model.</exception>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string what = "model")
    {
        OnnxModel model = Read(bytes, what);
        model.Validate(what);
        return model;
    }

    /// <summary>
    /// Checks the structure: versions, names, order of nodes, sizes, the bytes of constants, nested graphs and functions. Loading does it, and opening a session does it again, before
    /// ONNX Runtime sees the model.
    /// </summary>
    /// <param name="what">Name of the model, for the message.</param>
    /// <exception cref="OnnxFormatException">The model has faults; the message lists up to twenty.</exception>
    public void Validate(string what = "model")
    {
        IReadOnlyList<string> problems = OnnxChecker.Check(Proto);
        if (problems.Count > 0)
        {
            throw new OnnxFormatException($"{what}: not a sound ONNX model:\n  {string.Join("\n  ", problems)}");
        }
    }

    /// <summary>The serialized model.</summary>
    /// <returns>Protobuf bytes.</returns>
    /// <exception cref="InvalidOperationException">The model has more than 2 GB; save it with external data.</exception>
    public byte[] ToByteArray() => ConstantBytes <= new OnnxSaveOptions().LargestFile
        ? Proto.ToByteArray()
        : throw new InvalidOperationException($"The model's constants have {ConstantBytes} bytes, more than one protobuf message holds; save it with external data.");

    /// <summary>Writes a file: it appears whole or not at all, and an existing one stays until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Whether constants go to a file of their own; null for the defaults.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, OnnxSaveOptions? options = null)
    {
        options ??= new OnnxSaveOptions();
        string full = Path.GetFullPath(path);
        bool external = options.ExternalData ?? ConstantBytes > options.LargestFile;
        (ModelProto model, string? data) = external ? ExternalData.Write(Proto, full, options.ExternalDataThreshold) : (Proto, null);
        try
        {
            AtomicFile.Write(full, model.WriteTo);
        }
        catch when (data is not null && !IsReferred(full, data))
        {
            File.Delete(data);
            throw;
        }

        ExternalData.DeleteOthers(full, data);
    }

    /// <summary>Whether the model that is still there reads a data file: the same content gives the same name.</summary>
    private static bool IsReferred(string path, string data)
    {
        try
        {
            return File.Exists(path) && ExternalData.Tensors(Read(File.ReadAllBytes(path), path).Proto).Any(tensor => ExternalData.Location(tensor) == Path.GetFileName(data));
        }
        catch (Exception exception) when (exception is IOException or OnnxFormatException)
        {
            return false;
        }
    }

    private static OnnxModel Read(ReadOnlySpan<byte> bytes, string what)
    {
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new OnnxFormatException($"{what}: not an ONNX model, or damaged: {exception.Message}", exception);
        }

        return proto.Graph is null || proto.IrVersion <= 0 || proto.OpsetImport.Count == 0
            ? throw new OnnxFormatException($"{what}: not an ONNX model: it holds no graph, IR version or operator set. Is it a weights file of another format?")
            : new OnnxModel(proto);
    }
}
