using Microsoft.CodeAnalysis;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Layers;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Parsing;

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

    private SymTensor ApplyLayer(ModelInstance model, ISymbol member, AttributeData attribute, object?[] arguments, SyntaxNode at)
    {
        LayerDefinition layer = LayerMembers.DefinitionOf(attribute)!;
        string path = model.Child(LayerMembers.KeyOf(member, attribute));
        LayerArguments settings = LayerArguments.Read(attribute, name => model.Members.TryGetValue(name, out object? value) ? value : ReadForAttribute(model, name, at), at);
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
    private object? ReadForAttribute(ModelInstance model, string name, SyntaxNode at)
    {
        ISymbol? member = model.Type.GetMembers(name).FirstOrDefault(static symbol => symbol is IFieldSymbol or IPropertySymbol);
        return member is IFieldSymbol { HasConstantValue: true } constant ? FromClr(constant.ConstantValue)
            : member is not null ? ReadInitialized(model, member, at, writable: false)
            : throw EvaluationException.Unsupported(at, $"a layer attribute names '{name}', which is neither a constructor parameter nor a field of '{model.Type.Name}'");
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
}
