using System.Text;
using Microsoft.ML.Tokenizers;
using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

public sealed class TextTests : IDisposable
{
    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Characters_AreEncodedAndBack()
    {
        var vocabulary = new CharVocabulary("banané 🙂 ab");
        Assert.Equal(" abné🙂", vocabulary.Characters);
        Assert.Equal([2L, 1, 3, 5], vocabulary.Encode("ban🙂"));
        Assert.Equal("ban🙂é", vocabulary.Decode(vocabulary.Encode("ban🙂é")));
        Assert.Contains("Character 1 of the text, U+007A", Assert.Throws<ArgumentException>(() => vocabulary.Encode("az")).Message, StringComparison.Ordinal);
        Assert.Equal(vocabulary.Encode("nab"), new CharVocabulary(vocabulary.Characters).Encode("nab"));
    }

    [Fact]
    public void Blocks_AreFollowedByTheNextToken()
    {
        TokenBlocks data = TokenBlocks.FromFile(files.Write("a.txt", "abcabcabc"), 3, out CharVocabulary vocabulary);
        Assert.Equal((2, 3), (data.Count, vocabulary.Count));
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 2);
        Assert.Equal([0L, 1, 2, 0, 1, 2], inputs[0].data<long>().ToArray());
        Assert.Equal([1L, 2, 0, 1, 2, 0], target.data<long>().ToArray());
        Assert.Equal(6, new TokenBlocks(vocabulary.Encode("abcabcabc"), 3, stride: 1).Count);
        Assert.Throws<ArgumentException>(() => new TokenBlocks([1, 2, 3], 3));
    }

    [Fact]
    public void BytePairs_MergeAsTheTokenizerSays()
    {
        using var vocabulary = new MemoryStream(Encoding.UTF8.GetBytes("""{"a":0,"b":1,"c":2,"ab":3,"abc":4}"""));
        using var merges = new MemoryStream(Encoding.UTF8.GetBytes("#version: 0.2\na b\nab c\n"));
        BpeTokenizer tokenizer = BpeTokenizer.Create(vocabulary, merges);
        TokenBlocks data = TokenBlocks.FromFile(files.Write("a.txt", "abcabac"), tokenizer, block: 3);
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 1);
        Assert.Equal([4L, 3, 0], inputs[0].data<long>().ToArray());
        Assert.Equal([3L, 0, 2], target.data<long>().ToArray());
    }

    [Fact]
    public void MalformedText_IsRefused()
    {
        string path = files.Write("bad.txt", [97, 98, 0xFF, 99]);
        DataFiles.AssertRefused(() => TokenBlocks.ReadText(path), path, "not UTF-8: byte 2");
        path = files.Write("empty.txt", "");
        DataFiles.AssertRefused(() => TokenBlocks.ReadText(path), path, "empty");
        path = files.Write("short.txt", "abc");
        DataFiles.AssertRefused(() => TokenBlocks.FromFile(path, 3, out _), path, "too short: 3 tokens");
        DataFiles.AssertRefused(() => TokenBlocks.ReadText(files.PathOf("no.txt")), files.PathOf("no.txt"), "no such file");
    }
}
