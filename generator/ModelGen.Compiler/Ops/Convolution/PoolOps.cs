using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Max pooling over one to three spatial dimensions of <c>[N, C, d...]</c>; the second result holds the positions of the maxima, which the gradient needs.</summary>
internal sealed class MaxPoolOp : OpDefinition
{
    public override string Name => "max_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType y = PoolTypes.Pooled(Name, op);
        return new[] { y, y with { DType = DType.Int64 } };
    }

    public override void Differentiate(GradientContext g)
    {
        if (g.Attributes.Ints("kernel").Count != 2)
        {
            base.Differentiate(g);
            return;
        }

        g.Set(0, () => g.Graph.AddNode("max_pool_backward", new[] { g.Grad, g.Input(0), g.Output(1) }, g.Attributes)[0]);
    }

    public override int EmittedResults(CSharpContext c, int results) => c.IsRead(1) ? 2 : 1;

    /// <summary>The kernel of the gradient finds the positions again.</summary>
    public override bool Lower(KernelContext k)
    {
        if (PoolTypes.Window(k, k.Type(0), k.ResultType()) is not string shape || k.IsReadByOthers(1, "max_pool_backward"))
        {
            return false;
        }

        Place x = k.OrderedOperand(0, NormTypes.ChannelsLast(k.Type(0).Rank));
        k.Emit($"MaxPool<V>.Forward({shape}, {k.Read(x)}, {k.Write(k.Result(0, NormTypes.ChannelsLast(k.Type(0).Rank)))});");
        return true;
    }

    public override bool LowerGradient(KernelContext k) => k.Attributes.Ints(VjpOp.Given).Count == 1 && PoolTypes.LowerMaxBackward(k);

    public override string EmitCSharp(CSharpContext c) =>
        $"F.max_pool{PoolTypes.Suffix(c)}{(c.IsRead(1) ? "_with_indices" : "")}({c[0]}, {PoolTypes.CSharpArguments(c)}, {PoolTypes.Sizes(c, "dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("MaxPool", [c.Input(0)], [.. PoolTypes.OnnxAttributes(c), OnnxContext.Ints("dilations", c.Attributes.Ints("dilation"))]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * PoolTypes.WindowSize(op);
}

/// <summary>Gradient of max pooling: each output gradient goes to the position its maximum came from.</summary>
internal sealed class MaxPoolBackwardOp : OpDefinition
{
    public override string Name => "max_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override bool Lower(KernelContext k) => PoolTypes.LowerMaxBackward(k);

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.MaxPoolBackward({c[0]}, {c[1]}, {c[2]}, {PoolTypes.CSharpArguments(c)}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";
}

/// <summary>Average pooling over one to three spatial dimensions of <c>[N, C, d...]</c>.</summary>
internal sealed class AvgPoolOp : OpDefinition
{
    public override string Name => "avg_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(PoolTypes.Pooled(Name, op));

    public override void Differentiate(GradientContext g)
    {
        if (g.Attributes.Ints("kernel").Count != 2)
        {
            base.Differentiate(g);
            return;
        }

        g.Set(0, () => g.Graph.AddNode("avg_pool_backward", new[] { g.Grad, g.Input(0) }, g.Attributes)[0]);
    }

    public override bool Lower(KernelContext k) => PoolTypes.LowerAverage(k);

    public override bool LowerGradient(KernelContext k) => PoolTypes.LowerAverageBackward(k);

    public override string EmitCSharp(CSharpContext c) =>
        $"F.avg_pool{PoolTypes.Suffix(c)}({c[0]}, {PoolTypes.CSharpArguments(c)}, {Invariant.Text(c.Attributes.Bool("ceil"))}, {Invariant.Text(c.Attributes.Bool("count_padding"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("AveragePool", [c.Input(0)], [.. PoolTypes.OnnxAttributes(c), OnnxContext.Int("count_include_pad", c.Attributes.Bool("count_padding") ? 1 : 0)]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * PoolTypes.WindowSize(op);
}

/// <summary>Gradient of average pooling.</summary>
internal sealed class AvgPoolBackwardOp : OpDefinition
{
    public override string Name => "avg_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override bool Lower(KernelContext k) => PoolTypes.LowerAverageBackward(k);

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.AvgPoolBackward({c[0]}, {c[1]}, {PoolTypes.CSharpArguments(c)}, {Invariant.Text(c.Attributes.Bool("ceil"))}, {Invariant.Text(c.Attributes.Bool("count_padding"))})";
}

/// <summary>Average pooling to a given output size: <c>[N, C, d...]</c> to <c>[N, C, size...]</c>, over one to three dimensions.</summary>
internal sealed class AdaptiveAvgPoolOp : OpDefinition
{
    public override string Name => "adaptive_avg_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return One(PoolTypes.Adaptive(Name, op));
    }

