using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Transposed convolution of <c>x [N, C, d...]</c> with <c>weight [C, O / groups, k...]</c> and optional bias <c>[O]</c>; attributes stride, padding,
/// output_padding and dilation have one entry per spatial dimension.
/// </summary>
internal sealed class ConvTransposeOp : OpDefinition
{
    public override string Name => "conv_transpose";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    /// <summary>Size of one output dimension.</summary>
    public static Dim Size(Dim size, long kernel, long stride, long padding, long outputPadding, long dilation) =>
        ((size - 1) * stride) - (2 * padding) + ((dilation * (kernel - 1)) + 1) + outputPadding;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        (TensorType x, TensorType weight) = (op[0], op[1]);
        OpContext.RequireFloat(Name, x);
        int spatial = weight.Rank - 2;
        if (x.Rank != weight.Rank)
        {
            throw new OpException($"{Name}{Invariant.Text(spatial)}d needs {ConvOp.Layout(spatial)}, got {x.ShapeText()}");
        }

        if (!x.Shape[1].Equals(weight.Shape[0]))
        {
            throw new OpException($"{Name}: the input {x.ShapeText()} has {x.Shape[1]} channels but the weight {weight.ShapeText()} takes {weight.Shape[0]}");
        }

        OpAttributes a = op.Attributes;
        var shape = new List<Dim> { x.Shape[0], weight.Shape[1] * a.Int("groups") };
        for (int i = 0; i < spatial; i++)
        {
            if (a.Ints("output_padding")[i] >= Math.Max(a.Ints("stride")[i], a.Ints("dilation")[i]))
            {
                throw new OpException($"{Name}: output padding {Invariant.Text(a.Ints("output_padding")[i])} must be smaller than the stride or the dilation");
            }

            Dim size = Size(x.Shape[i + 2], weight.Shape[i + 2].Constant!.Value, a.Ints("stride")[i], a.Ints("padding")[i], a.Ints("output_padding")[i], a.Ints("dilation")[i]);
            if (size.Constant < 1)
            {
                throw new OpException($"{Name}: padding {Invariant.Text(a.Ints("padding")[i])} leaves nothing of {ConvOp.AxisName(i, spatial)} {x.Shape[i + 2]}");
            }

            shape.Add(size);
        }

        return One(x.WithShape(shape));
    }

    /// <summary>
    /// It is the gradient of a convolution, and so its own gradients are a convolution and the gradient of that convolution's weight. Output padding of a stride or more has
    /// no such convolution.
    /// </summary>
    public override void Differentiate(GradientContext g)
    {
        if (IsLong(g.Attributes))
        {
            base.Differentiate(g);
            return;
        }

        OpAttributes attributes = OpAttributes.Of(("stride", g.Attributes.Ints("stride")), ("padding", g.Attributes.Ints("padding")), ("dilation", g.Attributes.Ints("dilation")), ("groups", g.Attributes.Int("groups")));
        g.Set(0, () => g.Graph.AddNode("conv", new[] { g.Grad, g.Input(1), -1 }, attributes)[0]);
        g.Set(1, () => g.Graph.AddNode("conv_backward", new[] { g.Input(0), g.Grad, g.Input(1) }, attributes.With("mask", (EquatableArray<long>)new long[] { 0, 1, 0 }))[0]);
        g.Set(2, () => g.Graph.Sum(g.Grad, [.. Enumerable.Range(0, g.TypeOf(g.Grad).Rank).Where(static axis => axis != 1).Select(static axis => (long)axis)], keep: false));
    }

    /// <summary>Channels last. A bias was split off before.</summary>
    public override bool Lower(KernelContext k)
    {
        int spatial = k.Type(1).Rank - 2;
        if (spatial > 2 || IsLong(k.Attributes))
        {
            return false;
        }

        string shape = ConvolutionLayout.Shape(k.ResultType().Shape, k.Type(1).Shape, k.Attributes);
        Place image = k.OrderedOperand(0, ConvolutionLayout.ChannelsLast(spatial));
        Place weight = k.OrderedOperand(1, ConvolutionLayout.Weight(spatial));
        k.Emit($"{k.Product("Convolution")}.GradientInput({shape}, {k.Read(image)}, {k.Read(weight)}, {k.Write(k.Result(0, ConvolutionLayout.ChannelsLast(spatial)))}, add: false);");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.ConvolutionTransposed({c[0]}, {c[1]}, {c[2]}, {c.Ints("stride")}, {c.Ints("padding")}, {c.Ints("output_padding")}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Int("groups"))})";

    public override void EmitOnnx(OnnxContext c)
    {
        long[] pads = c.Attributes.Ints("padding").ToArray();
        c.Node(
            "ConvTranspose",
            c.Has(2) ? [c.Input(0), c.Input(1), c.Input(2)] : [c.Input(0), c.Input(1)],
            OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
            OnnxContext.Ints("pads", [.. pads, .. pads]),
            OnnxContext.Ints("output_padding", c.Attributes.Ints("output_padding")),
            OnnxContext.Ints("dilations", c.Attributes.Ints("dilation")),
            OnnxContext.Int("group", c.Attributes.Int("groups")));
    }

    private static bool IsLong(OpAttributes attributes) => attributes.Ints("output_padding").Zip(attributes.Ints("stride"), static (padding, stride) => padding >= stride).Any(static longer => longer);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) =>
        op[0].Count * op[1].Shape.Skip(1).Aggregate(Dim.One, static (product, dim) => product * dim) * 2;
}
