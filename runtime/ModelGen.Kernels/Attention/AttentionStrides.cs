using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Distances in a tensor of heads; the numbers of a token in a head are contiguous.</summary>
/// <param name="Batch">Distance of samples.</param>
/// <param name="Head">Distance of heads.</param>
/// <param name="Token">Distance of tokens.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct AttentionStrides(nint Batch, nint Head, nint Token)
{
    /// <summary>Memory order [batch, heads, tokens, size], as PyTorch's functions take it.</summary>
    /// <param name="heads">Heads.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="size">Numbers of a token in a head.</param>
    public static AttentionStrides HeadsFirst(nint heads, nint tokens, nint size) => new(heads * tokens * size, tokens * size, size);

    /// <summary>Memory order [batch, tokens, parts, heads, size]: what a linear layer gives, with <paramref name="parts"/> = 3 where queries, keys and values lie side by side.</summary>
    /// <param name="heads">Heads.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="size">Numbers of a token in a head.</param>
    /// <param name="parts">How many tensors of this kind lie side by side.</param>
    public static AttentionStrides TokensFirst(nint heads, nint tokens, nint size, nint parts = 1) => new(tokens * parts * heads * size, size, parts * heads * size);
}
