using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>Backpropagation through time; the gradients of all weights are one product each, over all steps.</content>
public static unsafe partial class Recurrent<V>
{
    /// <summary>Computes the gradients.</summary>
    /// <param name="problem">Operands, results and what forward kept with <see cref="RecurrentProblem.Save"/>.</param>
    /// <param name="gradients">Gradients of the results, and where the others go.</param>
    public static void Backward(in RecurrentProblem problem, in RecurrentGradients gradients)
    {
        Steps(problem, gradients);
        nint hidden = problem.HiddenSize;
        nint all = problem.GateCount * hidden;
        nint rows = problem.Steps * problem.Batch;
        bool gru = problem.Cell == RecurrentCell.Gru;
        Floats gates = gradients.Gates;
        if (gradients.X.Address is not null)
        {
            Gemm<V>.Run(GemmProblem.NN(rows, problem.InputSize, all, gates, problem.InputWeight, gradients.X) with { CRow = gradients.XRow, Add = gradients.AddX });
        }

        if (gradients.InputWeight.Address is not null)
        {
            Gemm<V>.Run(GemmProblem.TN(all, problem.InputSize, rows, gates, problem.X, gradients.InputWeight) with { BRow = problem.XRow, Add = gradients.AddWeights });
        }

        if (gradients.HiddenWeight.Address is not null)
        {
            var shift = new ShiftJob { P = problem, Target = gradients.Work };
            Workers.Run(ref shift, problem.Steps, 1 + (16_000 / Math.Max(problem.Batch * hidden, 1)));
            nint plain = gru ? 2 * hidden : all;
            Gemm<V>.Run(GemmProblem.TN(plain, hidden, rows, gates, gradients.Work, gradients.HiddenWeight) with { AColumn = all, Add = gradients.AddWeights });
            if (gru)
            {
                Gemm<V>.Run(GemmProblem.TN(hidden, hidden, rows, gradients.HiddenPart, gradients.Work, gradients.HiddenWeight + (plain * hidden)) with { Add = gradients.AddWeights });
            }
        }

        if (gru)
        {
            SumColumns(gates, all, rows, 2 * hidden, gradients.InputBias, gradients.HiddenBias, gradients.AddWeights);
            SumColumns(gates + (2 * hidden), all, rows, hidden, Past(gradients.InputBias, 2 * hidden), null, gradients.AddWeights);
            SumColumns(gradients.HiddenPart, hidden, rows, hidden, null, Past(gradients.HiddenBias, 2 * hidden), gradients.AddWeights);
        }
        else
        {
            SumColumns(gates, all, rows, all, gradients.InputBias, gradients.HiddenBias, gradients.AddWeights);
        }
    }

    private static float* Past(float* start, nint offset) => start is null ? null : start + offset;

