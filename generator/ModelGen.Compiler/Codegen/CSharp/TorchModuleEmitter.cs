using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the part of an ordinary TorchSharp module that names what it can do; its layers and constructors are its own.</summary>
internal static class TorchModuleEmitter
{
    public static string Write(ModelSpec spec)
    {
        IndentedWriter writer = ModelEmitter.Begin();
        string bases = (spec.Refusal is null ? ", global::ModelGen.ICompiledModel" : "") + InitializationEmitter.Interface(spec);
        ModelEmitter.InClass(writer, spec, bases.Length > 0 ? " : " + bases.Substring(2) : "", () => InitializationEmitter.Write(writer, spec));
        return writer.ToString();
    }
}
