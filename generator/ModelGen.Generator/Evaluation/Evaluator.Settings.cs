using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>What generated code takes for granted about an instance: the kinds of its layers, and the values that <c>forward</c> read from it.</content>
internal sealed partial class Evaluator
{
    private const int MaxChain = 3;

    private readonly Dictionary<SymObject, HashSet<ISymbol>> reads = [];

    private void NoteRead(SymObject instance, ISymbol member)
    {
        if (constructing)
        {
            return;
        }

        if (!reads.TryGetValue(instance, out HashSet<ISymbol> members))
        {
            reads.Add(instance, members = new(SymbolEqualityComparer.Default));
        }

        members.Add(member);
    }

    /// <summary>The model's modules with what the calculation depends on, for a check of the instance at run time.</summary>
    public IEnumerable<ModuleCheck> ModuleChecks()
    {
        foreach (KeyValuePair<object, string> pair in modulePaths.OrderBy(static pair => pair.Value, StringComparer.Ordinal))
        {
            switch (pair.Key)
            {
                case SymModule layer:
                    yield return new ModuleCheck(pair.Value, layer.Definition.Name, layerTypes.ContainsKey(pair.Value) ? LayerSettings(layer).ToEquatableArray() : []);
                    break;
                case SymObject { Module: not null } module:
                    var members = new List<string>();
                    Collect(module, "", members, 0);
                    yield return new ModuleCheck(pair.Value, module.Type.Name, members.ToEquatableArray());
                    break;
            }
        }
    }

    /// <summary>Settings of a layer that TorchSharp shows as properties of the same name.</summary>
    private IEnumerable<string> LayerSettings(SymModule layer)
    {
        for (INamedTypeSymbol? type = cache.TypeOf("TorchSharp.Modules." + layer.Definition.Name); type is not null && !IsModuleBase(cache.NameOf(type)); type = type.BaseType)
        {
            foreach (IPropertySymbol property in type.GetMembers().OfType<IPropertySymbol>().Where(static property => property is { IsStatic: false, IsIndexer: false, DeclaredAccessibility: Accessibility.Public, Type.Name: not ("Tensor" or "Parameter") }))
            {
                // Padding may be given by its kind, and null stands for a default that TorchSharp fills in.
                if (property.Name is not ("padding" or "size" or "scale_factor" or "inplace") && layer.Settings[property.Name] is { } value && Literal(value) is { } text)
                {
                    yield return Invariant.Literal(property.Name);
                    yield return text;
                }
            }
        }
    }

    /// <summary>The values read from a module and from the objects that it holds, as names and literals in turn.</summary>
    private void Collect(SymObject instance, string prefix, List<string> members, int depth)
    {
        if (reads.TryGetValue(instance, out HashSet<ISymbol>? read))
        {
            foreach (ISymbol member in read.OrderBy(static member => member.Name, StringComparer.Ordinal))
            {
                if (instance.Fields.TryGetValue(member, out object? value) && Literal(value) is { } text)
                {
                    members.Add(Invariant.Literal(prefix + NameIn(instance, member)));
                    members.Add(text);
                }
            }
        }

        foreach (KeyValuePair<ISymbol, object?> field in depth < MaxChain ? instance.Fields.OrderBy(static pair => pair.Key.Name, StringComparer.Ordinal) : Enumerable.Empty<KeyValuePair<ISymbol, object?>>())
        {
            // Parameters of a primary constructor are fields where methods read them.
            bool isField = field.Key is not IParameterSymbol || read?.Contains(field.Key) == true;
            if (isField && field.Value is SymObject { Module: null } held && !held.Type.IsAnonymousType)
            {
                Collect(held, prefix + NameIn(instance, field.Key) + ".", members, depth + 1);
            }
        }
    }

    /// <summary>The name of a member for the check at run time, after its class where a derived class has one of that name too, as in <c>Base:width</c>.</summary>
    private static string NameIn(SymObject instance, ISymbol member)
    {
        string name = NameInMetadata(member);
        INamedTypeSymbol? owner = member is IParameterSymbol ? member.ContainingSymbol.ContainingType : member.ContainingType;
        bool isHidden = instance.Fields.Keys.Count(key => NameInMetadata(key) == name) > 1;
        for (INamedTypeSymbol? type = instance.Type; type is not null && !SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, owner?.OriginalDefinition); type = type.BaseType)
        {
            isHidden |= type.GetMembers(name).Any(static candidate => candidate is IFieldSymbol or IPropertySymbol);
        }

        return isHidden ? $"{owner?.MetadataName.Split('`')[0]}:{name}" : name;
    }

    /// <summary>Parameters are fields of a made-up name, and so is what a property keeps when reading it may run code.</summary>
    private static string NameInMetadata(ISymbol member) => member switch
    {
        IParameterSymbol => $"<{member.Name}>P",
        IPropertySymbol property when property.IsVirtual || property.IsOverride || HasCode(property) => $"<{member.Name}>k__BackingField",
        _ => member.Name,
    };

    private static bool HasCode(IPropertySymbol property) =>
        property.DeclaringSyntaxReferences.Any(static reference => reference.GetSyntax() is PropertyDeclarationSyntax declaration && Syntax.BodyOf(declaration) is not null);

    /// <summary>A value as C#; null for what has no literal.</summary>
    private static string? Literal(object? value) => value switch
    {
        null => "null",
        Dim { Constant: long whole } => Invariant.Text(whole) + "L",
        double number => Invariant.Text(number),
        bool flag => Invariant.Text(flag),
        string text => Invariant.Literal(text),
        SymEnum { Member.Length: > 0 } member => Invariant.Literal(member.Member),
        SymList list when list.Items.Count > 0 && list.Items.All(static item => item is Dim { Constant: not null } or double) =>
            $"new double[] {{ {string.Join(", ", list.Items.Select(static item => item is Dim size ? Invariant.Text((double)size.Constant!.Value) : Invariant.Text((double)item!)))} }}",
        _ => null,
    };
}
