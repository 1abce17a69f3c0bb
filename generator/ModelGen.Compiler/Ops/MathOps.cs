using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Elementwise mathematics, reductions, indexing, sorting and tensor creation: the operators that are the library's own.</summary>
internal static class MathOps
{
    private const string Computed = "the exporter computes it and writes an initialiser";

    public static IReadOnlyList<OpDefinition> All { get; } = [.. Elementwise(), .. Logic(), .. Reductions(), .. Indexing(), .. Creation()];

    private static EquatableArray<TensorType> One(TensorType type) => new[] { type };

    private static string Axis(CSharpContext c) => Invariant.Text(c.Attributes.Int("axis"));

    private static IEnumerable<OpDefinition> Elementwise()
    {
        foreach ((string name, string onnx) in new[] { ("tan", "Tan"), ("asin", "Asin"), ("acos", "Acos"), ("atan", "Atan"), ("sinh", "Sinh"), ("cosh", "Cosh"), ("asinh", "Asinh"), ("acosh", "Acosh"), ("atanh", "Atanh") })
        {
            yield return new LibraryOp(name, Float, c => $"{c[0]}.{name}()")
            {
                Kind = FusionKind.Elementwise,
                Gradient = g => g.Set(0, () => MathGradients.OfFunction(g, name)),
                Onnx = c => c.Node(onnx, [c.Input(0)]),
                OperationsPerElement = static _ => 10,
            };
        }

        foreach ((string name, string onnx) in new[] { ("floor", "Floor"), ("ceil", "Ceil"), ("round", "Round") })
        {
            yield return new LibraryOp(name, Float, c => $"{c[0]}.{name}()") { Kind = FusionKind.Elementwise, Onnx = c => c.Node(onnx, [c.Input(0)]), NoGradient = "its derivative is zero wherever it exists" };
        }

        yield return new LibraryOp("remainder", Same, static c => $"{c[0]}.remainder({c[1]})")
        {
            Kind = FusionKind.Elementwise,
            Kernel = static k => IntegerLowering.Binary(k, "remainder"),
            Gradient = MathGradients.Remainder,
            Onnx = static c =>
            {
                string quotient = c.Result().DType.IsFloat() ? c.Intermediate("Floor", [c.Intermediate("Div", [c.Input(0), c.Input(1)], c.Result())], c.Result()) : c.Intermediate("Cast", [WideQuotient(c)], c.Result(), OnnxContext.Type("to", c.Result().DType));
                c.Node("Sub", [c.Input(0), c.Intermediate("Mul", [quotient, c.Input(1)], c.Result())]);
            },
        };
        yield return new LibraryOp("floor_divide", Same, static c => $"{c[0]}.floor_divide({c[1]})")
        {
            Kind = FusionKind.Elementwise,
            Kernel = static k => IntegerLowering.Binary(k, "floor_divide"),
            NoGradient = "its derivative is zero wherever it exists",
            Onnx = static c => c.Node("Cast", [WideQuotient(c)], OnnxContext.Type("to", c.Result().DType)),
        };
        yield return new LibraryOp("atan2", Same, static c => $"torch.atan2({c[0]}, {c[1]})") { Kind = FusionKind.Elementwise, Gradient = MathGradients.Atan2, NoOnnx = "ONNX has no two-argument arctangent" };
    }

    /// <summary>
    /// The quotient rounded down, in float64. ONNX Runtime rounds integer division towards zero and refuses a divisor of 0, which inputs are before the first run; float64 holds
    /// every int64 that occurs as an index.
    /// </summary>
    private static string WideQuotient(OnnxContext c)
    {
        TensorType exact = c.Result() with { DType = DType.Float64 };
        string Wide(int index) => c.Intermediate("Cast", [c.Input(index)], c.Type(index) with { DType = DType.Float64 }, OnnxContext.Type("to", DType.Float64));
        return c.Intermediate("Floor", [c.Intermediate("Div", [Wide(0), Wide(1)], exact)], exact);
    }

    private static EquatableArray<TensorType> Float(OpContext op)
    {
        OpContext.RequireFloat(op.Op, op[0]);
        return One(op[0]);
    }

