using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>The gradient of the weights: what outputs see, transposed, times the outputs' gradients.</content>
public static unsafe partial class Convolution<V>
{
    /// <summary>Numbers of a block of pixels, of image and gradients together, which stays in the second cache.</summary>
    private const nint BlockNumbers = 150 * 1024;

    /// <summary>What it costs to write a partial sum and add it, in multiply-adds.</summary>
    private const double SumCost = 60;

    /// <summary>Gradient of the weights of a convolution.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="input">Images [N][H][W][inputs], as they were given to forward.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="gradWeight">Gradients of the weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientWeight(in ConvolutionShape shape, Floats input, Floats gradOutput, Floats gradWeight, bool add) =>
        GradientWeight(shape, input, gradOutput, gradWeight, default, add);

    /// <summary>Gradients of weights and bias of a convolution.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="input">Images [N][H][W][inputs], as they were given to forward.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="gradWeight">Gradients of the weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradBias">Gradients of the bias [outputs], or the default: none.</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientWeight(in ConvolutionShape shape, Floats input, Floats gradOutput, Floats gradWeight, Floats gradBias, bool add) =>
        GradientWeight(shape, input, default, gradOutput, gradWeight, gradBias, add);

    /// <summary>As above, of normalised images: of depthwise convolutions, or those of 1 x 1 without stride and padding.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="input">Images before the normalisation [N][H][W][inputs].</param>
    /// <param name="normal">The normalisation; the default: none, and then any convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="gradWeight">Gradients of the weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradBias">Gradients of the bias [outputs], or the default: none.</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientWeight(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats gradOutput, Floats gradWeight, Floats gradBias, bool add)
    {
        if (shape.Groups > 1 && shape.GroupInputs == 1 && shape.GroupOutputs == 1)
        {
            DepthwiseGradientWeight(shape, input, normal, gradOutput, gradWeight, gradBias, add);
            return;
        }

        if (Winograd<V>.Pays(shape) && (gradBias.Address is null || !add))
        {
            Winograd<V>.GradientWeight(shape, input, gradOutput, gradWeight, add);
            if (gradBias.Address is not null)
            {
                Reduction<V>.Sum(gradOutput, 1, shape.OutputPixels, shape.OutputChannels, 1, gradBias);
            }

            return;
        }

        DirectGradientWeight<FloatFormat<V>>(shape, input, normal, gradOutput, gradWeight, gradBias, add);
    }

    /// <summary>Computes the gradients as products of matrices.</summary>
    internal static void DirectGradientWeight<TFormat>(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats gradOutput, Floats gradWeight, Floats gradBias, bool add)
        where TFormat : struct, IPanelFormat<V>
    {
        // Small groups are handled several at a time, as many as fill the vectors: what belongs to two groups is computed for nothing and thrown away.
        nint merged = Merged(shape);
        ConvolutionShape wide = shape;
        wide.Groups /= merged;
        Gradients<TFormat>(wide, input, normal, gradOutput, gradWeight, gradBias, add, shape, merged);
    }

    /// <summary>How many groups are handled at a time.</summary>
    private static nint Merged(in ConvolutionShape shape)
    {
        nint merged = Math.Clamp(PanelColumns / Math.Max(1, shape.GroupOutputs), 1, shape.Groups);
        while (shape.Groups % merged != 0)
        {
            merged--;
        }

        return merged;
    }

