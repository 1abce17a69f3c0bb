/// <summary>Residual blocks made by delegates, in nested classes with an abstract base.</summary>
[Model(Config = nameof(Tiny))]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3)]
public partial class DelegateResNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> stem;
    private readonly ModuleList<Stage> stages = [];
    private readonly Linear head;

    public DelegateResNet(Settings settings)
        : base("resnet")
    {
        Func<long, Module<Tensor, Tensor>> norm = settings.Norm;
        stem = Sequential(Conv2d(3, settings.Widths[0], 3, padding: 1, bias: false), norm(settings.Widths[0]), ReLU());
        long previous = settings.Widths[0];
        int index = 0;
        foreach (int width in settings.Widths)
        {
            stages.Add(new Stage(previous, width, settings.Depths[index], index == 0 ? 1 : 2, norm, settings.Make));
            previous = width;
            ++index;
        }

        head = Linear(previous, settings.Classes);
        RegisterComponents();
    }

    public delegate Block Maker(long inputs, long outputs, int stride, Func<long, Module<Tensor, Tensor>> norm);

    public static Settings Tiny => new()
    {
        Widths = [4, 6],
        Depths = [1, 2],
        Norm = static channels => BatchNorm2d(channels),
        Make = static (inputs, outputs, stride, norm) => stride > 1 ? new Narrow(inputs, outputs, stride, norm) : new Plain(inputs, outputs, stride, norm),
    };

    public override Tensor forward([Shape("N", 3, 8, 8)] Tensor input)
    {
        Tensor x = stem.call(input);
        foreach (Stage stage in stages)
        {
            x = stage.forward(x);
        }

        return head.forward(x.mean([2, 3]));
    }

    public sealed class Settings
    {
        public required int[] Widths { get; init; }

        public required int[] Depths { get; init; }

        public int Classes { get; init; } = 5;

        public required Func<long, Module<Tensor, Tensor>> Norm { get; init; }

        public required Maker Make { get; init; }
    }

    public sealed class Stage : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Block> blocks = [];

        public Stage(long inputs, long outputs, int depth, int stride, Func<long, Module<Tensor, Tensor>> norm, Maker make)
            : base("stage")
        {
            for (int i = 0; i < depth; i++)
            {
                blocks.Add(make(i == 0 ? inputs : outputs, outputs, i == 0 ? stride : 1, norm));
            }

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

    public abstract class Block : Module<Tensor, Tensor>
    {
        protected Module<Tensor, Tensor>? shortcut;

        protected Block(string name, long inputs, long outputs, int stride)
            : base(name)
        {
            if (stride != 1 || inputs != outputs)
            {
                shortcut = Conv2d(inputs, outputs, 1, stride, bias: false);
            }
        }

        public override Tensor forward(Tensor x)
        {
            Tensor skipped = shortcut is null ? x : shortcut.forward(x);
            return relu(Transform(x) + skipped);
        }

        protected abstract Tensor Transform(Tensor x);
    }

    public sealed class Plain : Block
    {
        private readonly Sequential body;

        public Plain(long inputs, long outputs, int stride, Func<long, Module<Tensor, Tensor>> norm)
            : base("plain", inputs, outputs, stride)
        {
            body = Sequential(Conv2d(inputs, outputs, 3, stride, 1), norm(outputs), ReLU(), Conv2d(outputs, outputs, 3, padding: 1), norm(outputs));
            RegisterComponents();
        }

        protected override Tensor Transform(Tensor x) => body.forward(x);
    }

    public sealed class Narrow : Block
    {
        private readonly Conv2d down, inner, up;

        public Narrow(long inputs, long outputs, int stride, Func<long, Module<Tensor, Tensor>> norm)
            : base("narrow", inputs, outputs, stride)
        {
            long middle = Math.Max(2, outputs / 2);
            down = Conv2d(inputs, middle, 1);
            inner = Conv2d(middle, middle, 3, stride, 1);
            up = Conv2d(middle, outputs, 1);
            RegisterComponents();
        }

        protected override Tensor Transform(Tensor x) => up.forward(relu(inner.forward(relu(down.forward(x)))));
    }
}