    private static EquatableArray<TensorType> Same(OpContext op) => op[0].DType == op[1].DType
        ? One(new TensorType(op[0].DType, OpContext.Broadcast(op.Op, op[0].Shape, op[1].Shape)))
        : throw new OpException($"{op.Op}: operands are {op[0]} and {op[1]}; convert one of them with .to(...)");

    private static IEnumerable<OpDefinition> Logic()
    {
        foreach ((string name, string onnx) in new[] { ("logical_and", "And"), ("logical_or", "Or"), ("logical_xor", "Xor") })
        {
            yield return new LibraryOp(name, static op => op[0].DType == DType.Bool ? Same(op) : throw new OpException($"{op.Op} needs truth values, got {op[0]}"), c => $"{c[0]}.{name}({c[1]})")
            {
                Kind = FusionKind.Elementwise,
                NoGradient = "its result is boolean",
                Onnx = c => c.Node(onnx, [c.Input(0), c.Input(1)]),
            };
        }

        yield return new LibraryOp("logical_not", static op => op[0].DType == DType.Bool ? One(op[0]) : throw new OpException($"{op.Op} needs truth values, got {op[0]}"), static c => $"{c[0]}.logical_not()")
        {
            Kind = FusionKind.Elementwise,
            NoGradient = "its result is boolean",
            Onnx = static c => c.Node("Not", [c.Input(0)]),
        };
        foreach ((string name, string onnx) in new[] { ("isnan", "IsNaN"), ("isinf", "IsInf") })
        {
            yield return new LibraryOp(name, static op => One(op[0] with { DType = DType.Bool }), c => $"{c[0]}.{name}()")
            {
                Kind = FusionKind.Elementwise,
                NoGradient = "its result is boolean",
                Onnx = c => c.Node(onnx, [c.Input(0)]),
            };
        }
    }

    private static IEnumerable<OpDefinition> Reductions()
    {
        yield return new LibraryOp("prod", Reduced, static c => $"{c[0]}.prod({Axis(c)}, {Invariant.Text(c.Attributes.Bool("keep"))})")
        {
            Kind = FusionKind.Reduction,
            Kernel = static k => ReductionLowering.Fold(k, new[] { k.Attributes.Int("axis") }, "Reduction<V>.Product"),
            KernelGradient = ReductionLowering.ProductGradient,
            Onnx = static c => c.Node("ReduceProd", [c.Input(0), c.Longs(Axis0(c))], OnnxContext.Int("keepdims", c.Attributes.Bool("keep") ? 1 : 0)),
        };
        yield return new LibraryOp("logsumexp", Reduced, static c => $"{c[0]}.logsumexp({Axis(c)}, {Invariant.Text(c.Attributes.Bool("keep"))})")
        {
            Kind = FusionKind.Reduction,
            Kernel = static k => ReductionLowering.Fold(k, new[] { k.Attributes.Int("axis") }, "Softmax<V>.LogSumExp"),
            Gradient = MathGradients.LogSumExp,
            Onnx = static c => c.Node("ReduceLogSumExp", [c.Input(0), c.Longs(Axis0(c))], OnnxContext.Int("keepdims", c.Attributes.Bool("keep") ? 1 : 0)),
        };
        yield return new LibraryOp("l2_norm", Reduced, static c => $"{c[0]}.norm({Axis(c)}, {Invariant.Text(c.Attributes.Bool("keep"))}, 2f)")
        {
            Kind = FusionKind.Reduction,
            Kernel = static k => ReductionLowering.Fold(k, new[] { k.Attributes.Int("axis") }, "Reduction<V>.Norm"),
            Gradient = MathGradients.Norm,
            Onnx = static c => c.Node("ReduceL2", [c.Input(0), c.Longs(Axis0(c))], OnnxContext.Int("keepdims", c.Attributes.Bool("keep") ? 1 : 0)),
        };
        yield return new LibraryOp("cumsum", static op => One(op[0]), static c => $"{c[0]}.cumsum({Axis(c)})") { Kernel = static k => IndexLowering.Scan(k, "Sum"), Gradient = MathGradients.CumulativeSum, Onnx = static c => c.Node("CumSum", [c.Input(0), c.Longs(Axis0(c))]) };
        yield return new LibraryOp("cumprod", static op => One(op[0]), static c => $"{c[0]}.cumprod({Axis(c)})") { Kernel = static k => IndexLowering.Scan(k, "Product"), NoOnnx = "ONNX has no cumulative product" };
        yield return new LibraryOp("rfft", Spectrum, static c => $"torch.fft.rfft({c[0]}, dim: {Axis(c)}).view_as_real()")
        {
            Onnx = static c =>
            {
                TensorType type = c.Type(0);
                string parts = c.Intermediate("Unsqueeze", [c.Input(0), c.Longs("-1")], type.WithShape(type.Shape.Append(Dim.One)));
                c.Node("DFT", [parts, "\"\"", $"OnnxExport.Long(onnx, {Axis0(c)[0]})"], OnnxContext.Int("onesided", 1));
            },
        };
        yield return new LibraryOp("irfft", Signal, static c => $"torch.fft.irfft({c[0]}.view_as_complex(), {c.Attributes.Dims("length")[0].ToCSharp()}, {Axis(c)})")
        {
            NoOnnx = "ONNX's inverse transform needs both halves of a spectrum",
        };
        yield return new LibraryOp("complex_abs", static op => op[0].Equals(op[1]) ? One(op[0]) : throw new OpException($"complex_abs: the parts {op[0]} and {op[1]} differ"), static c => $"torch.complex({c[0]}, {c[1]}).abs()")
        {
            Kind = FusionKind.Elementwise,
            Gradient = MathGradients.ComplexAbs,
            Onnx = static c =>
            {
                string Square(int index) => c.Intermediate("Mul", [c.Input(index), c.Input(index)], c.Result());
                c.Node("Sqrt", [c.Intermediate("Add", [Square(0), Square(1)], c.Result())]);
            },
        };
        yield return new LibraryOp("topk", TopKType, static c =>
            $"{c[0]}.topk((int)({c.Attributes.Dims("k")[0].ToCSharp()}), {Axis(c)}, {Invariant.Text(c.Attributes.Bool("largest"))}, true)")
        {
            Gradient = MathGradients.TopK,
            Onnx = static c =>
            {
                c.Nodes("TopK", [c.Input(0), c.Longs(c.Attributes.Dims("k")[0].ToCSharp())], OnnxContext.Int("axis", c.Attributes.Int("axis")), OnnxContext.Int("largest", c.Attributes.Bool("largest") ? 1 : 0));
            },
        };
    }