    private static void Gradients<TFormat>(
        in ConvolutionShape shape, float* input, BatchNormal normal, float* gradOutput, float* gradWeight, float* gradBias, bool add, in ConvolutionShape original, nint merged)
        where TFormat : struct, IPanelFormat<V>
    {
        TapGrid grid = TapGrid.Outputs(shape, input);
        nint positions = grid.Positions;
        nint depth = grid.Depth;
        nint columns = shape.GroupOutputs;
        if (columns == 0)
        {
            return;
        }

        nint columnPanels = Ceiling(columns, PanelColumns);
        (nint pixelParts, nint columnParts) = SplitGradient(positions, depth, columns, shape.Groups, columnPanels);
        nint blockColumns = Math.Min(Ceiling(columnPanels, columnParts) * PanelColumns, ColumnBlock);
        nint slices = DepthSlice.Count(grid.TapsY, grid.Line, LargestSlice);
        nint deepest = Math.Min(depth, LargestSlice + 16);
        nint places = Math.Clamp(BlockNumbers / (deepest + blockColumns), 64, 384);
        nint most = Ceiling(Ceiling(positions, pixelParts), TFormat.Numbers);
        nint blocks = Math.Max(1, Ceiling(most, places));
        places = Math.Max(1, Ceiling(most, blocks));
        nint step = RowPanel.Distance(deepest);
        nint images = Padded((places * step) + 64);
        nint lines = TFormat.InPlace ? 0 : Padded((TFormat.Numbers * step) + 64);
        nint own = images + Padded(places * blockColumns) + (PanelRows * PanelColumns) + lines;
        nint weights = depth * shape.OutputChannels;
        nint partial = pixelParts == 1 ? 0 : Padded(weights);
        nint biases = Padded(shape.OutputChannels + V.Count);
        nint extra = merged == 1 ? 0 : Padded(weights);
        float* scratch = Scratch.Floats(extra + (own * pixelParts * columnParts) + (partial * (pixelParts - 1)) + (biases * pixelParts));
        float* target = merged == 1 ? gradWeight : scratch;
        scratch += extra;
        var job = new WeightJob<TFormat>
        {
            Grid = grid,
            Normal = normal,
            Groups = shape.Groups,
            Columns = columns,
            OutputChannels = shape.OutputChannels,
            GradOutput = gradOutput,
            GradWeight = target,
            Partials = scratch + (own * pixelParts * columnParts),
            Partial = partial,
            Biases = gradBias is null ? null : scratch + (own * pixelParts * columnParts) + (partial * (pixelParts - 1)),
            Bias = biases,
            Add = add && merged == 1,
            PixelParts = pixelParts,
            ColumnParts = columnParts,
            BlockColumns = blockColumns,
            BlockPlaces = places,
            Step = step,
            Slices = slices,
            Images = images,
            Own = own,
            Scratch = scratch,
        };
        Workers.Run(ref job, pixelParts * columnParts);
        if (pixelParts > 1)
        {
            var sum = new PartialSums { Target = target, Partials = job.Partials, Partial = partial, Count = pixelParts - 1, Size = weights };
            Workers.Run(ref sum, Ceiling(weights, 64), 128);
        }

        if (merged > 1)
        {
            TakeGroups(original, merged, target, gradWeight, add);
        }

        if (gradBias is not null)
        {
            for (nint i = 0; i < shape.OutputChannels; i++)
            {
                float sum = add ? gradBias[i] : 0;
                for (nint part = 0; part < pixelParts; part++)
                {
                    sum += job.Biases[(part * biases) + i];
                }

                gradBias[i] = sum;
            }
        }
    }

    /// <summary>Takes what belongs to one group from the gradients of several.</summary>
    private static void TakeGroups(in ConvolutionShape shape, nint merged, float* source, float* target, bool add)
    {
        nint inputs = shape.GroupInputs;
        nint outputs = shape.GroupOutputs;
        for (nint tap = 0; tap < shape.KernelHeight * shape.KernelWidth; tap++)
        {
            for (nint input = 0; input < inputs; input++)
            {
                for (nint group = 0; group < shape.Groups; group++)
                {
                    float* from = source + (((((tap * merged) + (group % merged)) * inputs) + input) * shape.OutputChannels) + (group * outputs);
                    for (nint output = 0; output < outputs; output++, target++)
                    {
                        *target = (add ? *target : 0) + from[output];
                    }
                }
            }
        }
    }

    private static (nint Pixels, nint Columns) SplitGradient(nint positions, nint depth, nint columns, nint groups, nint columnPanels)
    {
        int workers = Workers.Available;
        (nint Pixels, nint Columns) best = (1, 1);
        double least = Cost(1, 1);
        if (least <= WakeCost)
        {
            return best;
        }

        for (nint parts = 1; parts <= workers && positions >= 32 * parts; parts++)
        {
            nint others = Math.Min(workers / parts, columnPanels);
            double cost = Cost(parts, others);
            if (cost < least)
            {
                least = cost;
                best = (parts, others);
            }
        }

        return best;

        double Cost(nint pixelParts, nint columnParts)
        {
            double height = Ceiling(positions, pixelParts);
            double width = Ceiling(columnPanels, columnParts) * PanelColumns;
            double sums = pixelParts == 1 ? 0 : depth * columns * SumCost * (1 + ((double)pixelParts / (pixelParts * columnParts)));
            return groups * ((height * depth * (width + 3)) + (height * width * 4) + sums + (depth * width * 4));
        }
    }