    /// <summary>Gradients of the gates of all steps, last step first, and of the states before the first.</summary>
    private static void Steps(in RecurrentProblem problem, in RecurrentGradients gradients)
    {
        nint hidden = problem.HiddenSize;
        nint all = problem.GateCount * hidden;
        nint blocks = (hidden + Columns - 1) / Columns;
        nint rows = RoundUp(problem.Batch, Rows);
        nint floats = 0;
        nint weightsAt = Take(ref floats, all * blocks * Columns);
        nint turnedAt = Take(ref floats, rows * all);
        nint otherAt = Take(ref floats, rows * all);
        nint carryAt = Take(ref floats, problem.Batch * blocks * Columns);
        nint zerosAt = Take(ref floats, blocks * Columns);
        nint ownAt = floats;
        nint own = 0;
        nint sumsAt = Take(ref own, rows * Columns);
        nint gatesAt = Take(ref own, problem.GateCount * (Rows + V.Count) * Columns);
        nint worth = 1 + (60_000 / Math.Max(problem.Batch * all * Columns, 1));
        float* scratch = Scratch.Floats(floats + ((long)own * Workers.For(blocks, worth)));
        float* zeros = scratch + zerosAt;
        new Span<float>(zeros, (int)(blocks * Columns)).Clear();
        var pack = new PackColumnsJob { Source = problem.HiddenWeight, Hidden = hidden, Depth = all, Target = scratch + weightsAt };
        Workers.Run(ref pack, blocks, 1 + (20_000 / (all * Columns)));
        var step = new BackwardStep
        {
            P = problem,
            G = gradients,
            Weights = pack.Target,
            After = scratch + turnedAt,
            Before = scratch + otherAt,
            Carry = scratch + carryAt,
            CarryStride = blocks * Columns,
            Own = scratch + ownAt,
            OwnSize = own,
            SumsAt = sumsAt,
            GatesAt = gatesAt,
            IsLast = true,
        };
        bool isLstm = problem.Cell == RecurrentCell.Lstm;
        for (nint row = 0; row < problem.Batch; row++)
        {
            var line = new Span<float>(step.Carry + (row * step.CarryStride), (int)hidden);
            line.Clear();
            if (isLstm && gradients.FinalCell.Address is not null)
            {
                new ReadOnlySpan<float>(gradients.FinalCell + (row * hidden), (int)hidden).CopyTo(line);
            }
        }

        for (nint i = problem.Steps - 1; i >= 0; i--)
        {
            step.Row = problem.FirstRow(i);
            if (i > 0)
            {
                nint before = problem.FirstRow(i - 1);
                step.HiddenBefore = problem.Y + (before * problem.YRow);
                step.HiddenBeforeStride = problem.SampleRow * problem.YRow;
                step.CellBefore = isLstm ? problem.Cells + (before * hidden) : zeros;
                step.CellBeforeStride = problem.SampleRow * hidden;
            }
            else
            {
                step.HiddenBefore = problem.InitialHidden.Address is null ? zeros : problem.InitialHidden;
                step.HiddenBeforeStride = problem.InitialHidden.Address is null ? 0 : hidden;
                step.CellBefore = problem.InitialCell.Address is null ? zeros : problem.InitialCell;
                step.CellBeforeStride = problem.InitialCell.Address is null ? 0 : hidden;
            }

            Workers.Run(ref step, blocks, worth);
            float* turned = step.Before;
            step.Before = step.After;
            step.After = turned;
            step.IsLast = false;
        }

        if (gradients.InitialHidden.Address is not null)
        {
            step.IsStart = true;
            Workers.Run(ref step, blocks, worth);
        }

        if (isLstm)
        {
            CopyStates(step.Carry, step.CarryStride, gradients.InitialCell, problem.Batch, hidden);
        }
    }

    /// <summary>Writes or adds sums of columns to one target or two.</summary>
    private static void SumColumns(float* source, nint stride, nint rows, nint columns, float* target, float* other, bool add)
    {
        if (target is not null || other is not null)
        {
            var job = new SumJob { Source = source, Stride = stride, Rows = rows, Columns = columns, Target = target, Other = other, Add = add };
            Workers.Run(ref job, (columns + (4 * V.Count) - 1) / (4 * V.Count), 1 + (8000 / Math.Max(rows * V.Count, 1)));
        }
    }

