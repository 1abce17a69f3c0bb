namespace ModelGen.Kernels;

/// <content>Images in the form of the panels: each number is rounded once, not once for each tap that sees it, and products then read the image as they read one of floats.</content>
public static unsafe partial class Convolution<V>
{
    /// <summary>Numbers that are worth a worker.</summary>
    private const nint RoundedPiece = 8192;

    /// <summary>Numbers that are rounded beside the image at a time, a multiple of all vectors.</summary>
    private const int SmallPiece = 64;

    /// <summary>An image whose pixels are whole places. It lies in memory of the calling thread until the next one is made.</summary>
    private static float* Rounded<TFormat>(float* image, nint pixels, nint channels)
        where TFormat : struct, IPanelFormat<V>
    {
        nint places = Ceiling(channels, TFormat.Numbers);
        float* target = Scratch.Images((pixels * places) + 64);

        // Pixels without a gap between them are one line.
        bool whole = channels % TFormat.Numbers == 0;
        nint numbers = pixels * channels;
        var job = new RoundedJob<TFormat>
        {
            Source = image,
            Numbers = whole ? numbers : channels,
            Target = target,
            Line = whole ? RoundedPiece : channels,
            Places = whole ? RoundedPiece / TFormat.Numbers : places,
            Whole = whole,
        };
        Workers.Run(ref job, whole ? Ceiling(numbers, RoundedPiece) : pixels, whole ? 4 : 1 + (4 * RoundedPiece / Math.Max(1, channels)));
        return target;
    }

    /// <summary>Each unit is a piece of the image, or a pixel.</summary>
    private struct RoundedJob<TFormat> : IRange
        where TFormat : struct, IPanelFormat<V>
    {
        public float* Source;
        public nint Numbers;
        public float* Target;
        public nint Line;
        public nint Places;
        public bool Whole;

        public readonly void Run(nint from, nint to, int worker)
        {
            if (Whole)
            {
                // Pieces are whole vectors, so that nothing of the next one is overwritten.
                for (nint piece = from; piece < to; piece++)
                {
                    TFormat.Line(Source + (piece * Line), Math.Min(Line, Numbers - (piece * Line)), Target + (piece * Places));
                }

                return;
            }

            nint next = from;
            for (; next + V.Count < to; next++)
            {
                TFormat.Line(Source + (next * Line), Line, Target + (next * Places));
            }

            // What is written past the last pixels belongs to another worker, who may have been there already.
            float* line = stackalloc float[SmallPiece];
            for (; next < to; next++)
            {
                for (nint channel = 0; channel < Line; channel += SmallPiece)
                {
                    nint count = Math.Min(SmallPiece, Line - channel);
                    TFormat.Line(Source + (next * Line) + channel, count, line);
                    nint places = Ceiling(count, TFormat.Numbers);
                    Buffer.MemoryCopy(line, Target + (next * Places) + (channel / TFormat.Numbers), places * sizeof(float), places * sizeof(float));
                }
            }
        }
    }
}
