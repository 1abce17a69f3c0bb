using System.Text;

namespace ModelGen.Data;

/// <summary>Characters as tokens: Unicode scalar values, numbered in the order of their code points.</summary>
public sealed class CharVocabulary
{
    private readonly Rune[] characters;
    private readonly Dictionary<Rune, long> numbers;

    /// <summary>The characters of a text.</summary>
    /// <param name="text">The text, not empty.</param>
    /// <exception cref="ArgumentException">The text is empty.</exception>
    public CharVocabulary(string text)
    {
        characters = [.. text.EnumerateRunes().Distinct().Order()];
        if (characters.Length == 0)
        {
            throw new ArgumentException("The text is empty.", nameof(text));
        }

        numbers = characters.Select(static (character, index) => (character, index)).ToDictionary(static pair => pair.character, static pair => (long)pair.index);
    }

    /// <summary>Number of characters.</summary>
    public int Count => characters.Length;

    /// <summary>The characters, by token: what <see cref="CharVocabulary(string)"/> makes the same vocabulary from.</summary>
    public string Characters => string.Concat(characters);

    /// <summary>Tokens of a text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>One token per character.</returns>
    /// <exception cref="ArgumentException">A character is not in the vocabulary; the message gives its place.</exception>
    public long[] Encode(string text)
    {
        var tokens = new List<long>(text.Length);
        foreach (Rune character in text.EnumerateRunes())
        {
            tokens.Add(numbers.TryGetValue(character, out long token)
                ? token
                : throw new ArgumentException($"Character {tokens.Count} of the text, U+{character.Value:X4}, is not in the vocabulary of {Count}.", nameof(text)));
        }

        return [.. tokens];
    }

    /// <summary>The text of tokens.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <returns>The text.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary.</exception>
    public string Decode(IEnumerable<long> tokens)
    {
        var text = new StringBuilder();
        foreach (long token in tokens)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(token, nameof(tokens));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, characters.Length, nameof(tokens));
            text.Append(characters[token].ToString());
        }

        return text.ToString();
    }
}
