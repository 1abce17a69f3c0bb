using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Xunit.Abstractions;

namespace ModelGen.Kernels.Tests;

/// <summary>The vector widths that this machine runs; every kernel is tested at each of them.</summary>
public static class Widths
{
    public static TheoryData<int> All
    {
        get
        {
            var data = new TheoryData<int>();
            foreach (int bits in Supported)
            {
                data.Add(bits);
            }

            return data;
        }
    }

    public static IEnumerable<int> Supported
    {
        get
        {
            if (Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported)
            {
                yield return 512;
            }

            if (Avx2.IsSupported && Fma.IsSupported)
            {
                yield return 256;
            }

            if (Sse41.IsSupported || AdvSimd.IsSupported)
            {
                yield return 128;
            }
        }
    }

    /// <summary>Calls a generic body with the register of a width.</summary>
    public static void Run(int bits, IBody body)
    {
        switch (bits)
        {
            case 512:
                body.Run<V512>();
                break;
            case 256:
                body.Run<V256>();
                break;
            default:
                body.Run<V128>();
                break;
        }
    }

    /// <summary>A test written once for all widths.</summary>
    public interface IBody
    {
        void Run<V>()
            where V : unmanaged, IVector<V>;
    }
}

/// <summary>Says which widths were tested, so that a machine without the wide ones does not pass silently.</summary>
public sealed class WidthTests(ITestOutputHelper output)
{
    [Fact]
    public void TheWidthInUseIsTested()
    {
        output.WriteLine($"Tested widths: {string.Join(", ", Widths.Supported)} bits; in use: {Hardware.VectorBits}.");
        Assert.Contains(Hardware.VectorBits, Widths.Supported);
    }
}
