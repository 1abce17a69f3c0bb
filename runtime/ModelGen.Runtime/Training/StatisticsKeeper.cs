using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Copies of running statistics, to put them back after a batch that is left out.</summary>
internal sealed class StatisticsKeeper : IDisposable
{
    private readonly (Tensor Live, Tensor Copy)[] buffers;

    public StatisticsKeeper(nn.Module model)
    {
        buffers = [.. model.named_buffers().Where(static pair => pair.name.Length > 0).Select(static pair => (pair.buffer, pair.buffer.clone().DetachFromDisposeScope()))];
    }

    public void Keep()
    {
        using IDisposable guard = no_grad();
        foreach ((Tensor live, Tensor copy) in buffers)
        {
            copy.copy_(live).DisposeAliasOf(copy);
        }
    }

    public void Restore()
    {
        using IDisposable guard = no_grad();
        foreach ((Tensor live, Tensor copy) in buffers)
        {
            live.copy_(copy).DisposeAliasOf(live);
        }
    }

    public void Dispose()
    {
        foreach ((_, Tensor copy) in buffers)
        {
            copy.Dispose();
        }
    }
}