    public override void Differentiate(GradientContext g)
    {
        if (g.Attributes.Ints("size").Count != 2)
        {
            base.Differentiate(g);
            return;
        }

        g.Set(0, () => g.Graph.AddNode("adaptive_avg_pool_backward", new[] { g.Grad, g.Input(0) }, g.Attributes)[0]);
    }

    public override bool Lower(KernelContext k) => PoolTypes.LowerAverage(k);

    public override bool LowerGradient(KernelContext k) => PoolTypes.LowerAverageBackward(k);

    public override string EmitCSharp(CSharpContext c) => $"F.adaptive_avg_pool{PoolTypes.AdaptiveArguments(c)}";

    public override void EmitOnnx(OnnxContext c)
    {
        if (PoolTypes.AdaptiveProblem(Name, c.Attributes, c.Type(0)) is null)
        {
            PoolTypes.AdaptiveOnnx(c, "GlobalAveragePool", "AveragePool");
            return;
        }

        // Uneven windows: the mean is linear, a product with a matrix for each dimension.
        EquatableArray<long> size = c.Attributes.Ints("size");
        TensorType type = c.Type(0);
        string along = c.Input(0);
        if (size.Count == 2)
        {
            type = type.WithShape([type.Shape[0], type.Shape[1], size[0], type.Shape[3]]);
            along = c.Intermediate("MatMul", [Matrix(c.Type(0).Shape[2].Constant!.Value, size[0], transposed: false), along], type);
        }

        c.Node("MatMul", [along, Matrix(type.Shape[type.Rank - 1].Constant!.Value, size[size.Count - 1], transposed: true)]);
    }

    public override string? ExportProblem(OpContext op) =>
        op.Attributes.Ints("size").Count < 3 && op[0].Shape.Skip(2).All(static dim => dim.Constant is not null) ? null : PoolTypes.AdaptiveProblem(Name, op.Attributes, op[0]);

    /// <summary>The ONNX name of the matrix that averages windows of one dimension.</summary>
    private static string Matrix(long length, long windows, bool transposed)
    {
        var values = new string[length * windows];
        for (long window = 0; window < windows; window++)
        {
            // PyTorch's windows: from floor(i L / n) to ceil((i + 1) L / n).
            (long start, long end) = (window * length / windows, (((window + 1) * length) + windows - 1) / windows);
            for (long place = 0; place < length; place++)
            {
                values[transposed ? (place * windows) + window : (window * length) + place] = place >= start && place < end ? $"1.0 / {Invariant.Text(end - start)}" : "0.0";
            }
        }

        (long rows, long columns) = transposed ? (length, windows) : (windows, length);
        return $"OnnxExport.Floats(onnx, [{string.Join(", ", values)}], {Invariant.Text(rows)}, {Invariant.Text(columns)})";
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}

/// <summary>Max pooling to a given output size.</summary>
internal sealed class AdaptiveMaxPoolOp : OpDefinition
{
    public override string Name => "adaptive_max_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return One(PoolTypes.Adaptive(Name, op));
    }

    public override string EmitCSharp(CSharpContext c) => $"F.adaptive_max_pool{PoolTypes.AdaptiveArguments(c)}";

    public override void EmitOnnx(OnnxContext c) => PoolTypes.AdaptiveOnnx(c, "GlobalMaxPool", "MaxPool");