    /// <summary>Half of the spectrum of real numbers along a dimension, with real and imaginary parts in a new last dimension.</summary>
    private static EquatableArray<TensorType> Spectrum(OpContext op)
    {
        OpContext.RequireFloat(op.Op, op[0]);
        long axis = op.Attributes.Int("axis");
        return One(op[0].WithShape(op[0].Shape.Select((dim, index) => index == axis ? Dim.FloorDivide(dim, 2) + 1 : dim).Append(2)));
    }

    private static EquatableArray<TensorType> Signal(OpContext op)
    {
        OpContext.RequireFloat(op.Op, op[0]);
        long axis = op.Attributes.Int("axis");
        Dim length = op.Attributes.Dims("length")[0];
        return !(Dim.FloorDivide(length, 2) + 1).Equals(op[0].Shape[(int)axis])
            ? throw new OpException($"irfft: a signal of {length} elements has {Dim.FloorDivide(length, 2) + 1} frequencies, the spectrum {op[0].Shape[(int)axis]}")
            : One(op[0].WithShape(op[0].Shape.Take(op[0].Rank - 1).Select((dim, index) => index == axis ? length : dim)));
    }

    private static string[] Axis0(OnnxContext c) => [Invariant.Text(c.Attributes.Int("axis"))];

    private static EquatableArray<TensorType> Reduced(OpContext op)
    {
        if (op.Op != "prod" || op[0].DType == DType.Bool)
        {
            OpContext.RequireFloat(op.Op, op[0]);
        }

        long axis = op.Attributes.Int("axis");
        bool keep = op.Attributes.Bool("keep");
        return One(op[0].WithShape(op[0].Shape.Select((dim, index) => (dim, index)).Where(pair => keep || pair.index != axis).Select(pair => pair.index == axis ? 1 : pair.dim)));
    }

