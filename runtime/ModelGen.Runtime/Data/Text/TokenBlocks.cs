using System.Text;
using Microsoft.ML.Tokenizers;

namespace ModelGen.Data;

/// <summary>Blocks of a long sequence of tokens for a language model: the input is a block, the target the same block one token later.</summary>
public sealed class TokenBlocks : Dataset
{
    private readonly long[] tokens;
    private readonly int block;
    private readonly int stride;

    /// <summary>Blocks of tokens.</summary>
    /// <param name="tokens">The tokens; not copied.</param>
    /// <param name="block">Tokens of a block, at least 1.</param>
    /// <param name="stride">From one block's start to the next; null for a block, so that no token is seen twice as an input. 1 gives every position.</param>
    /// <exception cref="ArgumentException">There are not enough tokens for a block and the one behind it.</exception>
    public TokenBlocks(long[] tokens, int block, int? stride = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        this.stride = stride ?? block;
        ArgumentOutOfRangeException.ThrowIfLessThan(this.stride, 1, nameof(stride));
        if (tokens.Length < block + 1)
        {
            throw new ArgumentException($"{tokens.Length} tokens are too few for a block of {block} and the token behind it.", nameof(tokens));
        }

        (this.tokens, this.block) = (tokens, block);
        Count = ((tokens.Length - block - 1) / this.stride) + 1;
        Inputs = [new FieldSpec("tokens", ElementType.Int64, [block])];
        Target = new FieldSpec("next", ElementType.Int64, [block]);
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs { get; }

    /// <inheritdoc/>
    public override FieldSpec Target { get; }

    /// <summary>Blocks of a text file, by byte-pair encoding or another tokenizer of Microsoft.ML.Tokenizers.</summary>
    /// <param name="path">The file, UTF-8.</param>
    /// <param name="tokenizer">The tokenizer, such as <c>BpeTokenizer.Create(vocabulary, merges)</c> or <c>TiktokenTokenizer.CreateForModel("gpt-4")</c>.</param>
    /// <param name="block">Tokens of a block, at least 1.</param>
    /// <param name="stride">From one block's start to the next; null for a block.</param>
    /// <returns>The blocks.</returns>
    /// <exception cref="DataFormatException">The file is missing, not UTF-8, or too short.</exception>
    public static TokenBlocks FromFile(string path, Tokenizer tokenizer, int block, int? stride = null) =>
        Create(path, [.. tokenizer.EncodeToIds(ReadText(path)).Select(static token => (long)token)], block, stride);

    /// <summary>Blocks of a text file, by characters.</summary>
    /// <param name="path">The file, UTF-8.</param>
    /// <param name="block">Characters of a block, at least 1.</param>
    /// <param name="vocabulary">The file's characters, in order.</param>
    /// <param name="stride">From one block's start to the next; null for a block.</param>
    /// <returns>The blocks.</returns>
    /// <exception cref="DataFormatException">The file is missing, not UTF-8, or too short.</exception>
    public static TokenBlocks FromFile(string path, int block, out CharVocabulary vocabulary, int? stride = null)
    {
        string text = ReadText(path);
        vocabulary = new CharVocabulary(text);
        return Create(path, vocabulary.Encode(text), block, stride);
    }

    /// <summary>The text of a file; bytes that are no UTF-8 are refused.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The text, not empty.</returns>
    /// <exception cref="DataFormatException">The file is missing, empty or not UTF-8; the message gives the byte.</exception>
    public static string ReadText(string path)
    {
        try
        {
            string text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
            return text.Length > 0 ? text : throw new DataFormatException($"{path}: empty: it holds no text.");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new DataFormatException($"{path}: not UTF-8: byte {exception.Index} begins no character.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public override void Read(int index, Sample sample)
    {
        int start = checked(index * stride);
        tokens.AsSpan(start, block).CopyTo(sample.Input<long>());
        tokens.AsSpan(start + 1, block).CopyTo(sample.Target<long>());
    }

    private static TokenBlocks Create(string path, long[] tokens, int block, int? stride) => tokens.Length > block
        ? new TokenBlocks(tokens, block, stride)
        : throw new DataFormatException($"{path}: too short: {tokens.Length} tokens, a block of {block} and the token behind it need {block + 1}.");
}
