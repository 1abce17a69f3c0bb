using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the part of an ordinary TorchSharp module that names what it can do; its layers and constructors are its own.</summary>
internal static class TorchModuleEmitter
{
    public static string Write(ModelSpec spec)
    {
        IndentedWriter writer = ModelEmitter.Begin();
        ModelEmitter.InClass(writer, spec, spec.Refusal is null ? " : global::ModelGen.ICompiledModel" : "", static () => { });
        return writer.ToString();
    }
}
