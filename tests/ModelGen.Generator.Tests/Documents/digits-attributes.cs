[Model]
// example
public sealed partial class DigitNet
{
    [Linear(10)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 28)] Tensor x) => Classify(x);
}
