using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>Attention over packed queries, keys and values [batch, tokens, 3, heads, size]; torch gets views of the same.</summary>
internal static class AttentionCases
{
    private static readonly (int Batch, int Heads, int Tokens, int Size, bool Causal, float Dropout)[] Sizes =
    [
        (16, 4, 128, 32, true, 0), (16, 4, 128, 32, false, 0), (16, 4, 128, 32, true, 0.1f), (2, 8, 512, 64, true, 0), (2, 8, 512, 64, false, 0),
        (1, 8, 1024, 64, true, 0), (1, 8, 1024, 64, false, 0), (1, 4, 1024, 128, true, 0), (16, 12, 197, 64, false, 0), (64, 3, 49, 32, false, 0),
    ];

    /// <summary>Keeps the memory of all cases: addresses do not.</summary>
    private static readonly List<NativeMemoryBlock> Kept = [];

    public static IEnumerable<KernelCase> Cases()
    {
        foreach ((int batch, int heads, int tokens, int size, bool causal, float dropout) in Sizes)
        {
            Tensor qkv = randn([batch, tokens, 3, heads, size]);
            Tensor[] parts = qkv.unbind(2);
            Tensor q = parts[0].transpose(1, 2);
            Tensor k = parts[1].transpose(1, 2);
            Tensor v = parts[2].transpose(1, 2);
            Tensor gradient = randn(batch, heads, tokens, size);
            NativeMemoryBlock packed = Memory.Copy(qkv);
            NativeMemoryBlock dOut = Memory.Copy(gradient.transpose(1, 2));
            long values = (long)batch * heads * tokens * size;
            var output = new NativeMemoryBlock(4 * values);
            var logs = new NativeMemoryBlock(4L * batch * heads * tokens);
            var dPacked = new NativeMemoryBlock(12 * values);
            Kept.AddRange([packed, dOut, output, logs, dPacked]);
            AttentionStrides strides = AttentionStrides.TokensFirst(heads, tokens, size, 3);
            AttentionStrides outStrides = AttentionStrides.TokensFirst(heads, tokens, size);
            nint part = (nint)heads * size;
            var problem = new AttentionProblem
            {
                Batch = batch,
                Heads = heads,
                KeyValueHeads = heads,
                Queries = tokens,
                Keys = tokens,
                HeadSize = size,
                ValueSize = size,
                Scale = 1 / MathF.Sqrt(size),
                Causal = causal,
                Dropout = dropout,
                Seed = 1,
                Q = packed.Floats(),
                QStrides = strides,
                K = packed.Floats(part),
                KStrides = strides,
                V = packed.Floats(2 * part),
                VStrides = strides,
                Out = output.Floats(),
                OutStrides = outStrides,
                LogSumExp = logs.Floats(),
            };
            var gradients = new AttentionGradients
            {
                Out = dOut.Floats(),
                OutStrides = outStrides,
                Q = dPacked.Floats(),
                QStrides = strides,
                K = dPacked.Floats(part),
                KStrides = strides,
                V = dPacked.Floats(2 * part),
                VStrides = strides,
            };
            double pairs = (double)batch * heads * (causal ? tokens * (tokens + 1.0) / 2 : (double)tokens * tokens);
            string name = $"b{batch} h{heads} t{tokens} d{size}{(causal ? " causal" : "")}{(dropout > 0 ? " drop" : "")}";
            yield return new KernelCase(
                "attention",
                $"fwd {name}",
                4 * pairs * size,
                16.0 * values,
                Memory.ByWidth(() => Attention<V512>.Forward(problem), () => Attention<V256>.Forward(problem), () => Attention<V128>.Forward(problem)),
                () => nn.functional.scaled_dot_product_attention(q, k, v, null, dropout, causal).Dispose());
            yield return new KernelCase(
                "attention",
                $"bwd {name} (torch f+b)",
                10 * pairs * size,
                32.0 * values,
                Memory.ByWidth(() => Attention<V512>.Backward(problem, gradients), () => Attention<V256>.Backward(problem, gradients), () => Attention<V128>.Backward(problem, gradients)),
                () => Train(q, k, v, gradient, dropout, causal));
        }

        yield return Generating(1, 8, 8, 1, 1024, 64);
        yield return Generating(1, 8, 2, 1, 1024, 64);
        yield return Generating(1, 8, 8, 4, 1024, 64);
        yield return Generating(1, 8, 8, 5, 1024, 64);
    }

    private static KernelCase Generating(int batch, int heads, int shared, int queries, int keys, int size)
    {
        Tensor q = randn(batch, queries, heads, size);
        Tensor k = randn(batch, keys, shared, size);
        Tensor v = randn(batch, keys, shared, size);
        Tensor[] turned = [q.transpose(1, 2), k.transpose(1, 2).repeat_interleave(heads / shared, 1), v.transpose(1, 2).repeat_interleave(heads / shared, 1)];
        NativeMemoryBlock[] memory = [Memory.Copy(q), Memory.Copy(k), Memory.Copy(v), new NativeMemoryBlock(4L * batch * heads * queries * size)];
        Kept.AddRange(memory);
        var problem = new AttentionProblem
        {
            Batch = batch,
            Heads = heads,
            KeyValueHeads = shared,
            Queries = queries,
            Keys = keys,
            HeadSize = size,
            ValueSize = size,
            Scale = 1 / MathF.Sqrt(size),
            Q = memory[0].Floats(),
            QStrides = AttentionStrides.TokensFirst(heads, queries, size),
            K = memory[1].Floats(),
            KStrides = AttentionStrides.TokensFirst(shared, keys, size),
            V = memory[2].Floats(),
            VStrides = AttentionStrides.TokensFirst(shared, keys, size),
            Out = memory[3].Floats(),
            OutStrides = AttentionStrides.TokensFirst(heads, queries, size),
        };
        return new KernelCase(
            "attention",
            $"fwd b{batch} h{heads}/{shared} q{queries} k{keys} d{size}",
            4.0 * batch * heads * queries * keys * size,
            8.0 * batch * shared * keys * size,
            Memory.ByWidth(() => Attention<V512>.Forward(problem), () => Attention<V256>.Forward(problem), () => Attention<V128>.Forward(problem)),
            () => nn.functional.scaled_dot_product_attention(turned[0], turned[1], turned[2]).Dispose());
    }

    private static void Train(Tensor q, Tensor k, Tensor v, Tensor gradient, float dropout, bool causal)
    {
        using var scope = NewDisposeScope();
        using var enabled = enable_grad();
        Tensor a = q.detach().requires_grad_();
        Tensor b = k.detach().requires_grad_();
        Tensor c = v.detach().requires_grad_();
        autograd.grad([nn.functional.scaled_dot_product_attention(a, b, c, null, dropout, causal)], [a, b, c], [gradient]);
    }
}