    public override string? ExportProblem(OpContext op) => PoolTypes.AdaptiveProblem(Name, op.Attributes, op[0]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}

/// <summary>Gradient of adaptive average pooling.</summary>
internal sealed class AdaptiveAvgPoolBackwardOp : OpDefinition
{
    public override string Name => "adaptive_avg_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override bool Lower(KernelContext k) => PoolTypes.LowerAverageBackward(k);

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.AdaptiveAvgPoolBackward({c[0]}, {c[1]})";
}

/// <summary>What the pooling operators share.</summary>
internal static class PoolTypes
{
    public static TensorType Pooled(string op, OpContext context)
    {
        TensorType x = context[0];
        OpContext.RequireFloat(op, x);
        OpAttributes a = context.Attributes;
        int spatial = a.Ints("kernel").Count;
        if (x.Rank != spatial + 2)
        {
            throw new OpException($"{op}{Invariant.Text(spatial)}d needs {ConvOp.Layout(spatial)}, got {x.ShapeText()}");
        }

        var shape = new List<Dim> { x.Shape[0], x.Shape[1] };
        for (int i = 0; i < spatial; i++)
        {
            long padding = a.Ints("padding")[i];
            if (padding * 2 > a.Ints("kernel")[i])
            {
                throw new OpException($"{op}{Invariant.Text(spatial)}d: padding {Invariant.Text(padding)} is more than half of the kernel size {Invariant.Text(a.Ints("kernel")[i])}");
            }

            long dilation = op == "max_pool" ? a.Ints("dilation")[i] : 1;
            shape.Add(ConvOp.Window(op, x.Shape[i + 2], a.Ints("kernel")[i], a.Ints("stride")[i], padding, dilation, ConvOp.AxisName(i, spatial), a.Bool("ceil")));
        }

        return x.WithShape(shape);
    }

    /// <summary>The result of adaptive pooling to the attribute <c>size</c>.</summary>
    public static TensorType Adaptive(string op, OpContext context)
    {
        EquatableArray<long> size = context.Attributes.Ints("size");
        return context[0].Rank == size.Count + 2
            ? context[0].WithShape(context[0].Shape.Take(2).Concat(size.Select(static length => (Dim)length)))
            : throw new OpException($"{op}{Invariant.Text(size.Count)}d needs {ConvOp.Layout(size.Count)}, got {context[0].ShapeText()}");
    }

    /// <summary>Gradient of max pooling: operands are the gradient of the result and the pooled tensor.</summary>
    public static bool LowerMaxBackward(KernelContext k)
    {
        if (Window(k, k.Type(1), k.Type(0)) is not string shape)
        {
            return false;
        }

        EquatableArray<long> last = NormTypes.ChannelsLast(k.Type(1).Rank);
        string operands = $"{k.Read(k.OrderedOperand(1, last))}, {k.Read(k.OrderedOperand(0, last))}";
        k.Emit($"MaxPool<V>.Backward({shape}, {operands}, {k.Write(k.Result(0, last))});");
        return true;
    }

    /// <summary>The C# text of a <c>PoolShape</c>; null for three dimensions and for types that have no kernel.</summary>
    public static string? Window(KernelContext k, TensorType x, TensorType y)
    {
        if (x.Rank > 4 || x.DType != DType.Float32)
        {
            return null;
        }

        bool line = x.Rank == 3;
        string Size(TensorType type, int axis) => line && axis == 2 ? "1" : type.Shape[line ? 2 : axis].ToCSharp();
        var fields = new List<string>();
        if (k.Attributes.Has("size"))
        {
            fields.Add("Adaptive = true");
        }
        else
        {
            void Set(string name, string attribute, int axis, long standard)
            {
                EquatableArray<long> values = k.Attributes.Has(attribute) ? k.Attributes.Ints(attribute) : default;
                long value = values.Count == 0 ? standard : line ? (axis == 0 ? standard : values[0]) : values[axis];
                if (value != standard)
                {
                    fields.Add($"{name} = {Invariant.Text(value)}");
                }
            }

            Set("KernelHeight", "kernel", 0, 1);
            Set("KernelWidth", "kernel", 1, 1);
            Set("StrideY", "stride", 0, 1);
            Set("StrideX", "stride", 1, 1);
            Set("PadTop", "padding", 0, 0);
            Set("PadLeft", "padding", 1, 0);
            Set("DilationY", "dilation", 0, 1);
            Set("DilationX", "dilation", 1, 1);
            if (k.Attributes.Bool("count_padding"))
            {
                fields.Add("CountPadding = true");
            }
        }

        return $"new PoolShape({x.Shape[0].ToCSharp()}, {Size(x, 2)}, {Size(x, 3)}, {x.Shape[1].ToCSharp()}, {Size(y, 2)}, {Size(y, 3)}) {{ {string.Join(", ", fields)} }}";
    }

