namespace ModelGen.Kernels.Tests;

/// <summary>Masks of dropout.</summary>
public sealed class DropoutTests
{
    /// <summary>One sequence for all widths and any number of workers; shorter masks are the start of longer ones.</summary>
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void TheSequenceIsTheDocumentedOne(int bits) => Widths.Run(bits, new Sequence());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void TheShareIsKept(int bits) => Widths.Run(bits, new Share());

    private sealed class Sequence : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach (int count in (int[])[1, 15, 16, 63, 64, 65, 1000, 20_011])
            {
                using var mask = new TestMemory(count);
                Dropout<V>.Mask(mask.Floats, count, 0.3f, 77, 5);
                for (int i = 0; i < count; i++)
                {
                    uint[] words = Reference(77, 5, (ulong)((i / 64 * 16) + (i % 16)));
                    float number = (words[i / 16 % 4] >> 8) / (float)(1 << 24);
                    Assert.Equal(number < 0.3f ? 0 : 1 / 0.7f, mask[i], 1e-6f);
                }
            }
        }

        /// <summary>Philox4x32-10 in scalar code.</summary>
        private static uint[] Reference(ulong seed, uint stream, ulong counter)
        {
            uint[] c = [(uint)counter, (uint)(counter >> 32), 0, stream];
            (uint k0, uint k1) = ((uint)seed, (uint)(seed >> 32));
            for (int round = 0; round < 10; round++)
            {
                (ulong a, ulong b) = (0xD2511F53UL * c[0], 0xCD9E8D57UL * c[2]);
                c = [(uint)(b >> 32) ^ c[1] ^ k0, (uint)b, (uint)(a >> 32) ^ c[3] ^ k1, (uint)a];
                k0 += 0x9E3779B9;
                k1 += 0xBB67AE85;
            }

            return c;
        }
    }

    private sealed class Share : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            const int Count = 1_000_000;
            using var mask = new TestMemory(Count);
            foreach (float p in (float[])[0, 0.1f, 0.5f, 0.9f])
            {
                Dropout<V>.Mask(mask.Floats, Count, p, 1, 2);
                int dropped = 0;
                foreach (float value in mask.Span)
                {
                    Assert.True(value == 0 || Math.Abs(value - (1 / (1 - p))) < 1e-5f);
                    dropped += value == 0 ? 1 : 0;
                }

                Assert.Equal(p, dropped / (double)Count, 0.003);
            }
        }
    }
}
