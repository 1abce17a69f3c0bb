using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>The numbers of a tensor as bytes: row-major without gaps.</summary>
internal static unsafe class TensorBytes
{
    /// <summary>Shows the bytes of a tensor of any device and layout piece by piece. A tensor that is not contiguous on the CPU is copied for that time.</summary>
    public static void Visit(Tensor tensor, Action<ReadOnlySpan<byte>> piece)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable guard = no_grad();
        Tensor dense = tensor.detach().cpu().contiguous();
        const int Piece = 1 << 26;
        long count = dense.numel() * dense.element_size();
        byte* start = count == 0 ? null : (byte*)AtenC.Address(dense);
        for (long done = 0; done < count; done += Piece)
        {
            piece(new ReadOnlySpan<byte>(start + done, (int)Math.Min(Piece, count - done)));
        }

        GC.KeepAlive(dense);
    }

    /// <summary>Whether two contiguous tensors on the CPU, of one type and shape, have the same bits.</summary>
    public static bool AreSame(Tensor left, Tensor right)
    {
        const int Piece = 1 << 26;
        long count = left.numel() * left.element_size();
        byte* first = (byte*)AtenC.Address(left), second = (byte*)AtenC.Address(right);
        for (long done = 0; done < count; done += Piece)
        {
            int length = (int)Math.Min(Piece, count - done);
            if (!new ReadOnlySpan<byte>(first + done, length).SequenceEqual(new ReadOnlySpan<byte>(second + done, length)))
            {
                return false;
            }
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
        return true;
    }
}
