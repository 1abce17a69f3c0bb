using System.Numerics;
using SkiaSharp;

namespace ModelGen.Monitoring;

/// <summary>
/// A plain single-stroke alphabet, so that labels look the same everywhere: a bare Linux machine has no fonts, and there
/// SkiaSharp draws no text at all. Capital letters only; lower case is written in capitals, and a character that the alphabet lacks is an empty box.
/// </summary>
internal static class StrokeFont
{
    private const float Advance = 0.72f;

    private static readonly StrokePath Box = StrokePath.Parse("24,4! 24,96! 76,96! 76,4! 24,4");

    private static readonly Dictionary<char, StrokePath> Glyphs = new()
    {
        ['0'] = StrokePath.Parse("50,0 26,12 20,50 26,88 50,100 74,88 80,50 74,12 50,0"),
        ['1'] = StrokePath.Parse("28,22 54,0! 54,100"),
        ['2'] = StrokePath.Parse("22,22 34,4 60,2 78,20 72,44 20,100! 80,100"),
        ['3'] = StrokePath.Parse("22,10 48,0 74,10 74,34 46,46! 76,56 80,82 52,100 20,90"),
        ['4'] = StrokePath.Parse("64,100 64,0! 18,68! 84,68"),
        ['5'] = StrokePath.Parse("74,0 28,0! 24,44! 52,38 78,52 78,84 50,100 20,90"),
        ['6'] = StrokePath.Parse("68,0 36,26 20,62 30,94 56,100 80,82 76,54 50,46 24,60"),
        ['7'] = StrokePath.Parse("20,0 80,0! 42,100"),
        ['8'] = StrokePath.Parse("50,46 26,36 26,10 50,0 74,10 74,36 50,46 22,60 22,88 50,100 78,88 78,60 50,46"),
        ['9'] = StrokePath.Parse("76,40 50,54 24,46 20,18 44,0 70,6 80,38 64,74 32,100"),
        ['A'] = StrokePath.Parse("16,100 50,0! 84,100 | 30,64 70,64"),
        ['B'] = StrokePath.Parse("22,0! 22,100! 54,100 78,90 78,60 54,48! 22,48 | 54,48 72,40 72,10 54,0! 22,0"),
        ['C'] = StrokePath.Parse("80,16 58,0 34,6 20,32 20,68 34,94 58,100 80,84"),
        ['D'] = StrokePath.Parse("22,0! 22,100! 46,100 76,82 80,50 76,18 46,0! 22,0"),
        ['E'] = StrokePath.Parse("78,0 22,0! 22,100! 78,100 | 22,48 68,48"),
        ['F'] = StrokePath.Parse("78,0 22,0! 22,100 | 22,48 68,48"),
        ['G'] = StrokePath.Parse("80,16 58,0 34,6 20,32 20,68 34,94 58,100 80,88! 80,54! 56,54"),
        ['H'] = StrokePath.Parse("20,0 20,100 | 80,0 80,100 | 20,48 80,48"),
        ['I'] = StrokePath.Parse("50,0 50,100"),
        ['J'] = StrokePath.Parse("68,0! 68,74 58,96 40,100 24,88"),
        ['K'] = StrokePath.Parse("22,0 22,100 | 78,0 22,58 | 42,38 80,100"),
        ['L'] = StrokePath.Parse("22,0 22,100! 76,100"),
        ['M'] = StrokePath.Parse("14,100 14,0! 50,60! 86,0! 86,100"),
        ['N'] = StrokePath.Parse("20,100 20,0! 80,100! 80,0"),
        ['O'] = StrokePath.Parse("50,0 24,12 16,50 24,88 50,100 76,88 84,50 76,12 50,0"),
        ['P'] = StrokePath.Parse("22,100 22,0! 54,0 78,12 78,42 54,54! 22,54"),
        ['Q'] = StrokePath.Parse("50,0 24,12 16,50 24,88 50,100 76,88 84,50 76,12 50,0 | 58,76 84,106"),
        ['R'] = StrokePath.Parse("22,100 22,0! 54,0 78,12 78,42 54,54! 22,54 | 50,54 80,100"),
        ['S'] = StrokePath.Parse("78,12 52,0 26,10 26,34 50,46 76,60 76,88 50,100 20,88"),
        ['T'] = StrokePath.Parse("14,0 86,0 | 50,0 50,100"),
        ['U'] = StrokePath.Parse("20,0! 20,66 30,94 50,100 70,94 80,66 80,0"),
        ['V'] = StrokePath.Parse("16,0 50,100! 84,0"),
        ['W'] = StrokePath.Parse("10,0 30,100! 50,30! 70,100! 90,0"),
        ['X'] = StrokePath.Parse("18,0 82,100 | 82,0 18,100"),
        ['Y'] = StrokePath.Parse("16,0 50,50! 84,0 | 50,50 50,100"),
        ['Z'] = StrokePath.Parse("20,0 80,0! 20,100! 80,100"),
        ['%'] = StrokePath.Parse("80,0 20,100 | 26,4 14,16 26,28 38,16 26,4 | 74,72 62,84 74,96 86,84 74,72"),
        ['>'] = StrokePath.Parse("8,52 90,52 | 62,26 92,52! 62,78"),
        ['-'] = StrokePath.Parse("28,52 72,52"),
        ['+'] = StrokePath.Parse("22,52 78,52 | 50,24 50,80"),
        ['/'] = StrokePath.Parse("78,0 22,100"),
        ['.'] = StrokePath.Parse("50,97 51,100"),
        [','] = StrokePath.Parse("52,94 44,114"),
        [':'] = StrokePath.Parse("50,34 51,37 | 50,91 51,94"),
        ['('] = StrokePath.Parse("62,-8 44,22 44,80 62,110"),
        ['_'] = StrokePath.Parse("14,104 86,104"),
        [')'] = StrokePath.Parse("38,-8 56,22 56,80 38,110"),
    };

