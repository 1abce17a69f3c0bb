namespace ModelGen.Weights;

/// <summary>The names that state dicts of PyTorch use, and what they stand for here.</summary>
internal static class PickleNames
{
    private static readonly Dictionary<string, PickleName> Globals = new(StringComparer.Ordinal)
    {
        ["collections.OrderedDict"] = PickleName.OrderedDict,
        ["collections.Counter"] = PickleName.Counter,
        ["__builtin__.set"] = PickleName.Set,
        ["builtins.set"] = PickleName.Set,
        ["torch.Size"] = PickleName.Size,
        ["torch.device"] = PickleName.Device,
        ["_codecs.encode"] = PickleName.Encode,
        ["torch._utils._rebuild_tensor_v2"] = PickleName.RebuildTensorV2,
        ["torch._utils._rebuild_tensor_v3"] = PickleName.RebuildTensorV3,
        ["torch._utils._rebuild_parameter"] = PickleName.RebuildParameter,
        ["torch._utils._rebuild_parameter_with_state"] = PickleName.RebuildParameterWithState,
        ["torch.storage.UntypedStorage"] = PickleName.UntypedStorage,
        ["torch.UntypedStorage"] = PickleName.UntypedStorage,
    };

    private static readonly Dictionary<string, WeightType> Types = new(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = WeightType.Float32,
        ["torch.DoubleStorage"] = WeightType.Float64,
        ["torch.HalfStorage"] = WeightType.Float16,
        ["torch.BFloat16Storage"] = WeightType.BFloat16,
        ["torch.LongStorage"] = WeightType.Int64,
        ["torch.IntStorage"] = WeightType.Int32,
        ["torch.ShortStorage"] = WeightType.Int16,
        ["torch.CharStorage"] = WeightType.Int8,
        ["torch.ByteStorage"] = WeightType.UInt8,
        ["torch.BoolStorage"] = WeightType.Bool,
        ["torch.ComplexFloatStorage"] = WeightType.Complex64,
        ["torch.ComplexDoubleStorage"] = WeightType.Complex128,
        ["torch.float32"] = WeightType.Float32,
        ["torch.float64"] = WeightType.Float64,
        ["torch.float16"] = WeightType.Float16,
        ["torch.bfloat16"] = WeightType.BFloat16,
        ["torch.int64"] = WeightType.Int64,
        ["torch.int32"] = WeightType.Int32,
        ["torch.int16"] = WeightType.Int16,
        ["torch.int8"] = WeightType.Int8,
        ["torch.uint8"] = WeightType.UInt8,
        ["torch.uint16"] = WeightType.UInt16,
        ["torch.uint32"] = WeightType.UInt32,
        ["torch.uint64"] = WeightType.UInt64,
        ["torch.bool"] = WeightType.Bool,
        ["torch.complex64"] = WeightType.Complex64,
        ["torch.complex128"] = WeightType.Complex128,
        ["torch.float8_e4m3fn"] = WeightType.Float8E4M3,
        ["torch.float8_e5m2"] = WeightType.Float8E5M2,
        ["torch.float8_e4m3fnuz"] = WeightType.Float8E4M3Fnuz,
        ["torch.float8_e5m2fnuz"] = WeightType.Float8E5M2Fnuz,
        ["torch.float8_e8m0fnu"] = WeightType.Float8E8M0,
    };

    /// <summary>What a name stands for: a <see cref="PickleGlobal"/>, a <see cref="PickleType"/>, or null when it is none of those allowed.</summary>
    public static object? Find(string module, string name)
    {
        string text = module + "." + name;
        return Globals.TryGetValue(text, out PickleName global) ? new PickleGlobal(global, text)
            : Types.TryGetValue(text, out WeightType type) ? new PickleType(type, text)
            : null;
    }
}
