using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Convolution of <c>x [N, C, d...]</c> with <c>weight [O, C / groups, k...]</c> and optional bias <c>[O]</c>; attributes stride, padding and
/// dilation have one entry per spatial dimension (one to three).
/// </summary>
internal sealed class ConvOp : OpDefinition
{
    public override string Name => "conv";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    /// <summary>Size of one output dimension of a sliding window.</summary>
    public static Dim Window(string op, Dim size, long kernel, long stride, long padding, long dilation, string axis, bool ceil = false)
    {
        Dim span = size + (2 * padding) - ((dilation * (kernel - 1)) + 1);
        if (span.Constant < 0)
        {
            throw new OpException(
                $"{op}: a window of {Invariant.Text((dilation * (kernel - 1)) + 1)} does not fit into {axis} {size} with padding {Invariant.Text(padding)}. "
                + "Use a smaller kernel, more padding, or fewer poolings before");
        }

        Dim windows = Dim.FloorDivide(ceil ? span + (stride - 1) : span, stride) + 1;

        // A last window that would start in the right padding is left out (PyTorch's rule for ceil_mode).
        return ceil && windows.Constant is long count && size.Constant is long length && (count - 1) * stride >= length + padding ? windows - 1 : windows;
    }

    /// <summary>What a spatial dimension is called.</summary>
    public static string AxisName(int axis, int spatial) => spatial == 1 ? "length" : (spatial - axis) switch { 1 => "width", 2 => "height", _ => "depth" };

    /// <summary>The layout that an operator over this many spatial dimensions takes.</summary>
    public static string Layout(int spatial) => spatial switch { 1 => "[N, C, L]", 2 => "[N, C, H, W]", _ => "[N, C, D, H, W]" };

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        (TensorType x, TensorType weight) = (op[0], op[1]);
        OpContext.RequireFloat(Name, x);
        int spatial = weight.Rank - 2;
        long groups = op.Attributes.Int("groups");
        if (x.Rank != weight.Rank)
        {
            throw new OpException($"a {Invariant.Text(spatial)}-D convolution needs an input with {Invariant.Text(weight.Rank)} dimensions [N, C, ...], got {x.ShapeText()}");
        }

        if (!x.Shape[1].Equals(weight.Shape[1] * groups))
        {
            throw new OpException($"conv: the input {x.ShapeText()} has {x.Shape[1]} channels but the weight {weight.ShapeText()} with {Invariant.Text(groups)} group(s) takes {weight.Shape[1] * groups}");
        }

        if (weight.Shape[0].Constant % groups != 0)
        {
            throw new OpException($"conv: {weight.Shape[0]} output channels are not a multiple of {Invariant.Text(groups)} groups");
        }

        var shape = new List<Dim> { x.Shape[0], weight.Shape[0] };
        for (int i = 0; i < spatial; i++)
        {
            shape.Add(Window(Name, x.Shape[i + 2], weight.Shape[i + 2].Constant!.Value, op.Attributes.Ints("stride")[i], op.Attributes.Ints("padding")[i], op.Attributes.Ints("dilation")[i], AxisName(i, spatial)));
        }

