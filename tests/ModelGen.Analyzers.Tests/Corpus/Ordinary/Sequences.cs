using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.Analyzers.Tests.Corpus.Ordinary;

/// <summary>Causal attention with a buffer for its mask.</summary>
internal sealed class CausalAttention : Module<Tensor, Tensor>
{
    private readonly int heads;
    private readonly Linear qkv;
    private readonly Linear projection;
    private readonly Dropout dropout;

    public CausalAttention(int width, int heads, int context, double rate = 0.1)
        : base("attention")
    {
        if (width % heads != 0)
        {
            throw new ArgumentException("The width must be a multiple of the heads.", nameof(heads));
        }

        this.heads = heads;
        qkv = Linear(width, 3 * width, hasBias: false);
        projection = Linear(width, width);
        dropout = Dropout(rate);
        register_buffer("mask", torch.tril(torch.ones(context, context)).view(1, 1, context, context), persistent: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (batch, length, width) = (x.size(0), x.size(1), x.size(2));
        var parts = qkv.forward(x).chunk(3, -1);
        Tensor Split(Tensor t) => t.view(batch, length, heads, width / heads).transpose(1, 2);
        var (q, k, v) = (Split(parts[0]), Split(parts[1]), Split(parts[2]));
        var scores = q.matmul(k.transpose(-2, -1)) * (1.0 / Math.Sqrt(width / heads));
        var mask = get_buffer("mask")![.., .., ..(int)length, ..(int)length];
        scores = scores.masked_fill(mask.eq(0), float.NegativeInfinity);
        var weights = dropout.forward(F.softmax(scores, -1));
        var mixed = weights.matmul(v).transpose(1, 2).contiguous().view(batch, length, width);
        return projection.forward(mixed).MoveToOuterDisposeScope();
    }
}

internal sealed class TransformerBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly CausalAttention attention;
    private readonly Sequential feedForward;

    public TransformerBlock(int width, int heads, int context)
        : base("block")
    {
        norm1 = LayerNorm(width);
        norm2 = LayerNorm(width);
        attention = new CausalAttention(width, heads, context);
        feedForward = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width), Dropout(0.1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attention.forward(norm1.forward(x));
        return x + feedForward.forward(norm2.forward(x));
    }
}

internal sealed class LanguageModel : Module<Tensor, Tensor>
{
    private readonly int context;
    private readonly Embedding tokens;
    private readonly Embedding positions;
    private readonly ModuleList<TransformerBlock> blocks;
    private readonly LayerNorm norm;
    private readonly Linear head;

    public LanguageModel(int vocabulary, int width, int heads, int depth, int context)
        : base(nameof(LanguageModel))
    {
        this.context = context;
        tokens = Embedding(vocabulary, width);
        positions = Embedding(context, width);
        blocks = ModuleList(Enumerable.Range(0, depth).Select(_ => new TransformerBlock(width, heads, context)).ToArray());
        norm = LayerNorm(width);
        head = Linear(width, vocabulary, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids)
    {
        var x = tokens.forward(ids) + positions.forward(torch.arange(ids.size(1), device: ids.device));
        foreach (var block in blocks)
        {
            x = block.forward(x);
        }

        return head.forward(norm.forward(x));
    }

    public List<long> Generate(List<long> prompt, int count, double temperature = 1.0)
    {
        eval();
        using var noGrad = no_grad();
        var result = new List<long>(prompt);
        for (int i = 0; i < count; i++)
        {
            using var scope = NewDisposeScope();
            var window = result.Skip(Math.Max(0, result.Count - context)).ToArray();
            var ids = torch.tensor(window, device: head.weight.device).unsqueeze(0);
            var logits = forward(ids)[0, -1] / temperature;
            var probabilities = F.softmax(logits, 0);
            result.Add(torch.multinomial(probabilities, 1).item<long>());
        }

        return result;
    }
}

/// <summary>A text classifier with a recurrent layer and padded batches.</summary>
internal sealed class TextClassifier : Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly LSTM lstm;
    private readonly Dropout dropout;
    private readonly Linear output;

    public TextClassifier(long vocabulary, long width, long hidden, long classes)
        : base("classifier")
    {
        embedding = Embedding(vocabulary, width, padding_idx: 0);
        lstm = LSTM(width, hidden, numLayers: 2, batchFirst: true, bidirectional: true, dropout: 0.3);
        dropout = Dropout(0.3);
        output = Linear(2 * hidden, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var embedded = dropout.forward(embedding.forward(ids));
        var (_, hidden, _) = lstm.forward(embedded);
        var last = torch.cat(new[] { hidden[-2], hidden[-1] }, 1);
        return output.forward(dropout.forward(last)).MoveToOuterDisposeScope();
    }
}

internal static class TextTraining
{
    public static void Run(IReadOnlyList<(long[] Tokens, long Label)> data, int epochs)
    {
        var device = cuda.is_available() ? CUDA : CPU;
        using var model = new TextClassifier(20000, 128, 128, 4);
        model.to(device);
        using var criterion = CrossEntropyLoss();
        using var optimizer = optim.Adam(model.parameters(), 5e-4);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs);
        double best = double.MaxValue;
        for (var epoch = 1; epoch <= epochs; epoch++)
        {
            model.train();
            var sum = 0.0;
            var batches = 0;
            foreach (var chunk in data.Chunk(32))
            {
                using var scope = NewDisposeScope();
                var (x, y) = Collate(chunk, device);
                var loss = criterion.forward(model.forward(x), y);
                optimizer.zero_grad();
                loss.backward();
                nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
                sum += loss.ToDouble();
                batches++;
            }

            schedule.step();
            var mean = sum / batches;
            if (mean < best)
            {
                best = mean;
                model.save("text.dat");
            }
        }
    }

    private static (Tensor X, Tensor Y) Collate((long[] Tokens, long Label)[] chunk, Device device)
    {
        var longest = chunk.Max(item => item.Tokens.Length);
        var x = torch.zeros(chunk.Length, longest, dtype: ScalarType.Int64);
        for (int i = 0; i < chunk.Length; i++)
        {
            x[i, ..chunk[i].Tokens.Length] = torch.tensor(chunk[i].Tokens);
        }

        var y = torch.tensor(chunk.Select(item => item.Label).ToArray());
        return (x.to(device), y.to(device));
    }
}