    private static EquatableArray<TensorType> TopKType(OpContext op)
    {
        long axis = op.Attributes.Int("axis");
        Dim k = op.Attributes.Dims("k")[0];
        if ((op[0].Shape[(int)axis] - k).Constant < 0)
        {
            throw new OpException($"topk: k = {k} is larger than dimension {Invariant.Text(axis)} of {op[0].ShapeText()}");
        }

        TensorType values = op[0].WithShape(op[0].Shape.Select((dim, index) => index == axis ? k : dim));
        return new[] { values, values with { DType = DType.Int64 } };
    }

    private static IEnumerable<OpDefinition> Indexing()
    {
        yield return new LibraryOp("gather", static op => Index(op, One(op[0] with { Shape = op[1].Shape })), static c => $"{c[0]}.gather({Axis(c)}, {c[1]})")
        {
            Kind = FusionKind.Injective,
            Kernel = IndexLowering.Gather,
            Gradient = MathGradients.Gather,
            Onnx = static c => c.Node("GatherElements", [c.Input(0), c.Input(1)], OnnxContext.Int("axis", c.Attributes.Int("axis"))),
        };
        foreach (string name in new[] { "scatter", "scatter_add" })
        {
            yield return new LibraryOp(name, static op => Index(op, One(op[0])), c => $"{c[0]}.{name}({Axis(c)}, {c[1]}, {c[2]})")
            {
                Kernel = k => IndexLowering.Scatter(k, add: name == "scatter_add"),
                Gradient = g => MathGradients.Scatter(g, add: name == "scatter_add"),
                Onnx = c => c.Node("ScatterElements", [c.Input(0), c.Input(1), c.Input(2)], [OnnxContext.Int("axis", c.Attributes.Int("axis")), .. name == "scatter" ? Array.Empty<string>() : [OnnxContext.Text("reduction", "add")]]),
            };
        }

        yield return new LibraryOp("flip", static op => One(op[0]), static c => $"{c[0]}.flip({c.Ints("axes")})")
        {
            Kind = FusionKind.Injective,
            Kernel = IndexLowering.Flip,
            Gradient = static g => g.Set(0, () => g.Graph.AddNode("flip", new[] { g.Grad }, g.Attributes)[0]),
            Onnx = static c =>
            {
                string[] axes = [.. c.Attributes.Ints("axes").Select(Invariant.Text)];
                string Repeated(string value) => c.Longs([.. axes.Select(_ => value)]);
                c.Node("Slice", [c.Input(0), Repeated("-1"), Repeated("long.MinValue"), c.Longs(axes), Repeated("-1")]);
            },
        };
        foreach (string name in new[] { "tril", "triu" })
        {
            yield return new LibraryOp(name, static op => op[0].Rank >= 2 ? One(op[0]) : throw new OpException($"{op.Op} needs a matrix, got {op[0].ShapeText()}"), c => $"{c[0]}.{name}({Invariant.Text(c.Attributes.Int("diagonal"))})")
            {
                Kind = FusionKind.Injective,
                Kernel = k => IndexLowering.Triangle(k, upper: name == "triu"),
                Gradient = g => g.Set(0, () => g.Graph.AddNode(name, new[] { g.Grad }, g.Attributes)[0]),
                Onnx = c => c.Node("Trilu", [c.Input(0), $"OnnxExport.Long(onnx, {Invariant.Text(c.Attributes.Int("diagonal"))})"], OnnxContext.Int("upper", name == "triu" ? 1 : 0)),
            };
        }
    }

    private static EquatableArray<TensorType> Index(OpContext op, EquatableArray<TensorType> result) =>
        op[1].DType != DType.Int64 ? throw new OpException($"{op.Op} needs an int64 index, got {op[1]}")
        : op[0].Rank != op[1].Rank ? throw new OpException($"{op.Op}: the index {op[1].ShapeText()} and the tensor {op[0].ShapeText()} have different numbers of dimensions")
        : result;

