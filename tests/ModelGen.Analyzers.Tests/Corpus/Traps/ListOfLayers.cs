// Layers in lists, arrays and dictionaries: RegisterComponents() does not look into them.
using System.Collections.Immutable;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var tower = new Tower(3, 16);
Console.WriteLine(tower.parameters().Count());

internal sealed class Tower : nn.Module<Tensor, Tensor>
{
    private List<Linear> floors; // MG4003
    private readonly Linear roof;

    public Tower(int count, int width) : base(nameof(Tower))
    {
        this.floors = new List<Linear>();
        for (var floor = 0; floor < count; floor++)
        {
            var next = nn.Linear(width, width);
            this.floors.Add(next);
        }

        this.roof = nn.Linear(width, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        foreach (var floor in this.floors)
        {
            input = nn.functional.relu(floor.call(input));
        }

        return this.roof.call(input);
    }
}

internal class Pyramid : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor>[] _scales; // MG4003

    public Pyramid(params long[] channels) : base("pyramid")
    {
        _scales = new nn.Module<Tensor, Tensor>[channels.Length - 1];
        for (int i = 0; i + 1 < channels.Length; i++)
        {
            _scales[i] = nn.Conv2d(channels[i], channels[i + 1], 3);
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _scales.Aggregate(x, (value, scale) => scale.forward(value));
}

public sealed class Heads : nn.Module<Tensor, string, Tensor>
{
    private readonly IDictionary<string, nn.Module<Tensor, Tensor>> heads = new Dictionary<string, nn.Module<Tensor, Tensor>> // MG4003
    {
        ["age"] = nn.Linear(8, 1),
        ["name"] = nn.Sequential(nn.Linear(8, 8), nn.ReLU()),
    };

    public Heads() : base("heads") => RegisterComponents();

    public override Tensor forward(Tensor x, string task) => heads[task].forward(x);
}

/// <summary>A generic module that makes its own blocks.</summary>
internal sealed class Repeat<TBlock> : nn.Module<Tensor, Tensor>
    where TBlock : nn.Module<Tensor, Tensor>, new()
{
    private readonly IReadOnlyList<TBlock> blocks; // MG4003

    public Repeat(int times) : base("repeat")
    {
        blocks = Enumerable.Range(0, times).Select(_ => new TBlock()).ToList();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            x = blocks[i].forward(x);
        }

        return x;
    }
}

/// <summary>A static helper makes the list.</summary>
internal sealed class FromHelper : nn.Module<Tensor, Tensor>
{
    private readonly List<Linear> _layers; // MG4003

    public FromHelper(int depth) : base("helper")
    {
        _layers = Build(depth);
        RegisterComponents();
    }

    private static List<Linear> Build(int depth)
    {
        var built = new List<Linear>(depth);
        while (built.Count < depth)
        {
            built.Add(nn.Linear(4, 4));
        }

        return built;
    }

    public override Tensor forward(Tensor x) { foreach (Linear layer in _layers) { x = layer.forward(x); } return x; }
}

/// <summary>A local list that becomes the field.</summary>
internal sealed class FromLocal : nn.Module<Tensor, Tensor>
{
    private readonly Linear[] _layers; // MG4003

    internal FromLocal() : base("local")
    {
        var layers = new List<Linear>();
        layers.Add(nn.Linear(4, 4));
        layers.Add(nn.Linear(4, 2));
        _layers = layers.ToArray();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _layers[1].forward(_layers[0].forward(x));
}

/// <summary>A local function fills the list.</summary>
internal sealed class FromLocalFunction : nn.Module<Tensor, Tensor>
{
    private readonly List<nn.Module<Tensor, Tensor>> _layers = new(); // MG4003

    public FromLocalFunction(int width) : base("local function")
    {
        void Push(int from, int to)
        {
            _layers.Add(nn.Linear(from, to));
            _layers.Add(nn.ReLU());
        }

        Push(width, 2 * width);
        Push(2 * width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _layers.Aggregate(x, static (y, layer) => layer.forward(y));
}

internal sealed class Immutable : nn.Module<Tensor, Tensor>
{
    private readonly ImmutableArray<Linear> _layers; // MG4003

    public Immutable() : base("immutable")
    {
        _layers = ImmutableArray.Create(nn.Linear(4, 4), nn.Linear(4, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _layers[1].forward(_layers[0].forward(x));
}

internal sealed class Nested : nn.Module<Tensor, Tensor>
{
    private readonly List<List<Linear>> _stages = new(); // MG4003

    public Nested() : base("nested")
    {
        for (int stage = 0; stage < 2; stage++)
        {
            _stages.Add(new List<Linear> { nn.Linear(4, 4), nn.Linear(4, 4) });
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (List<Linear> stage in _stages)
        {
            foreach (Linear layer in stage)
            {
                x = layer.forward(x);
            }
        }

        return x;
    }
}

/// <summary>The layers are the author's own modules, added in one go.</summary>
internal sealed class Bulk : nn.Module<Tensor, Tensor>
{
    private readonly List<Cell> _cells = []; // MG4003

    public Bulk(int count) : base("bulk")
    {
        _cells.AddRange(from number in Enumerable.Range(0, count) select new Cell(number + 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) { _cells.ForEach(cell => x = cell.forward(x)); return x; }
}

internal sealed class Cell : nn.Module<Tensor, Tensor>
{
    private readonly Linear _fc;

    public Cell(int width) : base("cell") { _fc = nn.Linear(width, width); RegisterComponents(); }

    public override Tensor forward(Tensor x) => _fc.forward(x);
}

/// <summary>Right: a ModuleList, and a list whose modules belong to somebody else.</summary>
internal sealed class Right : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> _layers = new();
    private readonly IReadOnlyList<Linear> _teachers;

    public Right(IReadOnlyList<Linear> teachers) : base("right")
    {
        _teachers = teachers;
        for (int i = 0; i < 2; i++)
        {
            _layers.Add(nn.Linear(4, 4));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _layers[0].forward(x) + _teachers[0].forward(x);
}
