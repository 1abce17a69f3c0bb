using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Convolutions of images with channels last, and their gradients. They are products of matrices of which one is never made: its rows, the numbers that
/// an output sees, are read where they are in the image or copied in pieces that stay in the nearest cache
/// (M. Dukhan, "The indirect convolution algorithm", 2019; K. Goto, R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Convolution<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Computes a convolution.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    public static void Forward(in ConvolutionShape shape, Floats input, Floats weight, Floats output) => Forward(shape, input, weight, output, default(NoEpilogue));

    /// <summary>Computes a convolution and applies an epilogue to each finished tile.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (Winograd<V>.Pays(shape))
        {
            MinimalFiltering<V, FilterFour<V>>.Forward(shape, input, weight, null, output, epilogue);
            return;
        }

        Direct<FloatFormat<V>, TEpilogue>(shape, input, default, weight, output, epilogue);
    }

    /// <summary>Computes a convolution with weights that were packed beforehand, and applies an epilogue to each finished tile.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Filled by <see cref="PackWeights"/>.</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, PackedWeights weight, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        ImageProduct problem = Outputs(shape, TapGrid.Outputs(shape, input), output);
        problem.Panels = weight.Panels;
        Run<FloatFormat<V>, TEpilogue>(problem, epilogue);
    }

    /// <summary>As above, without an epilogue.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Filled by <see cref="PackWeights"/>.</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    public static void Forward(in ConvolutionShape shape, Floats input, PackedWeights weight, Floats output) => Forward(shape, input, weight, output, default(NoEpilogue));

    /// <summary>As above, with weights that are also transformed beforehand. Which are used depends on the number of pixels.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Filled by <see cref="PackWeights"/>.</param>
    /// <param name="transformed">Filled by <see cref="TransformWeights"/>.</param>
    /// <param name="side">Outputs of a tile along each side, as there: 4 or 2.</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, PackedWeights weight, Floats transformed, int side, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (side == 2 ? !Winograd<V>.SmallTilesPay(shape) : !Winograd<V>.Pays(shape, transformed: true))
        {
            Forward(shape, input, weight, output, epilogue);
        }
        else if (side == 2)
        {
            MinimalFiltering<V, FilterTwo<V>>.Forward(shape, input, default, transformed, output, epilogue);
        }
        else
        {
            MinimalFiltering<V, FilterFour<V>>.Forward(shape, input, default, transformed, output, epilogue);
        }
    }

    /// <summary>As above, without an epilogue.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Filled by <see cref="PackWeights"/>.</param>
    /// <param name="transformed">Filled by <see cref="TransformWeights"/>.</param>
    /// <param name="side">Outputs of a tile along each side, as there: 4 or 2.</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    public static void Forward(in ConvolutionShape shape, Floats input, PackedWeights weight, Floats transformed, int side, Floats output) =>
        Forward(shape, input, weight, transformed, side, output, default(NoEpilogue));

    /// <summary>Packs the weights of a convolution whose groups have several outputs each, for the calls that take <see cref="PackedWeights"/>.</summary>
    /// <param name="depth">Weights of an output: kernel height * kernel width * inputs / groups.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="weight">Weights [depth][outputs].</param>
    /// <param name="panels">Receives groups * depth * (outputs / groups rounded up to 32) numbers, or fewer.</param>
    public static void PackWeights(nint depth, nint outputs, nint groups, Floats weight, Floats panels)
    {
        var job = new PackJob { Source = weight, Target = panels, Depth = depth, Outputs = outputs, Columns = outputs / groups, Panels = Ceiling(outputs / groups, PanelColumns) };
        Workers.Share(ref job, groups * job.Panels, Math.Max(1, 8192 / (PanelColumns * Math.Max(1, depth))));
    }

    /// <summary>Transforms the weights of a convolution of 3 x 3 and stride 1 for minimal filtering.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="side">Outputs of a tile along each side: 4, or 2 for small images.</param>
    /// <param name="weight">Weights [3][3][inputs][outputs].</param>
    /// <param name="transformed">Receives [(side + 2)²][panels][inputs][outputs of a panel]: (side + 2)² * inputs * outputs numbers with outputs rounded up to 32 are enough.</param>
    public static void TransformWeights(nint inputs, nint outputs, int side, Floats weight, Floats transformed)
    {
        if (side == 2)
        {
            MinimalFiltering<V, FilterTwo<V>>.Transform(inputs, outputs, weight, transformed);
        }
        else
        {
            MinimalFiltering<V, FilterFour<V>>.Transform(inputs, outputs, weight, transformed);
        }
    }

    /// <summary>Computes a convolution as a product of matrices.</summary>
    internal static void Direct<TFormat, TEpilogue>(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats weight, Floats output, TEpilogue epilogue)
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        TapGrid grid = TapGrid.Outputs(shape, input);
        if (!TFormat.InPlace)
        {
            grid.Source = Rounded<TFormat>(input, shape.InputPixels, shape.InputChannels);
            grid.PixelStep = grid.Channels = Ceiling(shape.InputChannels, TFormat.Numbers);
        }

        ImageProduct problem = Outputs(shape, grid, output);
        problem.Normal = normal;
        problem.Weight = weight;
        problem.WeightTapX = shape.GroupInputs * shape.OutputChannels;
        problem.WeightTapY = shape.KernelWidth * shape.GroupInputs * shape.OutputChannels;
        problem.WeightRow = shape.OutputChannels;
        problem.WeightColumn = 1;
        problem.WeightGroup = shape.GroupOutputs;
        Run<TFormat, TEpilogue>(problem, epilogue);
    }

    /// <summary>The product that a convolution is, without its weights.</summary>
    private static ImageProduct Outputs(in ConvolutionShape shape, in TapGrid grid, Floats output) => new()
    {
        Grid = grid,
        Inputs = shape.GroupInputs,
        Groups = shape.Groups,
        Columns = shape.GroupOutputs,
        Output = output,
        OutputChannels = shape.OutputChannels,
        OutputStepX = 1,
        OutputStepY = grid.GridWidth,
        OutputStepImage = grid.GridWidth * grid.GridHeight,
    };

    /// <summary>Gradient of the input of a convolution; also a transposed convolution (<see cref="ConvolutionShape.Transposed"/>).</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images [N][H][W][inputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientInput(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add) =>
        GradientInput(shape, gradOutput, weight, gradInput, add, default(NoEpilogue));

    /// <summary>Gradient of the input of a convolution, with an epilogue: a transposed convolution with bias, say.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images [N][H][W][inputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * H * W][inputs].</param>
    public static void GradientInput<TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (Winograd<V>.Pays(shape))
        {
            MinimalFiltering<V, FilterFour<V>>.GradientInput(shape, gradOutput, weight, gradInput, add, epilogue);
            return;
        }

        DirectGradientInput<FloatFormat<V>, TEpilogue>(shape, gradOutput, weight, gradInput, add, epilogue);
    }

    /// <summary>Computes the gradient of the input as products of matrices.</summary>
    internal static void DirectGradientInput<TFormat, TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add, TEpilogue epilogue)
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint channels = shape.GroupOutputs;
        nint pixelStep = shape.OutputChannels;
        if (!TFormat.InPlace)
        {
            gradOutput = Rounded<TFormat>(gradOutput, shape.OutputPixels, shape.OutputChannels);
            pixelStep = channels = Ceiling(shape.OutputChannels, TFormat.Numbers);
        }

        // Pixels whose places, padding included, leave the same rest when divided by the stride see the same taps: each such class is a convolution
        // of the output's gradients without stride.
        for (nint y = 0; y < Math.Min(shape.StrideY, shape.Height); y++)
        {
            for (nint x = 0; x < Math.Min(shape.StrideX, shape.Width); x++)
            {
                var vertical = new GradientTaps(y, shape.Height, shape.PadTop, shape.KernelHeight, shape.StrideY, shape.DilationY);
                var horizontal = new GradientTaps(x, shape.Width, shape.PadLeft, shape.KernelWidth, shape.StrideX, shape.DilationX);
                nint tap = shape.GroupInputs * shape.OutputChannels;
                var problem = new ImageProduct
                {
                    Grid = new TapGrid
                    {
                        Source = gradOutput,
                        Batch = shape.Batch,
                        Height = shape.OutputHeight,
                        Width = shape.OutputWidth,
                        Channels = channels,
                        PixelStep = pixelStep,
                        GridHeight = vertical.Count,
                        GridWidth = horizontal.Count,
                        FirstY = vertical.First,
                        FirstX = horizontal.First,
                        StepY = 1,
                        StepX = 1,
                        TapsY = horizontal.Taps == 0 ? 0 : vertical.Taps,
                        TapsX = vertical.Taps == 0 ? 0 : horizontal.Taps,
                        TapStepY = vertical.TapStep,
                        TapStepX = horizontal.TapStep,
                    },
                    Inputs = shape.GroupOutputs,
                    Weight = weight + (((vertical.Kernel * shape.KernelWidth) + horizontal.Kernel) * tap),
                    WeightTapX = horizontal.KernelStep * tap,
                    WeightTapY = vertical.KernelStep * shape.KernelWidth * tap,
                    WeightRow = 1,
                    WeightColumn = shape.OutputChannels,
                    WeightGroup = shape.GroupOutputs,
                    Groups = shape.Groups,
                    Columns = shape.GroupInputs,
                    Output = gradInput,
                    OutputChannels = shape.InputChannels,
                    OutputFirst = (y * shape.Width) + x,
                    OutputStepX = shape.StrideX,
                    OutputStepY = shape.StrideY * shape.Width,
                    OutputStepImage = shape.Height * shape.Width,
                    Add = add,
                };
                if (shape.StrideX == 1 && shape.StrideY == 1)
                {
                    problem.Grid.Flatten();
                }

                Run<TFormat, TEpilogue>(problem, epilogue);
            }
        }
    }

    /// <summary>Units are panels of all groups.</summary>
    private struct PackJob : IRange
    {
        public float* Source;
        public float* Target;
        public nint Depth;
        public nint Outputs;
        public nint Columns;
        public nint Panels;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                (nint group, nint panel) = Math.DivRem(unit, Panels);
                nint columns = Math.Min(PanelColumns, Columns - (panel * PanelColumns));
                float* target = Target + (((group * Ceiling(Columns, V.Count) * V.Count) + (panel * PanelColumns)) * Depth);
                Panel.Copy<V>(Source + (group * Columns) + (panel * PanelColumns), Outputs, columns, Depth, target, columns > V.Count ? PanelColumns : V.Count);
            }
        }
    }

    /// <summary>The taps that pixels of one class see along one direction, ordered so that they move forward in the output.</summary>
    private readonly struct GradientTaps
    {
        /// <summary>Pixels of the class.</summary>
        public readonly nint Count;

        /// <summary>Number of taps.</summary>
        public readonly nint Taps;

        /// <summary>Output that the first tap sees from the first pixel.</summary>
        public readonly nint First;

        /// <summary>Outputs between taps.</summary>
        public readonly nint TapStep;

        /// <summary>Place of the first tap in the kernel.</summary>
        public readonly nint Kernel;

        /// <summary>Places between taps in the kernel; negative.</summary>
        public readonly nint KernelStep;

        public GradientTaps(nint first, nint size, nint pad, nint kernel, nint stride, nint dilation)
        {
            Count = (size - first + stride - 1) / stride;
            KernelStep = -1;
            nint smallest = -1;
            nint next = -1;
            for (nint k = 0; k < kernel && next < 0; k++)
            {
                if ((first + pad - (k * dilation)) % stride == 0)
                {
                    (smallest, next) = smallest < 0 ? (k, -1) : (smallest, k);
                }
            }

            if (smallest < 0)
            {
                return;
            }

            nint step = next < 0 ? kernel : next - smallest;
            Taps = ((kernel - 1 - smallest) / step) + 1;
            Kernel = smallest + ((Taps - 1) * step);
            KernelStep = -step;
            TapStep = Taps == 1 ? 1 : step * dilation / stride;
            First = (first + pad - (Kernel * dilation)) / stride;
        }
    }
}
