namespace ModelGen.Kernels;

/// <content>
/// Convolutions that follow each other, in inference, some rows of results at a time: what is between them stays in the second cache and is never written to memory. The expanded
/// image of an inverted residual (M. Sandler et al., "MobileNetV2", 2018, section 5) is six times as large as what goes in and comes out.
/// </content>
public static unsafe partial class Convolution<V>
{
    /// <summary>Numbers between the convolutions that stay in the second cache of a worker.</summary>
    private const nint ChainNumbers = 96 * 1024;

    /// <summary>Computes two convolutions.</summary>
    /// <param name="input">Images of the first one [N][H][W][inputs].</param>
    /// <param name="first">The first one.</param>
    /// <param name="second">The one that reads its results.</param>
    /// <param name="output">Results of the second one.</param>
    public static void Chain<TFirst, TSecond>(Floats input, ConvolutionStage<TFirst> first, ConvolutionStage<TSecond> second, Floats output)
        where TFirst : unmanaged, ITileEpilogue
        where TSecond : unmanaged, ITileEpilogue
    {
        var chain = new ChainJob<TFirst, TSecond, NoEpilogue> { Input = input, First = first, Second = second, Output = output };
        chain.Share(second.Shape);
    }

    /// <summary>Computes three convolutions.</summary>
    /// <param name="input">Images of the first one [N][H][W][inputs].</param>
    /// <param name="first">The first one.</param>
    /// <param name="second">The one that reads its results.</param>
    /// <param name="third">The one that reads those of the second.</param>
    /// <param name="output">Results of the third one.</param>
    public static void Chain<TFirst, TSecond, TThird>(
        Floats input, ConvolutionStage<TFirst> first, ConvolutionStage<TSecond> second, ConvolutionStage<TThird> third, Floats output)
        where TFirst : unmanaged, ITileEpilogue
        where TSecond : unmanaged, ITileEpilogue
        where TThird : unmanaged, ITileEpilogue
    {
        var chain = new ChainJob<TFirst, TSecond, TThird> { Input = input, First = first, Second = second, Third = third, HasThird = true, Output = output };
        chain.Share(third.Shape);
    }

    /// <summary>Rows of an image that a worker has.</summary>
    private struct Band
    {
        public float* Memory;
        public nint RowFloats;
        public nint Image;
        public nint From;
        public nint To;

        public readonly float* Row(nint row) => Memory + ((row - From) * RowFloats);

        /// <summary>Makes room for rows, and moves those to their place that are there already.</summary>
        /// <returns>The first row that is missing.</returns>
        public nint Keep(nint image, nint from, nint to)
        {
            nint there = image == Image ? Math.Clamp(To, from, to) : from;
            if (there > from && from < From)
            {
                there = from;
            }

            if (there > from && from > From)
            {
                nint bytes = (there - from) * RowFloats * sizeof(float);
                Buffer.MemoryCopy(Row(from), Memory, bytes, bytes);
            }

            (Image, From, To) = (image, from, to);
            return there;
        }
    }

