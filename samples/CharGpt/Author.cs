using System.Text;

namespace CharGpt;

/// <summary>Scores of the next character after each of a text.</summary>
/// <param name="text">Codes of the model's context; what stands behind the text does not matter, as the model looks back only.</param>
/// <param name="scores">Receives the scores, first those of one character at all places.</param>
internal delegate void ScoreNext(ReadOnlySpan<long> text, Span<float> scores);

/// <summary>Writes text with a model, one character after the other.</summary>
internal static class Author
{
    /// <summary>Goes on with a text.</summary>
    /// <param name="model">The model, or its exported file.</param>
    /// <param name="prompt">Text to go on with, at least one character.</param>
    /// <param name="length">Characters to write.</param>
    /// <param name="seed">Seed of the choice: each character is drawn by its probability.</param>
    public static string Write(ScoreNext model, string prompt, int length, int seed)
    {
        var random = new Random(seed);
        List<long> text = [.. Alphabet.Encode(prompt)];
        long[] window = new long[GptNet.Context];
        float[] scores = new float[Alphabet.Size * GptNet.Context];
        var written = new StringBuilder(prompt);
        for (int i = 0; i < length; i++)
        {
            int known = Math.Min(text.Count, GptNet.Context);
            Array.Clear(window);
            text.CopyTo(text.Count - known, window, 0, known);
            model(window, scores);
            int next = Draw(scores, known - 1, random.NextDouble());
            text.Add(next);
            written.Append(Alphabet.Decode(next));
        }

        return written.ToString();
    }

    /// <summary>Draws from the softmax of the scores at a place, sharpened by a temperature of 0.8.</summary>
    private static int Draw(float[] scores, int place, double chance)
    {
        const double Temperature = 0.8;
        double[] weights = [.. Enumerable.Range(0, Alphabet.Size).Select(code => scores[(code * GptNet.Context) + place] / Temperature)];
        double most = weights.Max(), left = chance * weights.Sum(weight => Math.Exp(weight - most));
        int code = 0;
        while (code < Alphabet.Size - 1 && (left -= Math.Exp(weights[code] - most)) > 0)
        {
            code++;
        }

        return code;
    }
}
