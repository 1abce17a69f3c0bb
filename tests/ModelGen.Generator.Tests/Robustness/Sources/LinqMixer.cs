/// <summary>LINQ, dictionaries, local functions, iterators, a branch on the training flag.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.Adam, LearningRate = 0.01)]
public partial class LinqMixer : Module<Tensor, Tensor>
{
    private const int Patch = 4;
    private readonly Conv2d patches;
    private readonly ModuleList<Module<Tensor, Tensor>> mixers;
    private readonly ModuleDict<Module<Tensor, Tensor>> heads = new();
    private readonly Dictionary<string, int> sizes = new() { ["coarse"] = 3, ["fine"] = 7 };

    public LinqMixer()
        : base(nameof(LinqMixer))
    {
        int[] widths = Enumerable.Range(1, 3).Select(static i => i * 8).Where(static width => width <= 16).ToArray();
        patches = Conv2d(3, widths.First(), Patch, Patch);
        mixers = new ModuleList<Module<Tensor, Tensor>>(widths.Zip(widths.Skip(1), static (a, b) => (Module<Tensor, Tensor>)Sequential(Linear(a, b), GELU(), LayerNorm(b))).ToArray());
        foreach (KeyValuePair<string, int> pair in sizes)
        {
            heads.Add((pair.Key, Linear(widths[^1], pair.Value)));
        }

        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 16, 16)] Tensor image)
    {
        Tensor x = patches.forward(image).flatten(2).transpose(1, 2);
        x = mixers.Aggregate(x, static (value, mixer) => mixer.forward(value));
        if (training)
        {
            x = dropout(x, 0.1, training);
        }

        x = x.mean([1]);
        Tensor[] results = Names().Select(name => heads[name].forward(x)).ToArray();
        return cat(results, dim: 1);

        static IEnumerable<string> Names()
        {
            yield return "coarse";
            yield return "fine";
        }
    }
}
