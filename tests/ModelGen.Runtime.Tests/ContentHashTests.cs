using ModelGen.Kernels;

namespace ModelGen.Runtime.Tests;

/// <summary>Hashes of weights: any change must be seen.</summary>
public sealed unsafe class ContentHashTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(1000)]
    [InlineData(70_000)]
    public void SeesEveryChange(int bytes)
    {
        using var block = new NativeMemoryBlock(bytes);
        var random = new Random(bytes);
        var memory = new Span<byte>((byte*)block.Address, bytes);
        random.NextBytes(memory);
        ulong before = Hash(block, bytes);
        Assert.Equal(before, Hash(block, bytes));
        for (int i = 0; i < bytes; i += Math.Max(1, bytes / 500))
        {
            memory[i] ^= (byte)(1 << random.Next(8));
            Assert.NotEqual(before, Hash(block, bytes));
            random.NextBytes(memory);
            before = Hash(block, bytes);
        }
    }

    /// <summary>Negated tensors differ in the highest bits alone, swapped numbers in their order.</summary>
    [Fact]
    public void SeesSignsAndOrder()
    {
        using var block = new NativeMemoryBlock(4096);
        var numbers = new Span<float>((float*)block.Address, 1024);
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = i + 1;
        }

        var seen = new HashSet<ulong> { Hash(block, 4096) };
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = -numbers[i];
            Assert.True(seen.Add(Hash(block, 4096)));
        }

        for (int distance = 1; distance < 512; distance *= 2)
        {
            (numbers[0], numbers[distance]) = (numbers[distance], numbers[0]);
            Assert.True(seen.Add(Hash(block, 4096)));
        }
    }

    private static ulong Hash(NativeMemoryBlock block, int bytes)
    {
        var piece = new ContentHash.Piece { Start = (byte*)block.Address, Bytes = bytes };
        ContentHash.Run(&piece, 1);
        return piece.Hash;
    }
}
