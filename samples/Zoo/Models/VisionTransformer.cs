namespace ModelGen.Samples.Zoo;

/// <summary>ViT-B/16 (Dosovitskiy et al., arXiv:2010.11929).</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class VisionTransformer : Module<Tensor, Tensor>
{
    private readonly Conv2d conv_proj;
    private readonly Parameter class_token;
    private readonly Parameter pos_embedding;
    private readonly Sequential layers;
    private readonly LayerNorm ln;
    private readonly Linear head;

    public VisionTransformer(int image = 224, int patch = 16, int width = 768, int depth = 12, int heads = 12, int classes = 1000)
        : base(nameof(VisionTransformer))
    {
        int patches = image / patch * (image / patch);
        conv_proj = Conv2d(3, width, patch, stride: patch);
        class_token = Parameter(zeros(1, 1, width));
        pos_embedding = Parameter(randn(1, patches + 1, width) * 0.02);
        layers = Sequential(Enumerable.Range(0, depth).Select(i => ($"encoder_layer_{i}", (Module<Tensor, Tensor>)new EncoderBlock(width, heads))));
        ln = LayerNorm(width, eps: 1e-6);
        head = Linear(width, classes);
        init.trunc_normal_(conv_proj.weight!, std: 0.02);
        init.zeros_(head.weight!);
        init.normal_(head.weight!, std: 0.02);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 224, 224)] Tensor images)
    {
        Tensor x = conv_proj.forward(images).flatten(2).transpose(1, 2);
        x = cat([class_token.expand(images.shape[0], -1, -1), x], dim: 1) + pos_embedding;
        x = ln.forward(layers.forward(x));
        return head.forward(x[TensorIndex.Colon, TensorIndex.Single(0)]);
    }

    private sealed class EncoderBlock : Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1, ln_2;
        private readonly MultiheadAttention self_attention;
        private readonly Sequential mlp;

        public EncoderBlock(int width, int heads)
            : base(nameof(EncoderBlock))
        {
            ln_1 = LayerNorm(width, eps: 1e-6);
            self_attention = MultiheadAttention(width, heads);
            ln_2 = LayerNorm(width, eps: 1e-6);
            mlp = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            // TorchSharp's attention is sequence-first.
            Tensor y = ln_1.forward(x).transpose(0, 1);
            (y, _) = self_attention.call(y, y, y, need_weights: false);
            x = x + y.transpose(0, 1);
            return x + mlp.forward(ln_2.forward(x));
        }
    }
}