    /// <summary>Packs the hidden state's weights as [block of units][gates * hidden][Columns]; units are blocks.</summary>
    private struct PackColumnsJob : IRange
    {
        public float* Source;
        public nint Hidden;
        public nint Depth;
        public float* Target;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint block = from; block < to; block++)
            {
                nint first = block * Columns;
                Panel.Copy<V>(Source + first, Hidden, Math.Min(Columns, Hidden - first), Depth, Target + (first * Depth), Columns);
            }
        }
    }

    /// <summary>Copies the hidden state before each step to the place of the step; units are steps.</summary>
    private struct ShiftJob : IRange
    {
        public RecurrentProblem P;
        public float* Target;

        public readonly void Run(nint from, nint to, int worker)
        {
            nint hidden = P.HiddenSize;
            for (nint step = from; step < to; step++)
            {
                float* target = Target + (P.FirstRow(step) * hidden);
                float* source = step == 0 ? P.InitialHidden : P.Y + (P.FirstRow(step - 1) * P.YRow);
                nint stride = step == 0 ? hidden : P.SampleRow * P.YRow;
                for (nint row = 0; row < P.Batch; row++)
                {
                    var line = new Span<float>(target + (row * P.SampleRow * hidden), (int)hidden);
                    if (source is null)
                    {
                        line.Clear();
                    }
                    else
                    {
                        new ReadOnlySpan<float>(source + (row * stride), (int)hidden).CopyTo(line);
                    }
                }
            }
        }
    }

    /// <summary>Sums of columns; units are four vectors wide.</summary>
    private struct SumJob : IRange
    {
        public float* Source;
        public nint Stride;
        public nint Rows;
        public nint Columns;
        public float* Target;
        public float* Other;
        public bool Add;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                nint column = unit * 4 * V.Count;
                float* line = Source + column;
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                if (Columns - column >= 4 * V.Count)
                {
                    for (nint row = 0; row < Rows; row++)
                    {
                        a += V.Load(line);
                        b += V.Load(line + V.Count);
                        c += V.Load(line + (2 * V.Count));
                        d += V.Load(line + (3 * V.Count));
                        line += Stride;
                    }
                }
                else
                {
                    int LanesAt(nint columns, int vector) => (int)Math.Clamp(columns - (vector * V.Count), 0, V.Count);
                    nint left = Columns - column;
                    for (nint row = 0; row < Rows; row++)
                    {
                        a += V.LoadFirst(line, LanesAt(left, 0));
                        b += V.LoadFirst(line + V.Count, LanesAt(left, 1));
                        c += V.LoadFirst(line + (2 * V.Count), LanesAt(left, 2));
                        d += V.LoadFirst(line + (3 * V.Count), LanesAt(left, 3));
                        line += Stride;
                    }
                }

                Write(column, a);
                Write(column + V.Count, b);
                Write(column + (2 * V.Count), c);
                Write(column + (3 * V.Count), d);
            }
        }

        private readonly void Write(nint column, V sum)
        {
            int lanes = (int)Math.Clamp(Columns - column, 0, V.Count);
            if (lanes > 0 && Target is not null)
            {
                (Add ? sum + V.LoadFirst(Target + column, lanes) : sum).StoreFirst(Target + column, lanes);
            }

            if (lanes > 0 && Other is not null)
            {
                (Add ? sum + V.LoadFirst(Other + column, lanes) : sum).StoreFirst(Other + column, lanes);
            }
        }
    }

    /// <summary>A step backwards, or the last piece of the way to the states before the first step; units are blocks of hidden units.</summary>
    private struct BackwardStep : IRange
    {
        public RecurrentProblem P;
        public RecurrentGradients G;
        public float* Weights;

        /// <summary>Gradients of the gates of the step after, in panels [gates * hidden][Rows].</summary>
        public float* Before;

        /// <summary>Those of this step.</summary>
        public float* After;

        /// <summary>What goes on to the step before without passing the gates: LSTM's gradient of the cell state, GRU's z dh.</summary>
        public float* Carry;
        public nint CarryStride;
        public float* Own;
        public nint OwnSize;
        public nint SumsAt;
        public nint GatesAt;
        public nint Row;
        public float* HiddenBefore;
        public nint HiddenBeforeStride;
        public float* CellBefore;
        public nint CellBeforeStride;
        public bool IsLast;
        public bool IsStart;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint hidden = P.HiddenSize;
            nint all = P.GateCount * hidden;
            float* sums = Own + (worker * OwnSize) + SumsAt;
            float* gates = Own + (worker * OwnSize) + GatesAt;
            nint gateStride = (Rows + V.Count) * Columns;
            for (nint block = from; block < to; block++)
            {
                nint unit = block * Columns;
                nint units = Math.Min(Columns, hidden - unit);
                for (nint row = 0; row < P.Batch; row += Rows)
                {
                    nint rows = Math.Min(Rows, P.Batch - row);
                    if (IsLast)
                    {
                        Load(sums, row, rows, unit, units);
                    }
                    else
                    {
                        Gemm<V>.Tile(all, Before + (row * all), Rows, Weights + (unit * all), Columns, sums, Columns, rows, false);
                    }

                    for (nint i = 0; i < rows; i++)
                    {
                        for (nint side = 0; side < units; side += V.Count)
                        {
                            int lanes = (int)Math.Min(V.Count, units - side);
                            V dh = V.Load(sums + (i * Columns) + side);
                            float* target = gates + (i * Columns) + side;
                            if (IsStart)
                            {
                                dh = P.Cell == RecurrentCell.Gru ? dh + V.Load(Carry + ((row + i) * CarryStride) + unit + side) : dh;
                                Put(G.InitialHidden + ((row + i) * hidden) + unit + side, dh, lanes);
                                continue;
                            }

                            if (G.Y.Address is not null)
                            {
                                dh += V.Load(G.Y + ((Row + ((row + i) * P.SampleRow)) * G.YRow) + unit + side);
                            }

                            switch (P.Cell)
                            {
                                case RecurrentCell.Lstm:
                                    Lstm(dh, target, gateStride, row + i, unit + side, lanes);
                                    break;
                                case RecurrentCell.Gru:
                                    Gru(dh, target, gateStride, row + i, unit + side, lanes);
                                    break;
                                default:
                                    Simple(dh, target, row + i, unit + side, lanes);
                                    break;
                            }
                        }
                    }

                    for (nint gate = 0; !IsStart && gate < P.GateCount; gate++)
                    {
                        Panel.Transpose<V>(gates + (gate * gateStride), Columns, Rows, units, After + (row * all) + (((gate * hidden) + unit) * Rows), Rows, Rows + V.Count);
                    }
                }
            }
        }

        /// <summary>The gradient of the hidden state after the last step.</summary>
        private readonly void Load(float* sums, nint row, nint rows, nint unit, nint units)
        {
            for (nint i = 0; i < rows; i++)
            {
                for (nint side = 0; side < units; side += V.Count)
                {
                    V value = G.FinalHidden.Address is null ? V.Zero : V.Load(G.FinalHidden + ((row + i) * P.HiddenSize) + unit + side);
                    value.Store(sums + (i * Columns) + side);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Lstm(V dh, float* target, nint gateStride, nint sample, nint unit, int lanes)
        {
            nint hidden = P.HiddenSize;
            nint row = Row + (sample * P.SampleRow);
            float* saved = P.Gates + (row * 4 * hidden) + unit;
            float* line = G.Gates + (row * 4 * hidden) + unit;
            float* carry = Carry + (sample * CarryStride) + unit;
            V one = V.All(1);
            V i = V.Load(saved);
            V f = V.Load(saved + hidden);
            V g = V.Load(saved + (2 * hidden));
            V o = V.Load(saved + (3 * hidden));
            V tanh = VectorMath.Tanh(V.Load(P.Cells + (row * hidden) + unit));
            V dc = V.Fma(dh * o, one - (tanh * tanh), V.Load(carry));
            V di = dc * g * i * (one - i);
            V df = dc * V.Load(CellBefore + (sample * CellBeforeStride) + unit) * f * (one - f);
            V dg = dc * i * (one - (g * g));
            V d = dh * tanh * o * (one - o);
            Put(carry, dc * f, lanes);
            Put(line, di, lanes);
            Put(line + hidden, df, lanes);
            Put(line + (2 * hidden), dg, lanes);
            Put(line + (3 * hidden), d, lanes);
            di.Store(target);
            df.Store(target + gateStride);
            dg.Store(target + (2 * gateStride));
            d.Store(target + (3 * gateStride));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Gru(V dh, float* target, nint gateStride, nint sample, nint unit, int lanes)
        {
            nint hidden = P.HiddenSize;
            nint row = Row + (sample * P.SampleRow);
            float* saved = P.Gates + (row * 3 * hidden) + unit;
            float* line = G.Gates + (row * 3 * hidden) + unit;
            float* carry = Carry + (sample * CarryStride) + unit;
            V one = V.All(1);
            V r = V.Load(saved);
            V z = V.Load(saved + hidden);
            V n = V.Load(saved + (2 * hidden));
            V part = V.Load(P.HiddenPart + (row * hidden) + unit);
            dh += V.Load(carry);
            V dn = dh * (one - z) * (one - (n * n));
            V dz = dh * (V.Load(HiddenBefore + (sample * HiddenBeforeStride) + unit) - n) * z * (one - z);
            V dr = dn * part * r * (one - r);
            V dPart = dn * r;
            Put(carry, dh * z, lanes);
            Put(line, dr, lanes);
            Put(line + hidden, dz, lanes);
            Put(line + (2 * hidden), dn, lanes);
            Put(G.HiddenPart + (row * hidden) + unit, dPart, lanes);
            dr.Store(target);
            dz.Store(target + gateStride);
            dPart.Store(target + (2 * gateStride));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Simple(V dh, float* target, nint sample, nint unit, int lanes)
        {
            nint row = Row + (sample * P.SampleRow);
            V h = V.Load(P.Y + (row * P.YRow) + unit);
            V d = P.Cell == RecurrentCell.Tanh ? dh * (V.All(1) - (h * h)) : V.Select(V.LessOrEqual(h, V.Zero), V.Zero, dh);
            Put(G.Gates + (row * P.HiddenSize) + unit, d, lanes);
            d.Store(target);
        }
    }
}
