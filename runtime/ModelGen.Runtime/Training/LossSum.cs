using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Sum of losses weighted by samples: in a number where reading the loss waits for nothing, on the device elsewhere.</summary>
internal sealed unsafe class LossSum : IDisposable
{
    private readonly Tensor loss;
    private readonly float* address;
    private readonly Tensor? onDevice;
    private double sum;

    public LossSum(Tensor loss)
    {
        this.loss = loss;
        if (loss.device_type == DeviceType.CPU && loss.dtype == ScalarType.Float32)
        {
            address = (float*)AtenC.Address(loss);
        }
        else
        {
            onDevice = zeros([], ScalarType.Float64, loss.device).DetachFromDisposeScope();
        }
    }

    /// <summary>The sum; reading it waits for the device.</summary>
    public double Value
    {
        get => onDevice?.ToDouble() ?? sum;
        set
        {
            sum = value;
            if (onDevice is not null)
            {
                using Scalar start = value;
                onDevice.fill_(start).DisposeAliasOf(onDevice);
            }
        }
    }

    /// <summary>Adds the loss as it is now.</summary>
    public void Add(int samples)
    {
        if (onDevice is null)
        {
            sum += (double)*address * samples;
            return;
        }

        using Tensor wide = loss.to_type(ScalarType.Float64);
        using Tensor weighted = TensorOps.Multiply(wide, samples);
        onDevice.add_(weighted).DisposeAliasOf(onDevice);
    }

    public void Dispose() => onDevice?.Dispose();
}
