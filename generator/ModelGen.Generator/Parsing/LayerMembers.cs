using Microsoft.CodeAnalysis;
using ModelGen.Compiler.Layers;

namespace ModelGen.Generator.Parsing;

/// <summary>Recognises layer members and models by their attributes.</summary>
internal static class LayerMembers
{
    /// <summary>The layer attribute of a member, or null.</summary>
    public static AttributeData? AttributeOf(ISymbol member) =>
        member.GetAttributes().FirstOrDefault(static attribute => DefinitionOf(attribute) is not null)
        ?? (member is IMethodSymbol { PartialDefinitionPart: { } definition } ? definition.GetAttributes().FirstOrDefault(static attribute => DefinitionOf(attribute) is not null) : null);

    public static LayerDefinition? DefinitionOf(AttributeData attribute)
    {
        INamedTypeSymbol? type = attribute.AttributeClass;
        const string suffix = "Attribute";
        return type is not null && type.Name.EndsWith(suffix, StringComparison.Ordinal) && type.ContainingNamespace is { Name: "ModelGen", ContainingNamespace.IsGlobalNamespace: true }
            ? LayerRegistry.Find(type.Name.Substring(0, type.Name.Length - suffix.Length))
            : null;
    }

    public static bool IsModel(ITypeSymbol type) => Attribute(type, "ModelAttribute") is not null;

    /// <summary>An attribute of this project's namespace, by class name.</summary>
    public static AttributeData? Attribute(ISymbol symbol, string name) => Attributes(symbol, name).FirstOrDefault();

    /// <summary>All attributes of one class of this project's namespace; in sound code there is at most one.</summary>
    public static IEnumerable<AttributeData> Attributes(ISymbol symbol, string name) =>
        symbol.GetAttributes().Where(attribute => attribute.AttributeClass is { } type && type.Name == name && type.ContainingNamespace is { Name: "ModelGen", ContainingNamespace.IsGlobalNamespace: true });

    /// <summary>Name of the enum member that an attribute argument gives; <paramref name="missing"/> when it gives none.</summary>
    public static string EnumMember(TypedConstant? argument, string missing) =>
        argument is { Kind: TypedConstantKind.Enum, Type: { } type, Value: { } value }
            ? type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => value.Equals(field.ConstantValue))?.Name ?? missing
            : missing;

    /// <summary>State-dict name of a layer member: its own name in camelCase unless the attribute gives another.</summary>
    public static string KeyOf(ISymbol member, AttributeData attribute)
    {
        object? name = attribute.NamedArguments.FirstOrDefault(static argument => argument.Key == "Name").Value.Value;
        return name as string ?? char.ToLowerInvariant(member.Name[0]) + member.Name.Substring(1);
    }
}
