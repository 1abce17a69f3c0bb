namespace ModelGen.Compiler.Ir;

/// <summary>Element types of tensors in the graph.</summary>
internal enum DType
{
    Float32,
    Float64,

    /// <summary>Operands of products in mixed precision on libtorch's operators; no model declares it.</summary>
    BFloat16,
    Int32,
    Int64,
    Bool,
}

/// <summary>Facts about element types.</summary>
internal static class DTypes
{
    public static bool IsFloat(this DType type) => type is DType.Float32 or DType.Float64 or DType.BFloat16;

    public static int Bytes(this DType type) => type switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.BFloat16 => 2,
        DType.Bool => 1,
        _ => 8,
    };

    public static string Short(this DType type) => type switch
    {
        DType.Float32 => "f32",
        DType.Float64 => "f64",
        DType.BFloat16 => "bf16",
        DType.Int32 => "i32",
        DType.Int64 => "i64",
        _ => "bool",
    };

    /// <summary>The TorchSharp name, for generated code and messages.</summary>
    public static string Torch(this DType type) => type == DType.Bool ? "ScalarType.Bool" : "ScalarType." + type;

    /// <summary>The type both operands of a binary operator are brought to, as PyTorch promotes.</summary>
    public static DType Promote(DType a, DType b)
    {
        static int Rank(DType type) => type switch { DType.Bool => 0, DType.Int32 => 1, DType.Int64 => 2, DType.BFloat16 => 3, DType.Float32 => 4, _ => 5 };
        return Rank(a) >= Rank(b) ? a : b;
    }
}