    /// <summary>Each unit is one worker's part of the pixels and columns, for all groups.</summary>
    private struct WeightJob<TFormat> : IRange
        where TFormat : struct, IPanelFormat<V>
    {
        public TapGrid Grid;
        public BatchNormal Normal;
        public nint Groups;
        public nint Columns;
        public nint OutputChannels;
        public float* GradOutput;
        public float* GradWeight;
        public float* Partials;
        public nint Partial;
        public float* Biases;
        public nint Bias;
        public bool Add;
        public nint PixelParts;
        public nint ColumnParts;
        public nint BlockColumns;
        public nint BlockPlaces;
        public nint Step;
        public nint Slices;
        public nint Images;
        public nint Own;
        public float* Scratch;

        public void Run(nint from, nint to, int worker)
        {
            for (nint part = from; part < to; part++)
            {
                (nint row, nint column) = Math.DivRem(part, ColumnParts);
                nint positions = Grid.Positions;
                nint columnPanels = Ceiling(Columns, PanelColumns);
                nint firstPixel = positions * row / PixelParts;
                nint lastPixel = positions * (row + 1) / PixelParts;
                nint firstColumn = columnPanels * column / ColumnParts * PanelColumns;
                nint lastColumn = Math.Min(Columns, columnPanels * (column + 1) / ColumnParts * PanelColumns);
                for (nint group = 0; group < Groups; group++)
                {
                    for (nint block = firstColumn; block < lastColumn; block += BlockColumns)
                    {
                        Multiply(group, row, firstPixel, lastPixel, block, Math.Min(lastColumn, block + BlockColumns), Scratch + (worker * Own));
                    }
                }
            }
        }

        private void Multiply(nint group, nint part, nint firstPixel, nint lastPixel, nint firstColumn, nint lastColumn, float* own)
        {
            TapGrid grid = Grid;
            grid.Source += group * grid.Channels;
            float* gradients = own + Images;
            float* tile = gradients + Padded(BlockPlaces * BlockColumns);
            float* target = (part == 0 ? GradWeight : Partials + ((part - 1) * Partial)) + (group * Columns);
            float* bias = Biases is null ? null : Biases + (part * Bias) + (group * Columns);
            bool add = part == 0 && Add;
            for (nint j = firstColumn; bias is not null && j < lastColumn; j++)
            {
                bias[j] = 0;
            }

            nint pixel = firstPixel;
            do
            {
                nint pixels = Math.Min(BlockPlaces * TFormat.Numbers, lastPixel - pixel);
                nint places = Ceiling(pixels, TFormat.Numbers);
                PackGradients(GradOutput + (pixel * OutputChannels) + (group * Columns), pixels, firstColumn, lastColumn, gradients, bias);
                for (nint index = 0; index < Slices; index++)
                {
                    DepthSlice slice = DepthSlice.Get(grid.TapsY, grid.Line, LargestSlice, index);
                    if (Normal.IsIdentity)
                    {
                        CopyPixels(grid, slice, pixel, pixels, own, tile + (PanelRows * PanelColumns));
                    }
                    else
                    {
                        grid.Normalise<V>(Normal, pixel, pixels, slice, own, Step);
                    }

                    nint first = (slice.FirstLine * grid.Line) + slice.From;
                    for (nint row = 0; row < slice.Depth; row += PanelRows)
                    {
                        nint rows = Math.Min(PanelRows, slice.Depth - row);
                        for (nint column = firstColumn; column < lastColumn; column += PanelColumns)
                        {
                            nint columns = Math.Min(PanelColumns, lastColumn - column);
                            var a = new RowPanel { First = own + row, Row = 1, Step = Step };
                            float* b = gradients + ((column - firstColumn) * places);
                            float* c = target + ((first + row) * OutputChannels) + column;
                            bool more = add || pixel > firstPixel;
                            if (columns == PanelColumns)
                            {
                                TFormat.Multiply(places, a, b, PanelColumns, c, OutputChannels, rows, more);
                                continue;
                            }

                            TFormat.Multiply(places, a, b, PanelColumns, tile, PanelColumns, rows, false);
                            for (nint i = 0; i < rows; i++)
                            {
                                PutColumns(tile + (i * PanelColumns), c + (i * OutputChannels), columns, more);
                            }
                        }
                    }
                }

                pixel += pixels;
            }
            while (pixel < lastPixel);
        }

        /// <summary>Copies what pixels see: a line a pixel, or a line of places of several pixels each.</summary>
        private readonly void CopyPixels(in TapGrid grid, in DepthSlice slice, nint pixel, nint pixels, float* target, float* lines)
        {
            GridPlace place = pixels == 0 ? default : grid.Place(pixel);
            for (nint i = 0; i < pixels; i += TFormat.Numbers, target += Step)
            {
                nint count = Math.Min(TFormat.Numbers, pixels - i);
                if (!TFormat.InPlace && grid.Contiguous && grid.TryDirect(place, count, slice, out PixelPanel direct))
                {
                    for (nint line = 0; line < direct.Lines; line++)
                    {
                        TFormat.Join(direct.First + (line * direct.LineStep), direct.Step, count, direct.Run, target + (line * direct.Run));
                    }

                    place.X += count - 1;
                    grid.Next(ref place);
                    continue;
                }

                for (nint j = 0; j < count; j++)
                {
                    grid.Copy<V>(place, slice, TFormat.InPlace ? target : lines + (j * Step));
                    grid.Next(ref place);
                }

                if (!TFormat.InPlace)
                {
                    TFormat.Join(lines, Step, count, slice.Depth, target);
                }
            }
        }

        /// <summary>Copies gradients into panels [pixel][columns], and adds up columns where the bias needs it.</summary>
        private readonly void PackGradients(float* source, nint pixels, nint firstColumn, nint lastColumn, float* target, float* bias)
        {
            if (TFormat.InPlace)
            {
                CopyGradients(source, pixels, firstColumn, lastColumn, target, bias);
                return;
            }

            for (nint column = firstColumn; column < lastColumn; column += PanelColumns, target += Ceiling(pixels, TFormat.Numbers) * PanelColumns)
            {
                TFormat.Columns(source + column, OutputChannels, 1, lastColumn - column, pixels, target, PanelColumns);
            }

            for (nint column = firstColumn; bias is not null && column < lastColumn; column += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, lastColumn - column);
                (V.LoadFirst(bias + column, lanes) + ColumnSum(source + column, pixels)).StoreFirst(bias + column, lanes);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly V ColumnSum(float* source, nint pixels)
        {
            V sum = V.Zero;
            for (nint i = 0; i < pixels; i++, source += OutputChannels)
            {
                sum += V.Load(source);
            }

            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void CopyGradients(float* source, nint pixels, nint firstColumn, nint lastColumn, float* target, float* bias)
        {
            for (nint column = firstColumn; column < lastColumn; column += PanelColumns, target += pixels * PanelColumns)
            {
                nint columns = Math.Min(PanelColumns, lastColumn - column);
                int leftLanes = (int)Math.Min(V.Count, columns);
                int rightLanes = (int)(columns - leftLanes);
                V left = V.Zero;
                V right = V.Zero;
                float* line = source + column;
                float* place = target;
                for (nint i = 0; i < pixels; i++, line += OutputChannels, place += PanelColumns)
                {
                    V a = V.Load(line);
                    left += a;
                    a.Store(place);
                    if (rightLanes > 0)
                    {
                        V b = V.Load(line + V.Count);
                        right += b;
                        b.Store(place + V.Count);
                    }
                }

                if (bias is not null)
                {
                    (V.LoadFirst(bias + column, leftLanes) + left).StoreFirst(bias + column, leftLanes);
                    (V.LoadFirst(bias + column + V.Count, rightLanes) + right).StoreFirst(bias + column + V.Count, rightLanes);
                }
            }
        }
    }

    /// <summary>Adds partial sums in a fixed order; units are 64 numbers.</summary>
    private struct PartialSums : IRange
    {
        public float* Target;
        public float* Partials;
        public nint Partial;
        public nint Count;
        public nint Size;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint end = Math.Min(to * 64, Size);
            for (nint j = from * 64; j < end; j += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, end - j);
                V sum = V.LoadFirst(Target + j, lanes);
                for (nint i = 0; i < Count; i++)
                {
                    sum += V.Load(Partials + (i * Partial) + j);
                }

                sum.StoreFirst(Target + j, lanes);
            }
        }
    }
}
