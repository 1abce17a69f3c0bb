namespace ModelGen.Samples.Zoo;

/// <summary>A multilayer perceptron whose layers are named in a loop.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Mlp : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential();

    public Mlp(int inputs = 784, int classes = 10, params int[] hidden)
        : base(nameof(Mlp))
    {
        int width = inputs;
        foreach (int next in hidden.Length > 0 ? hidden : [256, 128])
        {
            layers.append($"linear{width}", Linear(width, next));
            layers.append($"relu{width}", ReLU());
            width = next;
        }

        layers.append("head", Linear(width, classes));
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 784)] Tensor x) => layers.forward(x);
}
