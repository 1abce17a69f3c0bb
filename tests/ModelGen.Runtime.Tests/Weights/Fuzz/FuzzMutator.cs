using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>Damages files in the ways that find faults in readers; the same number gives the same damage.</summary>
internal sealed class FuzzMutator(FuzzSeed[] seeds)
{
    // Lengths, counts and offsets at which arithmetic goes wrong.
    private static readonly long[] Numbers =
    [
        0, 1, 2, 127, 128, 255, 256, 65535, 65536, int.MaxValue, (long)int.MaxValue + 1, uint.MaxValue, 1L << 40, (1L << 62) - 1, long.MaxValue, -1, long.MinValue, 99_999_999, 100_000_001,
    ];

    private static readonly byte[] Openers = "[({]}d)l"u8.ToArray();

    /// <summary>The seed of a number.</summary>
    public FuzzSeed SeedOf(int number) => seeds[number % seeds.Length];

    /// <summary>A damaged file; about one in 500 is not damaged at all.</summary>
    public byte[] File(int number)
    {
        var random = new Random(number);
        FuzzSeed seed = SeedOf(number);
        byte[] bytes = [.. seed.Bytes];
        for (int times = random.Next(500) == 0 ? 0 : 1 + (int)Math.Floor(-Math.Log(1 - random.NextDouble()) * 1.5); times > 0; times--)
        {
            bytes = Mutated(bytes, random);
        }

        return seed.Wrap(bytes);
    }

    private byte[] Mutated(byte[] bytes, Random random)
    {
        int at = random.Next(bytes.Length + 1), length = Math.Min(random.Next(1, 40), bytes.Length - at);
        switch (random.Next(12))
        {
            case 0 or 1 when at < bytes.Length:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2 when at < bytes.Length:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 3:
                return bytes[..at];
            case 4:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 5:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case 6:
                byte[] other = seeds[random.Next(seeds.Length)].Bytes;
                int from = random.Next(other.Length);
                return [.. bytes[..at], .. other[from..Math.Min(other.Length, from + random.Next(1, 200))], .. bytes[(at + length)..]];
            case 7 or 8:
                return WithNumber(bytes, at, random);
            case 9:
                return [.. bytes[..at], .. Enumerable.Repeat(Openers[random.Next(Openers.Length)], 1 << random.Next(13)), .. bytes[at..]];
            case 10:
                return WithDigits(bytes, at, random);
            default:
                // Swaps two pieces.
                int second = random.Next(bytes.Length + 1);
                (int low, int high) = (Math.Min(at, second), Math.Max(at, second));
                return [.. bytes[high..], .. bytes[low..high], .. bytes[..low]];
        }
    }

    /// <summary>Writes a number of 1, 2, 4 or 8 bytes over the file, little- or big-endian.</summary>
    private static byte[] WithNumber(byte[] bytes, int at, Random random)
    {
        long number = random.Next(3) == 0 ? bytes.Length + random.Next(-2, 3) : Numbers[random.Next(Numbers.Length)];
        Span<byte> eight = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(eight, number);
        Span<byte> written = eight[..(1 << random.Next(4))];
        if (random.Next(4) == 0)
        {
            written.Reverse();
        }

        written[..Math.Min(written.Length, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>Puts another number in the place of the next decimal one, as in JSON.</summary>
    private static byte[] WithDigits(byte[] bytes, int at, Random random)
    {
        int start = at + Math.Max(0, bytes.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9')), end = start;
        while (end < bytes.Length && char.IsAsciiDigit((char)bytes[end]))
        {
            end++;
        }

        return [.. bytes[..start], .. Encoding.ASCII.GetBytes(Numbers[random.Next(Numbers.Length)].ToString(CultureInfo.InvariantCulture)), .. bytes[end..]];
    }
}