        return One(x.WithShape(shape));
    }

    public override void Differentiate(GradientContext g)
    {
        if (!g.Needs(0) && !g.Needs(1) && !g.Needs(2))
        {
            return;
        }

        // One library call gives all three; the mask says which are wanted.
        long[] mask = [g.Needs(0) ? 1 : 0, g.Needs(1) ? 1 : 0, g.Needs(2) ? 1 : 0];
        EquatableArray<int> results = g.Graph.AddNode("conv_backward", new[] { g.Grad, g.Input(0), g.Input(1) }, g.Attributes.With("mask", (EquatableArray<long>)mask));
        int next = 0;
        for (int i = 0; i < 3; i++)
        {
            if (mask[i] == 1)
            {
                g.Set(i, results[next++]);
            }
        }
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.Convolution({c[0]}, {c[1]}, {c[2]}, stride: {c.Ints("stride")}, padding: {c.Ints("padding")}, dilation: {c.Ints("dilation")}, groups: {Invariant.Text(c.Attributes.Int("groups"))})";

    public override bool TakesEpilogue => true;

    /// <summary>Channels last. A bias was split off before.</summary>
    public override bool Lower(KernelContext k)
    {
        int spatial = k.Type(1).Rank - 2;
        if (spatial > 2)
        {
            return false;
        }

        string shape = ConvolutionLayout.Shape(k.Type(0).Shape, k.Type(1).Shape, k.Attributes);
        Place weight = k.OrderedOperand(1, ConvolutionLayout.Weight(spatial));
        int side = k.IsStep ? 0 : TileSide(k);
        string weights = k.IsStep ? k.Read(weight) : Prepare(k, weight, side);

        // After the weights, so that what prepares them does not read the image.
        (string image, string? normal) = BatchNormLowering.Image(k, 0, ConvolutionLayout.ChannelsLast(spatial));
        Place result = k.Result(0, ConvolutionLayout.ChannelsLast(spatial));
        string images = normal is null ? image : $"{image}, {normal}";
        if (BatchNormLowering.Statistics(k) is Place statistics)
        {
            k.Emit($"{k.Product("Convolution")}.ForwardAndMeasure({shape}, {images}, {weights}, {k.Write(result)}, {k.Write(statistics)});");
            return true;
        }

        string results = k.Write(result);
        string epilogue = k.Epilogue(k.ResultType().Shape[1]);
        string call = $"{k.Product("Convolution")}.Forward({shape}, {images}, {weights}, {results}{epilogue});";
        if (k.IsStep || side > 0)
        {
            k.Emit(call);
            return true;
        }

        var convolution = new ConvolutionCall(k.OrderedOperand(0, ConvolutionLayout.ChannelsLast(spatial)), image, result, results, $"{shape}, {weights}{(epilogue.Length == 0 ? ", default(NoEpilogue)" : epilogue)}");
        k.EmitConvolution(convolution with { IsDepthwise = k.Type(1).Shape[0].Constant == k.Attributes.Int("groups") }, call);
        return true;
    }

    /// <summary>What inference makes of the weights once: panels, and transformed ones where minimal filtering may pay; depthwise convolutions read them as they are.</summary>
    /// <returns>The arguments of the call that computes the convolution.</returns>
    private static string Prepare(KernelContext k, Place weight, int side)
    {
        EquatableArray<Dim> sizes = k.Type(1).Shape;
        long groups = k.Attributes.Int("groups");
        (long outputs, long inputs) = (sizes[0].Constant!.Value, sizes[1].Constant!.Value);
        if (outputs == groups)
        {
            return k.Read(weight);
        }

        long depth = sizes.Skip(1).Aggregate(1L, static (product, size) => product * size.Constant!.Value);
        Place panels = Pack(k, weight, depth, outputs, groups);
        if (side == 0)
        {
            return $"new PackedWeights({k.Read(panels)})";
        }

        Place transformed = k.FormOf(1, "tiles", (side + 2) * (side + 2) * inputs * ((outputs + 31) / 32 * 32));
        k.Emit($"Convolution<V>.TransformWeights({Invariant.Text(inputs)}, {Invariant.Text(outputs)}, {Invariant.Text(side)}, {k.Read(weight)}, {k.Write(transformed)});");
        return $"new PackedWeights({k.Read(panels)}), {k.Read(transformed)}, {Invariant.Text(side)}";
    }

    /// <summary>Writes the call that packs the weights of a product, the second operand, into panels.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="weight">Weights [depth][outputs].</param>
    /// <param name="depth">Weights of an output.</param>
    /// <param name="outputs">Outputs of all groups.</param>
    /// <param name="groups">Groups.</param>
    /// <returns>The panels.</returns>
    public static Place Pack(KernelContext k, Place weight, long depth, long outputs, long groups)
    {
        Place panels = k.FormOf(1, "panels", groups * depth * (((outputs / groups) + 31) / 32 * 32));
        string source = k.Read(weight);
        k.Emit($"Convolution<V>.PackWeights({Invariant.Text(depth)}, {Invariant.Text(outputs)}, {Invariant.Text(groups)}, {source}, {k.Write(panels)});");
        return panels;
    }

    /// <summary>
    /// The tiles by which minimal filtering may pay for some batch when the weights are transformed only once, 0 for none: 3 x 3, stride 1, images of at least 4 x 4, enough channels, and
    /// not more than 16 MiB of transformed weights, which are four times as large for tiles of 4 x 4 outputs and less than twice for 2 x 2. Small images of small batches have few of the former.
    /// </summary>
    private static int TileSide(KernelContext k)
    {
        EquatableArray<Dim> weight = k.Type(1).Shape;
        bool IsOne(string attribute) => k.Attributes.Ints(attribute).All(static value => value == 1);
        if (weight.Count != 4 || weight[2].Constant != 3 || weight[3].Constant != 3 || !IsOne("stride") || !IsOne("dilation") || k.Attributes.Int("groups") != 1
            || weight[0].Constant is not (>= 32 and long outputs) || weight[1].Constant is not (>= 32 and long inputs)
            || !k.ResultType().Shape.Skip(2).All(static size => size.Constant is null or >= 4))
        {
            return 0;
        }

        const long MostNumbers = 1 << 22;
        bool isSmall = k.ResultType().Shape.Skip(2).All(static size => size.Constant <= 8);
        return 36 * inputs * outputs <= MostNumbers && !isSmall ? 4 : 16 * inputs * outputs <= MostNumbers ? 2 : 0;
    }

    public override void EmitOnnx(OnnxContext c)
    {
        long[] pads = c.Attributes.Ints("padding").ToArray();
        c.Node(
            "Conv",
            c.Has(2) ? [c.Input(0), c.Input(1), c.Input(2)] : [c.Input(0), c.Input(1)],
            OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
            OnnxContext.Ints("pads", [.. pads, .. pads]),
            OnnxContext.Ints("dilations", c.Attributes.Ints("dilation")),
            OnnxContext.Int("group", c.Attributes.Int("groups")));
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results)
    {
        Dim perOutput = op[1].Shape.Skip(1).Aggregate(Dim.One, static (product, dim) => product * dim) * 2;
        return results[0].Count * perOutput + (op.Has(2) ? results[0].Count : 0);
    }
}