    private static IEnumerable<OpDefinition> Creation()
    {
        yield return new LibraryOp("full", Created, static c =>
            $"TensorOps.Full({CSharpContext.Longs(c.Attributes.Dims("shape"))}, {Invariant.Text(c.Attributes.Double("value"))}, {c.Result().DType.Torch()}, device)")
        {
            Kernel = static k =>
            {
                if (k.ResultType().DType is DType.Int64)
                {
                    k.Emit($"Integers.Fill({k.Write(k.Result())}, {k.ResultType().Count.ToCSharp()}, {Invariant.Text((long)k.Attributes.Double("value"))});");
                    return true;
                }

                k.Emit($"Movement<V>.Fill({k.Write(k.Result())}, {k.ResultType().Count.ToCSharp()}, {PointwiseContext.Number(k.Attributes.Double("value"))});");
                return true;
            },
            NoGradient = "it has no operands", NoOnnx = Computed,
        };
        yield return new LibraryOp("range", static op => One(new TensorType(op.Attributes.DType("dtype"), op.Attributes.Dims("length"))), static c =>
            $"TensorOps.Range({(c.Attributes.Dims("start") is { Count: 1 } start ? start[0].ToCSharp() : "0")}, {Invariant.Text(c.Attributes.Double("offset"))}, {Invariant.Text(c.Attributes.Double("step"))}, {c.Attributes.Dims("length")[0].ToCSharp()}, {c.Result().DType.Torch()}, device)")
        {
            Kernel = static k =>
            {
                (double offset, double step) = (k.Attributes.Double("offset"), k.Attributes.Double("step"));
                if (k.ResultType().DType == DType.Float32)
                {
                    string from = k.Attributes.Dims("start") is { Count: 1 } named ? $"{named[0].ToCSharp()} + {Invariant.Text(offset)}" : Invariant.Text(offset);
                    k.Emit($"Patterns.Range({k.Write(k.Result())}, {from}, {Invariant.Text(step)}, {k.Attributes.Dims("length")[0].ToCSharp()});");
                    return true;
                }

                if (k.ResultType().DType != DType.Int64 || offset != Math.Floor(offset) || step != Math.Floor(step))
                {
                    return false;
                }

                string start = k.Attributes.Dims("start") is { Count: 1 } first ? $"{first[0].ToCSharp()} + ({Invariant.Text((long)offset)})" : Invariant.Text((long)offset);
                k.Emit($"Range({k.Write(k.Result())}, {start}, {Invariant.Text((long)step)}, {k.Attributes.Dims("length")[0].ToCSharp()});");
                return true;
            },
            NoGradient = "it has no operands", NoOnnx = Computed,
        };
        yield return new LibraryOp("literal", Created, static c =>
            $"TensorOps.Literal([{string.Join(", ", c.Attributes.Doubles("values").Select(Invariant.Text))}], {CSharpContext.Longs(c.Attributes.Dims("shape"))}, {c.Result().DType.Torch()}, device)")
        {
            Kernel = static k =>
            {
                bool whole = k.ResultType().DType == DType.Int64;
                IEnumerable<string> numbers = k.Attributes.Doubles("values").Select(value => whole ? Invariant.Text((long)value) : PointwiseContext.Number(value));
                k.Emit($"Patterns.Values({k.Write(k.Result())}, [{string.Join(", ", numbers)}]);");
                return true;
            },
            NoGradient = "it has no operands", NoOnnx = Computed,
        };
        yield return new LibraryOp("eye", Created, static c =>
            $"torch.eye({c.Attributes.Dims("shape")[0].ToCSharp()}, {c.Attributes.Dims("shape")[1].ToCSharp()}, {c.Result().DType.Torch()}, device)")
        {
            Kernel = static k =>
            {
                if (k.ResultType().DType == DType.Int64)
                {
                    return false;
                }

                k.Emit($"Patterns.Eye({k.Write(k.Result())}, {k.Attributes.Dims("shape")[0].ToCSharp()}, {k.Attributes.Dims("shape")[1].ToCSharp()});");
                return true;
            },
            NoGradient = "it has no operands", NoOnnx = Computed,
        };
        yield return new LibraryOp("size_value", static op => One(TensorType.Scalar(op.Attributes.DType("dtype"))), static c =>
            $"TensorOps.Constant((double)({c.Attributes.Dims("size")[0].ToCSharp()}), {c.Result().DType.Torch()}, device)")
        {
            Kernel = static k =>
            {
                k.Emit($"{k.Write(k.Result())}[0] = {k.Attributes.Dims("size")[0].ToCSharp()};");
                return k.ResultType().DType != DType.Bool;
            },
            NoGradient = "it has no operands", NoOnnx = Computed,
        };
    }

    private static EquatableArray<TensorType> Created(OpContext op) => One(new TensorType(op.Attributes.DType("dtype"), op.Attributes.Dims("shape")));
}
