using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>What a gradient rule sees and writes: it turns output gradients into operand gradients by adding nodes.</summary>
internal sealed class GradientContext(GraphBuilder builder, Node node, IReadOnlyList<int> outputGradients, Func<int, bool> needsGradient)
{
    private readonly Dictionary<int, int> gradients = [];

    public GraphBuilder Graph => builder;

    public OpAttributes Attributes => node.Attributes;

    /// <summary>Gradient of the first output.</summary>
    public int Grad => outputGradients[0];

    /// <summary>Operand gradients written so far, by operand position.</summary>
    public IReadOnlyDictionary<int, int> Gradients => gradients;

    public int Input(int index) => node.Inputs[index];

    public bool HasInput(int index) => index < node.Inputs.Count && node.Inputs[index] >= 0;

    public int Output(int index = 0) => node.Outputs[index];

    public TensorType TypeOf(int value) => builder.TypeOf(value);

    /// <summary>Whether a gradient of this operand is wanted.</summary>
    public bool Needs(int index) => HasInput(index) && needsGradient(node.Inputs[index]);

    /// <summary>States an operand's gradient; broadcast dimensions are summed away.</summary>
    public void Set(int index, int gradient)
    {
        EquatableArray<Dim> shape = TypeOf(Input(index)).Shape;
        gradients[index] = TypeOf(gradient).Shape.Equals(shape) ? gradient : builder.Add("sum_to", [gradient], ("shape", shape));
    }

    /// <summary>Gives every wanted operand its gradient by running the operator again under the library's autograd.</summary>
    public void ThroughAutograd()
    {
        long[] wanted = [.. Enumerable.Range(0, node.Inputs.Count).Where(index => Needs(index) && TypeOf(Input(index)).DType.IsFloat()).Select(static index => (long)index)];
        if (wanted.Length == 0)
        {
            return;
        }

        int[] given = [.. Enumerable.Range(0, node.Outputs.Count).Where(index => outputGradients[index] >= 0)];
        EquatableArray<int> results = builder.AddNode(
            "vjp",
            given.Select(index => outputGradients[index]).Concat(node.Inputs).ToEquatableArray(),
            node.Attributes
                .With(VjpOp.Operator, node.Op)
                .With(VjpOp.Wanted, wanted)
                .With(VjpOp.Given, given.Select(static index => (long)index).ToArray()));
        for (int i = 0; i < wanted.Length; i++)
        {
            gradients[(int)wanted[i]] = results[i];
        }
    }

    /// <summary>States an operand's gradient if it is wanted.</summary>
    public void Set(int index, Func<int> gradient)
    {
        if (Needs(index))
        {
            Set(index, gradient());
        }
    }
}
