// The field behind an auto-property has a name that the compiler makes up.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

Console.WriteLine(string.Join(",", new Net().state_dict().Keys));

internal sealed class Net : nn.Module<Tensor, Tensor>
{
    public Linear Fc { get; } = nn.Linear(2, 2); // MG4008

    private nn.Module<Tensor, Tensor> Body { get; set; } // MG4008

    public ModuleList<Linear> Rest { get; private set; } // MG4008

    public Net() : base("net")
    {
        Body = nn.Sequential(nn.Linear(2, 2), nn.ReLU());
        Rest = new ModuleList<Linear>(nn.Linear(2, 2));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => Rest[0].forward(Body.forward(Fc.forward(x)));
}

internal abstract class Shape<T> : nn.Module<Tensor, Tensor>
    where T : nn.Module<Tensor, Tensor>, new()
{
    protected T Inner { get; init; } = new(); // MG4008

    protected abstract Linear Outer { get; }

    protected Shape() : base("shape")
    {
    }
}

internal sealed class Circle : Shape<Net>
{
    protected override Linear Outer { get; } // MG4008

    public Parameter? Radius { get; } // MG4008

    public Circle()
    {
        Outer = nn.Linear(2, 2);
        Radius = nn.Parameter(torch.ones(1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => Outer.forward(Inner.forward(x)) * Radius;
}

internal interface IHasHead
{
    Linear Head { get; }
}

internal sealed partial class Server : nn.Module<Tensor, Tensor>, IHasHead
{
    private readonly Linear _head = nn.Linear(2, 2);

    public Server() : base("server") => RegisterComponents();

    public Linear Head => _head;

    public override Tensor forward(Tensor x) => Head.forward(x);
}

internal sealed class Client(Linear head) : nn.Module<Tensor, Tensor>("client"), IHasHead
{
    public Linear Head { get; } = head; // MG4008

    public override Tensor forward(Tensor x) => Head.forward(x);
}

/// <summary>Right: it is no module.</summary>
internal sealed class Trainer(Net net)
{
    public Net Model { get; } = net;
}
