using System.Globalization;
using System.Numerics;

namespace ModelGen.Monitoring;

/// <summary>
/// A shape made of pen strokes, written as text: points <c>x,y</c> on a grid of 100 x 100 (y down) joined by a smooth curve,
/// <c>!</c> after a point makes it a corner, <c>|</c> lifts the pen.
/// </summary>
internal sealed class StrokePath
{
    private const int StepsPerSegment = 7;

    private StrokePath(Vector2[] points, bool[] corners, int[] strokeEnds)
    {
        Points = points;
        Corners = corners;
        StrokeEnds = strokeEnds;
    }

    /// <summary>Control points of all strokes, in [0, 1].</summary>
    public Vector2[] Points { get; }

    /// <summary>Whether the curve has a corner at a control point.</summary>
    public bool[] Corners { get; }

    /// <summary>For each stroke, the index after its last control point.</summary>
    public int[] StrokeEnds { get; }

    public static StrokePath Parse(string text)
    {
        var points = new List<Vector2>();
        var corners = new List<bool>();
        var ends = new List<int>();
        foreach (string stroke in text.Split('|'))
        {
            foreach (string token in stroke.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                corners.Add(token.EndsWith('!'));
                string[] pair = token.TrimEnd('!').Split(',');
                points.Add(new Vector2(Coordinate(pair[0]), Coordinate(pair[1])));
            }

            ends.Add(points.Count);
        }

        return new StrokePath([.. points], [.. corners], [.. ends]);
    }

    /// <summary>Samples the curves through the given control points (this path's own, or moved ones).</summary>
    /// <param name="controls">One point for each of <see cref="Points"/>.</param>
    /// <param name="curve">Receives the sampled points, stroke after stroke.</param>
    /// <param name="curveEnds">Receives, for each stroke, the index after its last sampled point.</param>
    public void Flatten(ReadOnlySpan<Vector2> controls, List<Vector2> curve, List<int> curveEnds)
    {
        int start = 0;
        foreach (int end in StrokeEnds)
        {
            int pieceStart = start;
            for (int i = start + 1; i < end; i++)
            {
                if (Corners[i] || i == end - 1)
                {
                    FlattenPiece(controls[pieceStart..(i + 1)], curve);
                    pieceStart = i;
                }
            }

            curve.Add(controls[end - 1]);
            curveEnds.Add(curve.Count);
            start = end;
        }
    }

    /// <summary>Catmull-Rom through the piece's points, without its last point (the next piece or the caller adds it).</summary>
    private static void FlattenPiece(ReadOnlySpan<Vector2> piece, List<Vector2> curve)
    {
        for (int i = 0; i + 1 < piece.Length; i++)
        {
            Vector2 p1 = piece[i];
            Vector2 p2 = piece[i + 1];
            // A piece of two points is straight; at an open end the neighbour that is missing is the reflection of the one that is there.
            Vector2 p0 = i > 0 ? piece[i - 1] : (2 * p1) - p2;
            Vector2 p3 = i + 2 < piece.Length ? piece[i + 2] : (2 * p2) - p1;
            for (int step = 0; step < StepsPerSegment; step++)
            {
                float t = step / (float)StepsPerSegment;
                Vector2 linear = p2 - p0;
                Vector2 quadratic = (2 * p0) - (5 * p1) + (4 * p2) - p3;
                Vector2 cubic = (3 * (p1 - p2)) + p3 - p0;
                curve.Add(p1 + (0.5f * t * (linear + (t * (quadratic + (t * cubic))))));
            }
        }
    }

    private static float Coordinate(string text) => float.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) / 100;
}