    public static bool LowerAverage(KernelContext k)
    {
        if (Window(k, k.Type(0), k.ResultType()) is not string shape)
        {
            return false;
        }

        EquatableArray<long> last = NormTypes.ChannelsLast(k.Type(0).Rank);
        k.Emit($"AveragePool<V>.Forward({shape}, {k.Read(k.OrderedOperand(0, last))}, {k.Write(k.Result(0, last))});");
        return true;
    }

    public static bool LowerAverageBackward(KernelContext k)
    {
        if (Window(k, k.Type(1), k.Type(0)) is not string shape)
        {
            return false;
        }

        EquatableArray<long> last = NormTypes.ChannelsLast(k.Type(1).Rank);
        k.Emit($"AveragePool<V>.Backward({shape}, {k.Read(k.OrderedOperand(0, last))}, {k.Write(k.Result(0, last))});");
        return true;
    }

    public static string CSharpArguments(CSharpContext c) => $"{Sizes(c, "kernel")}, {Sizes(c, "stride")}, {Sizes(c, "padding")}";

    /// <summary>The one-dimensional functions take numbers, the others arrays.</summary>
    public static string Sizes(CSharpContext c, string name) => c.Attributes.Ints(name).Count == 1 ? Invariant.Text(c.Attributes.Ints(name)[0]) : c.Ints(name);

    public static string Suffix(CSharpContext c) => Invariant.Text(c.Attributes.Ints("kernel").Count) + "d";

    public static string AdaptiveArguments(CSharpContext c, string suffix = "") => $"{Invariant.Text(c.Attributes.Ints("size").Count)}d{suffix}({c[0]}, {Sizes(c, "size")})";

    /// <summary>Elements of a window.</summary>
    public static long WindowSize(OpContext op) => op.Attributes.Ints("kernel").Aggregate(1L, static (product, size) => product * size);

    /// <summary>ONNX has no adaptive pooling: with known sizes that divide it is ordinary pooling.</summary>
    public static void AdaptiveOnnx(OnnxContext c, string global, string ordinary)
    {
        EquatableArray<long> size = c.Attributes.Ints("size");
        if (size.All(static length => length == 1))
        {
            c.Node(global, [c.Input(0)]);
            return;
        }

        long[] kernel = [.. size.Select((length, axis) => c.Type(0).Shape[axis + 2].Constant!.Value / length)];
        c.Node(ordinary, [c.Input(0)], OnnxContext.Ints("kernel_shape", kernel), OnnxContext.Ints("strides", kernel));
    }

    public static string? AdaptiveProblem(string name, OpAttributes attributes, TensorType x)
    {
        EquatableArray<long> size = attributes.Ints("size");
        return size.All(static length => length == 1) || size.Select((length, axis) => x.Shape[axis + 2].Constant % length == 0).All(static divides => divides)
            ? null
            : $"{name}{Invariant.Text(size.Count)}d from {x.ShapeText()} to {size} has no ONNX form: the input size must be a known multiple of the output size. Choose an output size that divides the input, or 1";
    }

    public static IEnumerable<string> OnnxAttributes(OnnxContext c)
    {
        long[] pads = c.Attributes.Ints("padding").ToArray();
        yield return OnnxContext.Ints("kernel_shape", c.Attributes.Ints("kernel"));
        yield return OnnxContext.Ints("strides", c.Attributes.Ints("stride"));
        yield return OnnxContext.Ints("pads", [.. pads, .. pads]);
        yield return OnnxContext.Int("ceil_mode", c.Attributes.Bool("ceil") ? 1 : 0);
    }
}