/// <summary>Gradients of a convolution: of the input, the weight and the bias, those whose <c>mask</c> entry is 1.</summary>
internal sealed class ConvBackwardOp : OpDefinition
{
    public override string Name => "conv_backward";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        EquatableArray<long> mask = op.Attributes.Ints("mask");
        TensorType[] all = [op[1], op[2], op[2].WithShape([op[2].Shape[0]])];
        return all.Where((_, index) => mask[index] == 1).ToEquatableArray();
    }

    public override bool Lower(KernelContext k)
    {
        EquatableArray<long> mask = k.Attributes.Ints("mask");
        int spatial = k.Type(2).Rank - 2;
        if (spatial > 2 || (mask[1] == 0 && mask[2] == 1))
        {
            return false;
        }

        EquatableArray<long> last = ConvolutionLayout.ChannelsLast(spatial);
        string shape = ConvolutionLayout.Shape(k.Type(1).Shape, k.Type(2).Shape, k.Attributes);
        Place gradient = k.OrderedOperand(0, last);
        int next = 0;
        if (mask[0] == 1)
        {
            Place weight = k.OrderedOperand(2, ConvolutionLayout.Weight(spatial));
            Node? normalisation = BatchNormLowering.GradientAfter(k, next);
            Place result = k.Result(next, last);
            if (normalisation is null)
            {
                k.Emit($"{k.Product("Convolution")}.GradientInput({shape}, {k.Read(gradient)}, {k.Read(weight)}, {k.Write(result)}, add: false);");
            }
            else
            {
                Place slopes = BatchNormLowering.Numbers(k, k.Type(1).Shape[1], 2);
                BatchNormLowering.KeepSlopes(k, next, slopes);
                string operand = k.Read(k.Ordered(normalisation.Inputs[1], last));
                string normal = BatchNormLowering.Normal(k, normalisation, BatchNormLowering.NumbersOf(k, normalisation));
                k.Emit($"{k.Product("Convolution")}.GradientInputAndSlopes({shape}, {k.Read(gradient)}, {k.Read(weight)}, {k.Write(result)}, {operand}, {normal}, {k.Write(slopes)});");
            }

            next++;
        }

        if (mask[1] == 1)
        {
            (string image, string? normal) = BatchNormLowering.Image(k, 1, last);
            Place result = k.Result(next++, ConvolutionLayout.Weight(spatial));
            string bias = mask[2] == 1 ? k.Write(k.Result(next)) : "default";
            k.Emit($"{k.Product("Convolution")}.GradientWeight({shape}, {(normal is null ? image : $"{image}, {normal}")}, {k.Read(gradient)}, {k.Write(result)}, {bias}, add: false);");
        }

        return true;
    }

    public override string EmitCSharp(CSharpContext c)
    {
        EquatableArray<long> mask = c.Attributes.Ints("mask");
        string call = $"TensorOps.ConvolutionBackward({c[0]}, {c[1]}, {c[2]}, stride: {c.Ints("stride")}, padding: {c.Ints("padding")}, dilation: {c.Ints("dilation")}, groups: {Invariant.Text(c.Attributes.Int("groups"))}";
        return $"{call}, inputGradient: {Invariant.Text(mask[0] == 1)}, weightGradient: {Invariant.Text(mask[1] == 1)}, biasGradient: {Invariant.Text(mask[2] == 1)})";
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results)
    {
        Dim once = op[0].Count * op[2].Shape.Skip(1).Aggregate(Dim.One, static (product, dim) => product * dim) * 2;
        EquatableArray<long> mask = op.Attributes.Ints("mask");
        return once * (mask[0] + mask[1]);
    }
}
