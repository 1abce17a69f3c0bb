using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Recurrent layers over whole sequences. The input's part of all steps is one product; the hidden state's part is one small product a step, whose weights are packed once
/// and stay in each core's cache, followed by the gates while the sums are in the nearest one (J. Appleyard et al., "Optimizing performance of recurrent neural networks on
/// GPUs", 2016).
/// </summary>
/// <typeparam name="V">Register.</typeparam>
/// <remarks>Work is cut by hidden units: a worker owns two vectors of units with all their gates, in all steps.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Recurrent<V>
    where V : unmanaged, IVector<V>
{
    private static nint Rows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Gemm<V>.TileRows;
    }

    private static nint Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * V.Count;
    }

    /// <summary>Computes all steps.</summary>
    /// <param name="problem">Operands, results and what is kept for backward.</param>
    public static void Forward(in RecurrentProblem problem)
    {
        nint hidden = problem.HiddenSize;
        nint gates = problem.GateCount;
        if (problem.Batch == 0 || problem.Steps == 0)
        {
            CopyStates(problem.InitialHidden, hidden, problem.FinalHidden, problem.Batch, hidden);
            CopyStates(problem.InitialCell, hidden, problem.FinalCell, problem.Batch, hidden);
            return;
        }

        Gemm<V>.Run(GemmProblem.NT(problem.Steps * problem.Batch, gates * hidden, problem.InputSize, problem.X, problem.InputWeight, problem.Gates) with { ARow = problem.XRow });
        nint blocks = (hidden + Columns - 1) / Columns;
        nint rows = RoundUp(problem.Batch, Rows);
        nint floats = 0;
        nint weightsAt = Take(ref floats, blocks * gates * hidden * Columns);
        nint turnedAt = Take(ref floats, rows * hidden);
        nint otherAt = Take(ref floats, rows * hidden);
        nint biasesAt = Take(ref floats, 4 * blocks * Columns);
        nint zerosAt = Take(ref floats, blocks * Columns);
        nint cellAt = Take(ref floats, problem.Cell == RecurrentCell.Lstm && !problem.Save ? problem.Batch * hidden : 0);
        nint ownAt = floats;
        nint own = 0;
        nint sumsAt = Take(ref own, gates * rows * Columns);
        nint stateAt = Take(ref own, (Rows + V.Count) * Columns);
        nint worth = 1 + (60_000 / Math.Max(problem.Batch * gates * hidden * Columns, 1));
        float* scratch = Scratch.Floats(floats + ((long)own * Workers.For(blocks, worth)));
        float* zeros = scratch + zerosAt;
        new Span<float>(zeros, (int)(blocks * Columns)).Clear();
        var pack = new PackJob { Source = problem.HiddenWeight, Hidden = hidden, Gates = gates, Target = scratch + weightsAt };
        Workers.Run(ref pack, blocks * gates, 1 + (20_000 / (hidden * Columns)));
        AddBiases(problem, scratch + biasesAt, blocks * Columns);
        Turn(problem.InitialHidden, problem.Batch, hidden, scratch + turnedAt);
        var step = new StepJob
        {
            P = problem,
            Weights = pack.Target,
            Biases = scratch + biasesAt,
            BiasStride = blocks * Columns,
            Before = scratch + turnedAt,
            After = scratch + otherAt,
            Own = scratch + ownAt,
            OwnSize = own,
            SumsAt = sumsAt,
            StateAt = stateAt,
            HiddenBefore = problem.InitialHidden.Address is null ? zeros : problem.InitialHidden,
            HiddenBeforeStride = problem.InitialHidden.Address is null ? 0 : hidden,
            CellBefore = problem.InitialCell.Address is null ? zeros : problem.InitialCell,
            CellBeforeStride = problem.InitialCell.Address is null ? 0 : hidden,
        };
        for (nint i = 0; i < problem.Steps; i++)
        {
            nint row = problem.FirstRow(i);
            step.Gates = problem.Gates + (row * gates * hidden);
            step.Hidden = problem.Y + (row * problem.YRow);
            step.HiddenPart = problem.Save && problem.Cell == RecurrentCell.Gru ? problem.HiddenPart + (row * hidden) : null;
            step.Cell = problem.Save && problem.Cell == RecurrentCell.Lstm ? problem.Cells + (row * hidden) : scratch + cellAt;
            step.CellStride = problem.Save ? problem.SampleRow * hidden : hidden;
            Workers.Run(ref step, blocks, worth);
            step.HiddenBefore = step.Hidden;
            step.HiddenBeforeStride = problem.SampleRow * problem.YRow;
            step.CellBefore = step.Cell;
            step.CellBeforeStride = step.CellStride;
            float* before = step.Before;
            step.Before = step.After;
            step.After = before;
        }

        CopyStates(step.HiddenBefore, step.HiddenBeforeStride, problem.FinalHidden, problem.Batch, hidden);
        if (problem.Cell == RecurrentCell.Lstm)
        {
            CopyStates(step.CellBefore, step.CellBeforeStride, problem.FinalCell, problem.Batch, hidden);
        }
    }

    private static nint RoundUp(nint size, nint multiple) => (size + multiple - 1) / multiple * multiple;

    /// <summary>Reserves a piece of scratch memory, with room for whole vectors past its end.</summary>
    private static nint Take(ref nint floats, nint count)
    {
        nint start = floats;
        floats += RoundUp(count, 16) + 16;
        return start;
    }

    /// <summary>Copies states to where they are wanted; null is a source of zeros.</summary>
    private static void CopyStates(float* source, nint stride, float* target, nint batch, nint hidden)
    {
        for (nint i = 0; target is not null && i < batch; i++)
        {
            var line = new Span<float>(target + (i * hidden), (int)hidden);
            if (source is null)
            {
                line.Clear();
            }
            else
            {
                new ReadOnlySpan<float>(source + (i * stride), (int)hidden).CopyTo(line);
            }
        }
    }

    /// <summary>Lines [batch][depth] in panels [depth][Rows], zero past their end; null is a source of zeros.</summary>
    private static void Turn(float* source, nint batch, nint depth, float* target)
    {
        if (source is null)
        {
            new Span<float>(target, (int)(RoundUp(batch, Rows) * depth)).Clear();
            return;
        }

        for (nint row = 0; row < batch; row += Rows)
        {
            Panel.Transpose<V>(source + (row * depth), depth, Math.Min(Rows, batch - row), depth, target + (row * depth), Rows, batch - row);
        }
    }

    /// <summary>Sums of both biases for each gate; those of GRU's gate n stay apart, the hidden state's in a fourth line.</summary>
    private static void AddBiases(in RecurrentProblem problem, float* target, nint stride)
    {
        nint hidden = problem.HiddenSize;
        bool gru = problem.Cell == RecurrentCell.Gru;
        new Span<float>(target, (int)(4 * stride)).Clear();
        for (nint gate = 0; gate < problem.GateCount; gate++)
        {
            for (nint i = 0; i < hidden; i++)
            {
                target[(gate * stride) + i] += problem.InputBias.Address is null ? 0 : problem.InputBias[(gate * hidden) + i];
                target[((gru && gate == 2 ? 3 : gate) * stride) + i] += problem.HiddenBias.Address is null ? 0 : problem.HiddenBias[(gate * hidden) + i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* target, V value, int lanes)
    {
        if (lanes == V.Count)
        {
            value.Store(target);
        }
        else
        {
            value.StoreFirst(target, lanes);
        }
    }

    /// <summary>Packs the hidden state's weights as [block of units][gate][hidden][Columns]; a unit is a gate of a block.</summary>
    private struct PackJob : IRange
    {
        public float* Source;
        public nint Hidden;
        public nint Gates;
        public float* Target;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                nint first = unit / Gates * Columns;
                float* source = Source + (((unit % Gates * Hidden) + first) * Hidden);
                Panel.Transpose<V>(source, Hidden, Math.Min(Columns, Hidden - first), Hidden, Target + (unit * Hidden * Columns), Columns, Hidden - first);
            }
        }
    }

    /// <summary>A step; units are blocks of hidden units.</summary>
    private struct StepJob : IRange
    {
        public RecurrentProblem P;
        public float* Weights;
        public float* Biases;
        public nint BiasStride;
        public float* Before;
        public float* After;
        public float* Own;
        public nint OwnSize;
        public nint SumsAt;
        public nint StateAt;
        public float* Gates;
        public float* HiddenPart;
        public float* Hidden;
        public float* HiddenBefore;
        public nint HiddenBeforeStride;
        public float* Cell;
        public nint CellStride;
        public float* CellBefore;
        public nint CellBeforeStride;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint hidden = P.HiddenSize;
            nint gates = P.GateCount;
            float* sums = Own + (worker * OwnSize) + SumsAt;
            float* state = Own + (worker * OwnSize) + StateAt;
            nint gateStride = RoundUp(P.Batch, Rows) * Columns;
            for (nint block = from; block < to; block++)
            {
                // A panel of weights stays in the nearest cache while all samples pass.
                for (nint gate = 0; gate < gates; gate++)
                {
                    for (nint row = 0; row < P.Batch; row += Rows)
                    {
                        Gemm<V>.Tile(hidden, Before + (row * hidden), Rows, Weights + (((block * gates) + gate) * hidden * Columns), Columns, sums + (gate * gateStride) + (row * Columns), Columns, Math.Min(Rows, P.Batch - row), false);
                    }
                }

                nint unit = block * Columns;
                nint units = Math.Min(Columns, hidden - unit);
                for (nint row = 0; row < P.Batch; row += Rows)
                {
                    nint rows = Math.Min(Rows, P.Batch - row);
                    var tile = new Tile { Sums = sums + (row * Columns), GateStride = gateStride, State = state, Row = row, Rows = rows, Unit = unit, Units = units };
                    switch (P.Cell)
                    {
                        case RecurrentCell.Lstm:
                            Sigmoids(tile, 0);
                            Sigmoids(tile, 1);
                            Tanhs(tile, 2);
                            Sigmoids(tile, 3);
                            Lstm(tile);
                            break;
                        case RecurrentCell.Gru:
                            Sigmoids(tile, 0);
                            Sigmoids(tile, 1);
                            Gru(tile);
                            break;
                        default:
                            Simple(tile);
                            break;
                    }

                    Panel.Transpose<V>(state, Columns, Rows, units, After + (row * hidden) + (unit * Rows), Rows, Rows + V.Count);
                }
            }
        }

        // One function of a gate a method: a method with all of them is more than the JIT is willing to inline (measured: six times slower).

        /// <summary>A gate between 0 and 1: its sum becomes its value.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Sigmoids(in Tile tile, nint gate)
        {
            nint hidden = P.HiddenSize;
            nint stride = P.SampleRow * P.GateCount * hidden;
            float* line = Gates + (tile.Row * stride) + (gate * hidden) + tile.Unit;
            float* sum = tile.Sums + (gate * tile.GateStride);
            float* bias = Biases + (gate * BiasStride) + tile.Unit;
            for (nint i = 0; i < tile.Rows; i++)
            {
                for (nint side = 0; side < tile.Units; side += V.Count)
                {
                    V value = VectorMath.Sigmoid(V.Load(sum + side) + V.Load(line + side) + V.Load(bias + side));
                    value.Store(sum + side);
                    if (P.Save)
                    {
                        Put(line + side, value, (int)Math.Min(V.Count, tile.Units - side));
                    }
                }

                line += stride;
                sum += Columns;
            }
        }

        /// <summary>A gate between -1 and 1.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tanhs(in Tile tile, nint gate)
        {
            nint hidden = P.HiddenSize;
            nint stride = P.SampleRow * P.GateCount * hidden;
            float* line = Gates + (tile.Row * stride) + (gate * hidden) + tile.Unit;
            float* sum = tile.Sums + (gate * tile.GateStride);
            float* bias = Biases + (gate * BiasStride) + tile.Unit;
            for (nint i = 0; i < tile.Rows; i++)
            {
                for (nint side = 0; side < tile.Units; side += V.Count)
                {
                    V value = VectorMath.Tanh(V.Load(sum + side) + V.Load(line + side) + V.Load(bias + side));
                    value.Store(sum + side);
                    if (P.Save)
                    {
                        Put(line + side, value, (int)Math.Min(V.Count, tile.Units - side));
                    }
                }

                line += stride;
                sum += Columns;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Lstm(in Tile tile)
        {
            nint stride = tile.GateStride;
            for (nint i = 0; i < tile.Rows; i++)
            {
                nint row = tile.Row + i;
                float* gate = tile.Sums + (i * Columns);
                float* before = CellBefore + (row * CellBeforeStride) + tile.Unit;
                float* cell = Cell + (row * CellStride) + tile.Unit;
                float* hidden = Hidden + (row * P.SampleRow * P.YRow) + tile.Unit;
                for (nint side = 0; side < tile.Units; side += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, tile.Units - side);
                    V c = V.Fma(V.Load(gate + side + stride), V.Load(before + side), V.Load(gate + side) * V.Load(gate + side + (2 * stride)));
                    V h = V.Load(gate + side + (3 * stride)) * VectorMath.Tanh(c);
                    Put(cell + side, c, lanes);
                    Put(hidden + side, h, lanes);
                    h.Store(tile.State + (i * Columns) + side);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Gru(in Tile tile)
        {
            nint size = P.HiddenSize;
            float* bias = Biases + (2 * BiasStride) + tile.Unit;
            float* otherBias = bias + BiasStride;
            for (nint i = 0; i < tile.Rows; i++)
            {
                nint row = tile.Row + i;
                float* gate = tile.Sums + (i * Columns);
                float* line = Gates + (((row * P.SampleRow * 3) + 2) * size) + tile.Unit;
                float* saved = HiddenPart + (row * P.SampleRow * size) + tile.Unit;
                float* before = HiddenBefore + (row * HiddenBeforeStride) + tile.Unit;
                float* hidden = Hidden + (row * P.SampleRow * P.YRow) + tile.Unit;
                for (nint side = 0; side < tile.Units; side += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, tile.Units - side);
                    V part = V.Load(gate + side + (2 * tile.GateStride)) + V.Load(otherBias + side);
                    V n = VectorMath.Tanh(V.Fma(V.Load(gate + side), part, V.Load(line + side) + V.Load(bias + side)));
                    V h = V.Fma(V.Load(gate + side + tile.GateStride), V.Load(before + side) - n, n);
                    if (P.Save)
                    {
                        Put(line + side, n, lanes);
                        Put(saved + side, part, lanes);
                    }

                    Put(hidden + side, h, lanes);
                    h.Store(tile.State + (i * Columns) + side);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Simple(in Tile tile)
        {
            bool tanh = P.Cell == RecurrentCell.Tanh;
            for (nint i = 0; i < tile.Rows; i++)
            {
                nint row = tile.Row + i;
                float* sum = tile.Sums + (i * Columns);
                float* line = Gates + (row * P.SampleRow * P.HiddenSize) + tile.Unit;
                float* hidden = Hidden + (row * P.SampleRow * P.YRow) + tile.Unit;
                for (nint side = 0; side < tile.Units; side += V.Count)
                {
                    V x = V.Load(sum + side) + V.Load(line + side) + V.Load(Biases + tile.Unit + side);
                    V h = tanh ? VectorMath.Tanh(x) : V.Max(V.Zero, x);
                    Put(hidden + side, h, (int)Math.Min(V.Count, tile.Units - side));
                    h.Store(tile.State + (i * Columns) + side);
                }
            }
        }
    }

    /// <summary>Some samples and hidden units of a step.</summary>
    private struct Tile
    {
        /// <summary>Products of the hidden state before with the weights, [gate][row][Columns].</summary>
        public float* Sums;
        public nint GateStride;

        /// <summary>Where the new hidden states are kept, [row][Columns].</summary>
        public float* State;
        public nint Row;
        public nint Rows;
        public nint Unit;
        public nint Units;
    }
}
