/// <summary>A generic base class that holds the frame, virtual and abstract members, an interface.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class GatedRegressor : Regressor<GatedUnit, Scaling>
{
    public GatedRegressor()
        : base("gated", 6, 3)
    {
        RegisterComponents();
    }

    protected override int Hidden => 10;

    protected override GatedUnit Make(int inputs, int outputs) => new(inputs, outputs);

    public override Tensor forward([Shape("N", 6)] Tensor input) => base.forward(input).clamp(-5, 5);
}

public abstract class Regressor<TUnit, TScale> : Module<Tensor, Tensor>
    where TUnit : Module<Tensor, Tensor>
    where TScale : IScaling, new()
{
    protected readonly ModuleList<TUnit> units = new();
    protected readonly Linear head;
    private readonly TScale scaling = new();

    protected Regressor(string name, int inputs, int count)
        : base(name)
    {
        int width = inputs;
        for (int i = 0; i < count; i++)
        {
            units.Add(Make(width, Hidden));
            width = Hidden;
        }

        head = Linear(width, 1);
    }

    protected virtual int Hidden => 8;

    protected abstract TUnit Make(int inputs, int outputs);

    public override Tensor forward(Tensor input)
    {
        Tensor x = scaling.Apply(input);
        foreach (TUnit unit in units)
        {
            x = unit.forward(x);
        }

        return head.forward(x);
    }
}

public interface IScaling
{
    Tensor Apply(Tensor x);
}

public sealed class Scaling : IScaling
{
    private readonly double factor = 0.5;

    public Tensor Apply(Tensor x) => x * factor + 1.0;
}

public sealed class GatedUnit : Module<Tensor, Tensor>
{
    private readonly Linear value, gate;
    private readonly Parameter bias;

    public GatedUnit(int inputs, int outputs)
        : base("unit")
    {
        value = Linear(inputs, outputs);
        gate = Linear(inputs, outputs);
        bias = Parameter(zeros(outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => (value.forward(x) + bias) * torch.sigmoid(gate.forward(x));
}
