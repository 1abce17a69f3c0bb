namespace ModelGen.Kernels.Tests;

/// <summary>Random bits against the algorithm written with plain integers, and against known answers of its authors.</summary>
public sealed unsafe class PhiloxTests
{
    [Theory]
    [InlineData(0ul, 0ul, 0ul, new uint[] { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 })]
    [InlineData(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, new uint[] { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd })]
    [InlineData(0x299f31d0a4093822ul, 0x85a308d3243f6a88ul, 0x0370734413198a2eul, new uint[] { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 })]
    public void KnownAnswers(ulong seed, ulong low, ulong high, uint[] expected) => Assert.Equal(expected, Reference(seed, (uint)low, (uint)(low >> 32), (uint)high, (uint)(high >> 32)));

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EqualsTheScalarAlgorithm(int bits) => Widths.Run(bits, new AgainstScalar());

    /// <summary>The algorithm, one counter at a time.</summary>
    internal static uint[] Reference(ulong seed, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)seed;
        uint k1 = (uint)(seed >> 32);
        for (int i = 0; i < 10; i++)
        {
            ulong a = 0xD2511F53ul * c0;
            ulong b = 0xCD9E8D57ul * c2;
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        return [c0, c1, c2, c3];
    }

    private sealed class AgainstScalar : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            float* lanes = stackalloc float[4 * V.Count];
            foreach ((ulong seed, ulong stream, ulong counter) in ((ulong, ulong, ulong)[])[(0, 0, 0), (42, 7, 1600), (0xFEDCBA9876543210, 0x123456789ABCDEF0, 0xFFFFFFFFFFFFFFF0), (1, 2, 0x1_0000_0000)])
            {
                Philox.Next4(seed, stream, counter, out V x0, out V x1, out V x2, out V x3);
                x0.Store(lanes);
                x1.Store(lanes + V.Count);
                x2.Store(lanes + (2 * V.Count));
                x3.Store(lanes + (3 * V.Count));
                for (int i = 0; i < V.Count; i++)
                {
                    ulong lane = counter + (ulong)i;
                    uint[] expected = Reference(seed, (uint)lane, (uint)(lane >> 32), (uint)stream, (uint)(stream >> 32));
                    for (int word = 0; word < 4; word++)
                    {
                        Assert.Equal(expected[word], ((uint*)lanes)[(word * V.Count) + i]);
                    }
                }

                V.UnitInterval(x0).Store(lanes);
                Philox.Keep(x0, V.All(0.25f)).Store(lanes + V.Count);
                for (int i = 0; i < V.Count; i++)
                {
                    ulong lane = counter + (ulong)i;
                    uint word = Reference(seed, (uint)lane, (uint)(lane >> 32), (uint)stream, (uint)(stream >> 32))[0];
                    Assert.Equal((word >> 8) / 16777216f, lanes[i]);
                    Assert.Equal(word >> 8 >= 1 << 22 ? uint.MaxValue : 0, ((uint*)lanes)[V.Count + i]);
                }
            }
        }
    }
}
