namespace ModelGen.Samples.Zoo;

/// <summary>LeNet-5 (LeCun et al., 1998) with rectified units.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class LeNet5 : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(1, 6, 5, padding: 2);
    private readonly Conv2d conv2 = Conv2d(6, 16, 5);
    private readonly Linear fc1 = Linear(16 * 5 * 5, 120);
    private readonly Linear fc2 = Linear(120, 84);
    private readonly Linear fc3 = Linear(84, 10);

    public LeNet5()
        : base(nameof(LeNet5)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 28, 28)] Tensor image)
    {
        using var scope = NewDisposeScope();
        using Tensor first = functional.avg_pool2d(functional.relu(conv1.forward(image)), 2);
        using Tensor second = functional.avg_pool2d(functional.relu(conv2.forward(first)), 2);
        Tensor x = functional.relu(fc1.forward(second.view(second.shape[0], -1)));
        x = functional.relu(fc2.forward(x));
        return fc3.forward(x).MoveToOuterDisposeScope();
    }
}
