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

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The model.</returns>
    /// <exception cref="OnnxFormatException">The file is not an ONNX model or is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OnnxModel Load(string path) => Parse(File.ReadAllBytes(path), path);

    /// <summary>Reads bytes.</summary>
    /// <param name="bytes">A serialized model.</param>
    /// <param name="what">Name of the source, for messages.</param>
    /// <returns>The model.</returns>
    /// <exception cref="OnnxFormatException">The bytes are not an ONNX model.</exception>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string what = "model")
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

    /// <summary>The serialized model.</summary>
    /// <returns>Protobuf bytes.</returns>
    public byte[] ToByteArray() => Proto.ToByteArray();

    /// <summary>Writes a file: it appears whole or not at all, and an existing one stays until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Proto.WriteTo(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
