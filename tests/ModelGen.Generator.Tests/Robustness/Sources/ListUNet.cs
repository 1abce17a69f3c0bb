/// <summary>Lists of levels, records, switch expressions, skip connections.</summary>
[Model(2)]
[Train(Loss.MSE, Optimizer.Adam, LearningRate = 0.01)]
public partial class ListUNet : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> down = new(), up = new();
    private readonly ModuleList<Module<Tensor, Tensor>> joins = new();
    private readonly Module<Tensor, Tensor> middle, last;

    public ListUNet(int depth, UpKind kind = UpKind.Transposed)
        : base("unet")
    {
        var levels = new List<Level>();
        int channels = 1;
        for (int i = 0; i < depth; i++)
        {
            int next = 4 << i;
            levels.Add(new Level(channels, next, i switch { 0 => "relu", 1 => "silu", _ => "gelu" }));
            channels = next;
        }

        foreach (Level level in levels)
        {
            down.Add(Double(level));
        }

        middle = Double(new Level(channels, channels * 2, "relu"));
        channels *= 2;
        for (int i = levels.Count - 1; i >= 0; i--)
        {
            Level level = levels[i];
            up.Add(kind switch
            {
                UpKind.Transposed => ConvTranspose2d(channels, level.Outputs, 2, 2),
                UpKind.Nearest => Sequential(Upsample(scale_factor: [2, 2], mode: UpsampleMode.Nearest), Conv2d(channels, level.Outputs, 1)),
                _ => throw new ArgumentOutOfRangeException(nameof(kind)),
            });
            joins.Add(Double(level with { Inputs = level.Outputs * 2 }));
            channels = level.Outputs;
        }

        last = Conv2d(channels, 1, 1);
        RegisterComponents();
    }

    public enum UpKind
    {
        Transposed,
        Nearest,
    }

    public override Tensor forward([Shape("N", 1, 16, 16)] Tensor x)
    {
        var skips = new List<Tensor>();
        foreach (Module<Tensor, Tensor> level in down)
        {
            x = level.forward(x);
            skips.Add(x);
            x = max_pool2d(x, 2);
        }

        x = middle.forward(x);
        skips.Reverse();
        for (int i = 0; i < up.Count; i++)
        {
            x = up[i].forward(x);
            x = joins[i].forward(cat(new[] { skips[i], x }, 1));
        }

        return torch.sigmoid(last.forward(x));
    }

    private static Module<Tensor, Tensor> Activation(string name) => name.ToLowerInvariant() switch
    {
        "relu" => ReLU(),
        "silu" => SiLU(),
        "gelu" => GELU(),
        var other => throw new NotSupportedException(other),
    };

    private static Sequential Double(Level level)
    {
        (int inputs, int outputs, string activation) = level;
        return Sequential(
            ("conv1", Conv2d(inputs, outputs, 3, padding: 1)),
            ("act1", Activation(activation)),
            ("conv2", Conv2d(outputs, outputs, 3, padding: 1)),
            ("act2", Activation(activation)));
    }

    private sealed record Level(int Inputs, int Outputs, string Activation);
}
