using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Normalisations over groups of channels as calls of one kernel, channels last. Operands are x, weight and bias; of gradients the result's gradient comes first.</summary>
internal static class GroupNormLowering
{
    /// <summary>Each sample by itself.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="backward">Whether the gradient is written.</param>
    /// <param name="groups">Number of groups; 0 for one for each channel.</param>
    public static bool PerSample(KernelContext k, bool backward, long groups)
    {
        TensorType x = k.Type(backward ? 1 : 0);
        return Call(k, backward, x.Shape[0], NormTypes.Places(x), groups == 0 ? x.Shape[1].ToCSharp() : Invariant.Text(groups));
    }

    /// <summary>All samples together, by channels.</summary>
    public static bool WholeBatch(KernelContext k, bool backward)
    {
        TensorType x = k.Type(backward ? 1 : 0);
        return Call(k, backward, Dim.One, x.Shape[0] * NormTypes.Places(x), x.Shape[1].ToCSharp());
    }

    private static bool Call(KernelContext k, bool backward, Dim samples, Dim places, string groups)
    {
        int first = backward ? 1 : 0;
        TensorType type = k.Type(first);
        if (type.DType != DType.Float32)
        {
            return false;
        }

        EquatableArray<long> last = NormTypes.ChannelsLast(type.Rank);
        string x = k.Read(k.OrderedOperand(first, last));
        string sizes = $"{samples.ToCSharp()}, {places.ToCSharp()}, {type.Shape[1].ToCSharp()}, {groups}";
        string Optional(int operand) => k.Has(operand) ? k.Read(k.RowMajorOperand(operand)) : "default";
        string epsilon = PointwiseContext.Number(k.Attributes.Double("eps"));
        if (!backward)
        {
            k.Emit($"GroupNorm<V>.Forward({x}, {sizes}, {Optional(1)}, {Optional(2)}, {epsilon}, {k.Write(k.Result(0, last))});");
            return true;
        }

        List<long> wanted = [.. k.Attributes.Ints(VjpOp.Wanted)];
        string Wanted(int operand) => wanted.IndexOf(operand) is int index and >= 0 ? k.Write(operand == 0 ? k.Result(index, last) : k.Result(index)) : "default";
        string gradient = k.Read(k.OrderedOperand(0, last));

        // The kernel always writes the gradient of x.
        string dx = wanted.Contains(0) ? Wanted(0) : k.Write(k.Work(type));
        k.Emit($"GroupNorm<V>.Backward({gradient}, {x}, {sizes}, {Optional(2)}, {epsilon}, {dx}, {Wanted(1)}, {Wanted(2)});");
        return true;
    }
}
