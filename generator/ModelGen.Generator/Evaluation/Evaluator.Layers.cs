using Microsoft.CodeAnalysis;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Layers;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>Layer calls.</content>
internal sealed partial class Evaluator
{
    private readonly Dictionary<string, int> weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LayerSizes> sizes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> layerTypes = new(StringComparer.Ordinal);

    /// <summary>Inferred sizes of the layers called so far, in the order of their first call.</summary>
    public IEnumerable<LayerSizes> Sizes => sizes.Values;

    /// <summary>Layer types by state-dict path.</summary>
    public IEnumerable<KeyValuePair<string, string>> LayerTypes => layerTypes.OrderBy(static pair => pair.Key, StringComparer.Ordinal);

    private SymTensor ApplyLayer(SymObject model, ISymbol member, AttributeData attribute, object?[] arguments, SyntaxNode at)
    {
        LayerDefinition layer = LayerMembers.DefinitionOf(attribute)!;
        string path = Child(model, LayerMembers.KeyOf(member, attribute));
        LayerArguments settings = LayerArguments.Read(attribute, name => ReadForAttribute(model, name, at), at);
        int[] inputs = [.. arguments.Select(argument => argument is SymTensor tensor
            ? tensor.Id
            : throw EvaluationException.Unsupported(at, $"the layer '{member.Name}' takes tensors, not {DescribeValue(argument)}"))];
        int result = Guard(at, member.Name, () =>
        {
            var context = new LayerContext(graph, path, settings.Value, (name, type, kind) => Declare(name.Length == 0 ? path : path + "." + name, type, kind));
            graph.Layer = path;
            try
            {
                int output;
                try
                {
                    output = layer.Apply(context, inputs);
                }
                catch (OpException) when (HasOtherSizes(path, context))
                {
                    // The weights of the first call do not fit; the reason is the second size, not the product.
                    output = -1;
                }

                Remember(path, context, at);
                layerTypes[path] = layer.Name;
                return output;
            }
            finally
            {
                graph.Layer = "";
            }
        });
        return new SymTensor(result);
    }

    /// <summary>A field or property named in an attribute's expression.</summary>
    private object? ReadForAttribute(SymObject model, string name, SyntaxNode at)
    {
        foreach (KeyValuePair<ISymbol, object?> pair in model.Fields)
        {
            if (pair.Key.Name == name)
            {
                return pair.Value;
            }
        }

        ISymbol? member = model.Type.GetMembers(name).FirstOrDefault(static symbol => symbol is IFieldSymbol or IPropertySymbol);
        return member switch
        {
            IFieldSymbol { HasConstantValue: true } constant => FromClr(constant.ConstantValue, constant.Type),
            { IsStatic: true } => ReadStatic(member, at),
            IPropertySymbol property => ObjectProperty(model, property, at),
            IFieldSymbol => ReadMember(model, member, at),
            _ => throw EvaluationException.Unsupported(at, $"a layer attribute names '{name}', which is neither a constructor parameter nor a field of '{model.Type.Name}'"),
        };
    }

    private int Declare(string name, TensorType type, ValueKind kind)
    {
        if (!weights.TryGetValue(name, out int value))
        {
            value = graph.AddValue(name, type, kind);
            weights.Add(name, value);
        }

        return value;
    }

    private bool HasOtherSizes(string path, LayerContext context) => sizes.TryGetValue(path, out LayerSizes earlier) && !earlier.Sizes.SequenceEqual(context.Sizes);

    /// <summary>A layer called twice shares its weights, so both calls must infer the same sizes.</summary>
    private void Remember(string path, LayerContext context, SyntaxNode at)
    {
        var inferred = new LayerSizes(path, context.Sizes.ToArray());
        if (HasOtherSizes(path, context))
        {
            throw new EvaluationException(DiagnosticInfo.At(
                Descriptors.ShapeMismatch,
                at,
                $"'{path}' is called with inputs of different sizes: {sizes[path].Sizes} before and {inferred.Sizes} here. Calls of one layer share its weights; declare a second layer for the other size"));
        }

        sizes[path] = inferred;
    }

    private static string Child(SymObject model, string key) => model.Path.Length == 0 ? key : model.Path + "." + key;

    /// <summary>Gives the models of the attribute DSL that are held in fields their state-dict paths.</summary>
    public static void AdoptFields(SymObject owner)
    {
        foreach (KeyValuePair<ISymbol, object?> pair in owner.Fields)
        {
            AdoptField(owner, pair.Key.Name, pair.Value);
        }
    }

    private static void AdoptField(SymObject owner, string key, object? value)
    {
        if (value is SymObject block && LayerMembers.IsModel(block.Type))
        {
            block.Path = Child(owner, key);
            AdoptFields(block);
        }
        else if (value is SymList list)
        {
            for (int i = 0; i < list.Items.Count; i++)
            {
                AdoptField(owner, key + "." + Compiler.Invariant.Text(i), list.Items[i]);
            }
        }
    }
}