    /// <summary>Units are bands of rows of the last results.</summary>
    private struct ChainJob<TFirst, TSecond, TThird> : IRange
        where TFirst : unmanaged, ITileEpilogue
        where TSecond : unmanaged, ITileEpilogue
        where TThird : unmanaged, ITileEpilogue
    {
        public Floats Input;
        public ConvolutionStage<TFirst> First;
        public ConvolutionStage<TSecond> Second;
        public ConvolutionStage<TThird> Third;
        public bool HasThird;
        public Floats Output;
        private nint bands;
        private nint firstRows;
        private nint secondRows;

        /// <summary>Runs the chain on all workers.</summary>
        /// <param name="last">The last convolution.</param>
        public void Share(ConvolutionShape last)
        {
            nint rows = last.OutputHeight;
            bands = rows;
            for (nint most = 1; most <= rows; most++)
            {
                nint count = Ceiling(rows, most);
                Cut(rows, count);
                if (most > 1 && (Between > ChainNumbers || last.Batch * count < 2 * Workers.Available))
                {
                    break;
                }

                bands = count;
            }

            Cut(rows, bands);
            Workers.Share(ref this, last.Batch * bands, 1, piece: Math.Max(1, bands / 4));
        }

        private readonly nint Between => (firstRows * RowFloats(First.Shape)) + (HasThird ? secondRows * RowFloats(Second.Shape) : 0);

        private static nint RowFloats(in ConvolutionShape shape) => shape.OutputWidth * shape.OutputChannels;

        /// <summary>Decides how many rows a band has.</summary>
        private void Cut(nint rows, nint count)
        {
            nint height = Ceiling(rows, count);
            secondRows = HasThird ? Seen(Third.Shape, height) : height;
            firstRows = Seen(Second.Shape, secondRows);
        }

        /// <summary>Rows that neighbouring rows of results see.</summary>
        private static nint Seen(in ConvolutionShape shape, nint rows) => Math.Min(shape.Height, ((rows - 1) * shape.StrideY) + ((shape.KernelHeight - 1) * shape.DilationY) + 1);

        public void Run(nint from, nint to, int worker)
        {
            float* memory = Scratch.Chain(Between + 64);
            var first = new Band { Memory = memory, RowFloats = RowFloats(First.Shape), Image = -1 };
            var second = new Band { Memory = memory + (firstRows * first.RowFloats), RowFloats = RowFloats(Second.Shape), Image = -1 };
            ConvolutionShape last = HasThird ? Third.Shape : Second.Shape;
            nint rows = last.OutputHeight;
            nint outputRow = RowFloats(last);
            for (nint unit = from; unit < to; unit++)
            {
                (nint image, nint band) = Math.DivRem(unit, bands);
                nint begin = rows * band / bands;
                nint end = rows * (band + 1) / bands;
                float* output = Output + (((image * rows) + begin) * outputRow);
                if (!HasThird)
                {
                    RunSecond(ref first, image, begin, end, output);
                    continue;
                }

                var window = new Window(Third.Shape, begin, end);
                nint missing = second.Keep(image, window.From, window.To);
                if (missing < window.To)
                {
                    RunSecond(ref first, image, missing, window.To, second.Row(missing));
                }

                Convolve(Third, second.Row(window.From), window, image, begin, output);
            }
        }

        private readonly void RunSecond(ref Band first, nint image, nint begin, nint end, float* output)
        {
            var window = new Window(Second.Shape, begin, end);
            nint missing = first.Keep(image, window.From, window.To);
            if (missing < window.To)
            {
                ConvolutionShape shape = First.Shape;
                var seen = new Window(shape, missing, window.To);
                Convolve(First, Input + (((image * shape.Height) + seen.From) * shape.Width * shape.InputChannels), seen, image, missing, first.Row(missing));
            }

            Convolve(Second, first.Row(window.From), window, image, begin, output);
        }

        private static void Convolve<TEpilogue>(in ConvolutionStage<TEpilogue> stage, float* source, in Window window, nint image, nint row, float* output)
            where TEpilogue : unmanaged, ITileEpilogue
        {
            ConvolutionShape shape = stage.Shape;
            var epilogue = new ShiftedEpilogue<TEpilogue>(stage.Epilogue, ((image * shape.OutputHeight) + row) * shape.OutputWidth);
            shape.Batch = 1;
            shape.Height = window.To - window.From;
            shape.PadTop = window.Above;
            shape.PadBottom = window.Below;
            if (stage.Weight.Address is null)
            {
                Forward(shape, source, stage.Packed, output, epilogue);
            }
            else
            {
                Direct<FloatFormat<V>, ShiftedEpilogue<TEpilogue>>(shape, source, default, stage.Weight, output, epilogue);
            }
        }
    }

    /// <summary>The rows of an image that rows of results see, and how many of these are zeros above and below it.</summary>
    private readonly struct Window
    {
        public Window(in ConvolutionShape shape, nint begin, nint end)
        {
            nint first = (begin * shape.StrideY) - shape.PadTop;
            nint last = ((end - 1) * shape.StrideY) - shape.PadTop + ((shape.KernelHeight - 1) * shape.DilationY) + 1;
            From = Math.Clamp(first, 0, shape.Height);
            To = Math.Clamp(last, From, shape.Height);
            Above = From - first;
            Below = last - To;
        }

        public nint From { get; }

        public nint To { get; }

        public nint Above { get; }

        public nint Below { get; }
    }

    /// <summary>An epilogue of all results that is run on some rows of them.</summary>
    private readonly struct ShiftedEpilogue<TEpilogue>(TEpilogue inner, nint first) : ITileEpilogue
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns) => inner.Run(tile, stride, first + row, rows, column, columns);
    }
}
