using TorchSharp;
using static TorchSharp.torch;
using Scalar = TorchSharp.Scalar;

namespace ModelGen;

/// <content>Attention.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Scaled dot-product attention; a query whose keys are all masked gives NaN, as softmax does.</summary>
    /// <param name="q">Queries [..., T, d].</param>
    /// <param name="k">Keys [..., S, d].</param>
    /// <param name="v">Values [..., S, e].</param>
    /// <param name="mask">Numbers added to the scores; null for none.</param>
    /// <param name="dropped">Factors of the probabilities, from dropout; null for none.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <param name="causal">Whether query i sees the keys 0 to i alone.</param>
    /// <returns>The result [..., T, e] and the logarithms of the sums of exponentials [..., T].</returns>
    public static (Tensor Y, Tensor LogSumExp) Attention(Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor? dropped, double scale, bool causal)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scores = Scores(q, k, mask, scale, causal);
        Tensor logs = scores.logsumexp(-1);
        Tensor weights = scores.softmax(-1);
        Tensor y = torch.matmul(dropped is null ? weights : weights * dropped, v);
        return (y.MoveToOuterDisposeScope(), logs.MoveToOuterDisposeScope());
    }

    /// <summary>Gradients of <see cref="Attention"/>: of queries, keys and values (Dao et al., arXiv:2205.14135, appendix B.2).</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="mask">Numbers added to the scores; null for none.</param>
    /// <param name="dropped">Factors of the probabilities; null for none.</param>
    /// <param name="logs">Logarithms of the sums of exponentials.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <param name="causal">Whether query i sees the keys 0 to i alone.</param>
    public static (Tensor Q, Tensor K, Tensor V) AttentionBackward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor? dropped, Tensor logs, double scale, bool causal)
    {
        (Tensor dq, Tensor dk, Tensor dv, Tensor ds) = AttentionBackwardWithMask(gradient, q, k, v, mask, dropped, logs, scale, causal);
        ds.Dispose();
        return (dq, dk, dv);
    }

    /// <summary>As <see cref="AttentionBackward"/>, and the gradient of the scores, which is that of the mask before broadcasting.</summary>
    public static (Tensor Q, Tensor K, Tensor V, Tensor Scores) AttentionBackwardWithMask(
        Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor? dropped, Tensor logs, double scale, bool causal)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = (Scores(q, k, mask, scale, causal) - logs.unsqueeze(-1)).exp();
        Tensor kept = dropped is null ? weights : weights * dropped;
        Tensor dv = torch.matmul(kept.transpose(-1, -2), gradient);
        Tensor dw = torch.matmul(gradient, v.transpose(-1, -2));
        dw = dropped is null ? dw : dw * dropped;
        Tensor ds = weights * (dw - (weights * dw).sum(-1, keepdim: true));
        using Scalar factor = scale;
        Tensor dq = torch.matmul(ds, k).mul(factor);
        Tensor dk = torch.matmul(ds.transpose(-1, -2), q).mul(factor);
        return (dq.MoveToOuterDisposeScope(), dk.MoveToOuterDisposeScope(), dv.MoveToOuterDisposeScope(), ds.MoveToOuterDisposeScope());
    }

    private static Tensor Scores(Tensor q, Tensor k, Tensor? mask, double scale, bool causal)
    {
        using Scalar factor = scale;
        Tensor scores = torch.matmul(q, k.transpose(-1, -2)).mul(factor);
        scores = mask is null ? scores : scores + mask;
        return causal ? MaskedFill(scores, CausalMask(scores.shape[^2], scores.shape[^1], scores.device), double.NegativeInfinity) : scores;
    }
}
