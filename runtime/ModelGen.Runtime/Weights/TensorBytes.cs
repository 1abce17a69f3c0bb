using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>The numbers of a tensor as bytes: row-major without gaps.</summary>
internal static unsafe class TensorBytes
{
    /// <summary>Writes the numbers of a tensor of any device and layout. A tensor that is not contiguous on the CPU is copied for that time.</summary>
    public static void Write(Tensor tensor, long count, Stream stream)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable guard = no_grad();
        Tensor dense = tensor.detach().cpu().contiguous();
        const int Piece = 1 << 26;
        byte* start = (byte*)AtenC.Address(dense);
        for (long done = 0; done < count; done += Piece)
        {
            stream.Write(new ReadOnlySpan<byte>(start + done, (int)Math.Min(Piece, count - done)));
        }

        GC.KeepAlive(dense);
    }
}
