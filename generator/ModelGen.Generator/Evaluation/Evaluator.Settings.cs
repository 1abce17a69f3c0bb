using Microsoft.CodeAnalysis;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Modules;

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
                    members.Add(Invariant.Literal(prefix + NameInMetadata(instance, member)));
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
                Collect(held, prefix + NameInMetadata(instance, field.Key) + ".", members, depth + 1);
            }
        }
    }

    /// <summary>The name of a member at run time, with its class where a class derived from that has a member of the same name (of a property its field: reading it would call the override).</summary>
    private static string NameInMetadata(SymObject instance, ISymbol member)
    {
        string name = member is IParameterSymbol ? $"<{member.Name}>P" : member.Name;
        ISymbol? first = null;
        for (INamedTypeSymbol? type = instance.Type; type is not null && first is null; type = type.BaseType)
        {
            first = type.GetMembers(member.Name).FirstOrDefault(static found => found is IFieldSymbol or IPropertySymbol);
        }

        return first is null || SymbolEqualityComparer.Default.Equals(first.OriginalDefinition, member) ? name : $"{(member is IPropertySymbol ? $"<{name}>k__BackingField" : name)}@{member.ContainingType.MetadataName}";
    }

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
