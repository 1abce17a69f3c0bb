using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Averages of all parameters in a buffer of their layout.</summary>
internal sealed unsafe class WeightAverages(FlatBuffer parameters) : IDisposable
{
    /// <summary>The averages.</summary>
    public FlatBuffer Buffer { get; } = parameters.Like();

    /// <summary>How many weights they are the average of.</summary>
    public long Count { get; set; }

    /// <summary>Moves the averages towards the weights.</summary>
    /// <param name="weight">Weight of the new ones; ignored for the first, which become the averages.</param>
    public void Add(double weight)
    {
        Count++;
        if (Count == 1)
        {
            using IDisposable guard = no_grad();
            Buffer.Data.copy_(parameters.Data).DisposeAliasOf(Buffer.Data);
            return;
        }

        if (Buffer.Address is not null && KernelSwitch.IsOn)
        {
            switch (Hardware.VectorBits)
            {
                case 512:
                    FlatSums<V512>.Lerp(Buffer.Address, parameters.Address, (nint)Buffer.Count, (float)weight);
                    break;
                case 256:
                    FlatSums<V256>.Lerp(Buffer.Address, parameters.Address, (nint)Buffer.Count, (float)weight);
                    break;
                default:
                    FlatSums<V128>.Lerp(Buffer.Address, parameters.Address, (nint)Buffer.Count, (float)weight);
                    break;
            }

            return;
        }

        using (no_grad())
        {
            using Tensor difference = parameters.Data - Buffer.Data;
            using Scalar factor = weight;
            Buffer.Data.add_(difference, factor).DisposeAliasOf(Buffer.Data);
        }
    }

    /// <summary>Exchanges the averages and the weights; a second call restores both.</summary>
    public void Swap()
    {
        using IDisposable guard = no_grad();
        using Tensor kept = parameters.Data.clone();
        parameters.Data.copy_(Buffer.Data).DisposeAliasOf(parameters.Data);
        Buffer.Data.copy_(kept).DisposeAliasOf(Buffer.Data);
    }

    public void Dispose() => Buffer.Dispose();
}
