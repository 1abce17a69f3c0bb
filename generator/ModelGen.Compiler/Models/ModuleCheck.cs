namespace ModelGen.Compiler.Models;

/// <summary>A module as it was during the build; generated code refuses an instance that differs.</summary>
/// <param name="Path">State-dict path, empty for the model itself.</param>
/// <param name="Type">Name of its class, without type parameters.</param>
/// <param name="Members">Names of fields and properties and their values in turn, as C# expressions.</param>
internal sealed record ModuleCheck(string Path, string Type, EquatableArray<string> Members);
