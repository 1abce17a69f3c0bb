namespace ModelGen.Compiler.Ir;

/// <summary>Element type and sizes of a tensor.</summary>
internal sealed record TensorType(DType DType, EquatableArray<Dim> Shape)
{
    public int Rank => Shape.Count;

    /// <summary>Number of elements.</summary>
    public Dim Count => Shape.Aggregate(Dim.One, static (product, dim) => product * dim);

    public Dim Bytes => Count * DType.Bytes();

    public static TensorType Scalar(DType dtype) => new(dtype, default);

    public TensorType WithShape(IEnumerable<Dim> shape) => this with { Shape = shape.ToEquatableArray() };

    /// <summary>The shape alone, as messages show it: <c>[N, 1, 28, 28]</c>.</summary>
    public string ShapeText() => Shape.ToString();

    public override string ToString() => DType.Short() + Shape;
}