    /// <summary>Width of a text in pixels.</summary>
    /// <param name="text">Letters, figures, and the signs <c>% . , : + - / ( )</c>; <c>&gt;</c> is drawn as an arrow.</param>
    /// <param name="height">Height of a capital in pixels.</param>
    public static float Measure(string text, float height) => text.Length * Advance * height;

    /// <summary>Writes a line of text.</summary>
    /// <param name="canvas">Where to draw.</param>
    /// <param name="text">See <see cref="Measure"/>.</param>
    /// <param name="x">Left edge.</param>
    /// <param name="y">Top of the capitals.</param>
    /// <param name="height">Height of a capital in pixels.</param>
    /// <param name="color">Ink.</param>
    public static void Draw(SKCanvas canvas, string text, float x, float y, float height, SKColor color)
    {
        using var paint = new SKPaint
        {
            Color = color,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = MathF.Max(1.1f, height * 0.115f),
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
        };
        foreach (char character in text.ToUpperInvariant())
        {
            if (character != ' ')
            {
                using SKPath path = Place(Glyphs.GetValueOrDefault(character, Box), x, y, height);
                canvas.DrawPath(path, paint);
            }

            x += Advance * height;
        }
    }

    /// <summary>A glyph is 0.6 as wide as it is high.</summary>
    private static SKPath Place(StrokePath glyph, float x, float y, float height)
    {
        var curve = new List<Vector2>();
        var ends = new List<int>();
        glyph.Flatten(glyph.Points, curve, ends);
        using var path = new SKPathBuilder();
        int start = 0;
        foreach (int end in ends)
        {
            for (int i = start; i < end; i++)
            {
                var point = new SKPoint(x + (0.62f * height * curve[i].X), y + (height * curve[i].Y));
                if (i == start)
                {
                    path.MoveTo(point);
                }
                else
                {
                    path.LineTo(point);
                }
            }

            start = end;
        }

        return path.Detach();
    }
}
