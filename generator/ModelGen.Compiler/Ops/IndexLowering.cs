using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Indexing, cumulative sums, parts of matrices: operators of the library whose kernels take strides.</summary>
internal static class IndexLowering
{
    /// <summary>Elements by their numbers along an axis.</summary>
    public static bool Gather(KernelContext k)
    {
        if (k.Type(0).DType is not (DType.Float32 or DType.Bool or DType.Int64))
        {
            return false;
        }

        int axis = (int)k.Attributes.Int("axis");
        (Place x, Place index) = (k.Operand(0), k.RowMajorOperand(1));
        Place result = k.Result();
        k.Emit(
            Check(k, index, axis),
            $"Indexing.Gather({k.Read(x)}, {k.Read(index)}, {CSharpContext.Longs(index.Shape)}, {CSharpContext.Longs(Without(x.Strides, axis))}, {x.Strides[axis].ToCSharp()}, {k.Write(result)});");
        return true;
    }

    /// <summary>Elements put, or added, by their numbers along an axis.</summary>
    public static bool Scatter(KernelContext k, bool add)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        int axis = (int)k.Attributes.Int("axis");
        (Place index, Place source) = (k.RowMajorOperand(1), k.Operand(2));
        source = source.Shape.Count == 0 ? source.Expand(index.Shape) : source;
        Place result = k.Result();
        k.Copy(k.Operand(0).Expand(result.Shape), result);

        // The axis comes last, so that one worker sees all elements that may meet.
        EquatableArray<long> order = Place.Identity(index.Shape.Count).Where(other => other != axis).Append(axis).ToEquatableArray();
        string Strides(EquatableArray<Dim> strides) => CSharpContext.Longs(order.Select(other => strides[(int)other]).ToEquatableArray());
        k.Emit(
            Check(k, index, axis),
            $"Indexing.Scatter({k.Write(result)}, {k.Read(index)}, {k.Read(source)}, {Strides(index.Shape)}, {Strides(index.Strides)}, {Strides(source.Strides)}, {Strides(Without(result.Strides, axis))}, {result.Strides[axis].ToCSharp()}, add: {Invariant.Text(add)});");
        return true;
    }

    /// <summary>Elements in the opposite order along some axes: a copy with negative strides.</summary>
    public static bool Flip(KernelContext k)
    {
        if (k.Type(0).DType is not (DType.Float32 or DType.Bool or DType.Int64))
        {
            return false;
        }

        Place place = k.Operand(0);
        foreach (long axis in k.Attributes.Ints("axes"))
        {
            Dim stride = place.Strides[(int)axis];
            place = place with
            {
                Offset = place.Offset + (stride * (place.Shape[(int)axis] - 1)),
                Strides = place.Strides.Select((own, index) => index == axis ? own * -1 : own).ToEquatableArray(),
            };
        }

        k.Copy(place, k.Result());
        return true;
    }

    /// <summary>Sums or products of all elements up to each along an axis.</summary>
    public static bool Scan(KernelContext k, string kernel)
    {
        if (k.Type(0).DType != DType.Float32 && !(k.Type(0).DType == DType.Int64 && kernel == "Sum"))
        {
            return false;
        }

        k.Emit($"Scan.{kernel}({k.Read(k.RowMajorOperand(0))}, {ReductionLowering.Around(k.Type(0).Shape, k.Attributes.Int("axis"))}, {k.Write(k.Result())});");
        return true;
    }

    /// <summary>One side of a diagonal of matrices.</summary>
    public static bool Triangle(KernelContext k, bool upper)
    {
        if (k.Type(0).DType is not (DType.Float32 or DType.Bool))
        {
            return false;
        }

        EquatableArray<Dim> shape = k.Type(0).Shape;
        Dim matrices = shape.Take(shape.Count - 2).Aggregate(Dim.One, static (product, dim) => product * dim);
        string sizes = $"{matrices.ToCSharp()}, {shape[shape.Count - 2].ToCSharp()}, {shape[shape.Count - 1].ToCSharp()}";
        k.Emit($"Patterns.Triangle({k.Read(k.RowMajorOperand(0))}, {sizes}, {Invariant.Text(k.Attributes.Int("diagonal"))}, {Invariant.Text(upper)}, {k.Write(k.Result())});");
        return true;
    }

    private static string Check(KernelContext k, Place index, int axis)
    {
        string size = k.Type(0).Shape[axis].ToCSharp();
        string indices = k.Read(index);
        return $"CheckElement(Indexing.Outside({indices}, {k.Type(1).Count.ToCSharp()}, {size}), {indices}, {size}, {Invariant.Literal(k.Source)});";
    }

    private static EquatableArray<Dim> Without(EquatableArray<Dim> strides, int axis) => strides.Select((stride, index) => index == axis ? Dim.Zero : stride).ToEquatableArray();
}
