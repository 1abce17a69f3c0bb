using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Scaled dot-product attention in tiles: scores exist for a few hundred pairs at a time, in the nearest cache, and never in memory (T. Dao et al., "FlashAttention", 2022;
/// T. Dao, "FlashAttention-2", 2023). The sum of exponentials is carried along from tile to tile (M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax",
/// 2018); backward computes the probabilities again from its logarithm.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
/// <remarks>
/// A query whose keys are all masked gives zeros and takes no gradient, as in PyTorch, unless NaN is asked for. NaN goes into the results that depend on it (PyTorch's own tiled kernel gives zeros where
/// all scores of a query are NaN; its untiled one does not).
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Attention<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Keys of a tile: a multiple of the rows and columns of all products and of the 64 keys of a group of random numbers. Its scores stay in the nearest cache.</summary>
    private const nint KeyBlock = 192;

    private const float Log2E = 1.44269504f;
    private const float Ln2 = 0.69314718f;

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

    /// <summary>Computes the result and, for backward, the logarithms of the sums.</summary>
    /// <param name="problem">Operands and results.</param>
    public static void Forward(in AttentionProblem problem)
    {
        nint blocks = (problem.Queries + Columns - 1) / Columns;
        nint units = problem.Batch * problem.Heads * blocks;
        if (units == 0)
        {
            return;
        }

        if (problem.Queries <= FewQueries && problem.Dropout == 0 && problem.Kept.Address is null)
        {
            ForwardFew(problem);
            return;
        }

        var job = new ForwardJob { P = problem, Blocks = blocks };
        nint keys = problem.VisibleKeys;
        nint floats = 0;
        job.KeysAt = Take(ref floats, RoundUp(keys, Rows) * problem.HeadSize);
        job.ValuesAt = Take(ref floats, RoundUp(problem.ValueSize, Rows) * keys);
        job.QueriesAt = Take(ref floats, problem.HeadSize * Columns);
        job.ScoresAt = Take(ref floats, KeyBlock * Columns);
        job.ResultAt = Take(ref floats, RoundUp(problem.ValueSize, V.Count) * Columns);
        job.MaskAt = Take(ref floats, problem.Mask.Address is null ? 0 : KeyBlock * Columns);
        job.LanesAt = Take(ref floats, Columns);
        job.EdgeAt = Take(ref floats, 2 * V.Count * V.Count);
        nint worth = Worth(Columns * keys * (problem.HeadSize + problem.ValueSize));
        job.Own = floats;
        job.Scratch = Scratch.Floats((long)floats * Workers.For(units, worth));
        Workers.Share(ref job, units, worth, piece: blocks);
    }

    /// <summary>Units that are worth a worker, when each takes this many multiply-adds.</summary>
    private static nint Worth(nint multiplyAdds) => 1 + (100_000 / Math.Max(multiplyAdds, 1));

    private static nint RoundUp(nint size, nint multiple) => (size + multiple - 1) / multiple * multiple;

    /// <summary>Reserves a piece of scratch memory, with room for whole vectors past its end.</summary>
    private static nint Take(ref nint floats, nint count)
    {
        nint start = floats;
        floats += RoundUp(count, 16) + 16;
        return start;
    }

    /// <summary>Lines become columns: <c>target[k * targetStride + i] = source[i * stride + k]</c> for i below the width, zero for i past the lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* source, nint stride, nint lines, nint depth, float* target, nint targetStride, nint width, float* edge)
    {
        for (nint i = 0; i < width; i += V.Count)
        {
            nint there = Math.Clamp(lines - i, 0, V.Count);
            nint wide = Math.Min(width - i, V.Count);
            for (nint k = 0; k < depth; k += V.Count)
            {
                nint deep = Math.Min(depth - k, V.Count);
                if (there == V.Count && deep == V.Count)
                {
                    V.Transpose(source + (i * stride) + k, stride, target + (k * targetStride) + i, targetStride);
                    continue;
                }

                float* turned = edge + (V.Count * V.Count);
                for (nint line = 0; line < V.Count; line++)
                {
                    V lanes = line < there ? V.LoadFirst(source + ((i + line) * stride) + k, (int)deep) : V.Zero;
                    lanes.Store(edge + (line * V.Count));
                }

                V.Transpose(edge, V.Count, turned, V.Count);
                for (nint column = 0; column < deep; column++)
                {
                    V lanes = V.Load(turned + (column * V.Count));
                    float* place = target + ((k + column) * targetStride) + i;
                    if (wide == V.Count)
                    {
                        lanes.Store(place);
                    }
                    else
                    {
                        lanes.StoreFirst(place, (int)wide);
                    }
                }
            }
        }
    }

    /// <summary>Lines in panels of <see cref="Rows"/>, each [depth][Rows]: the left operand of a product.</summary>
    private static void PackRows(float* source, nint stride, nint lines, nint depth, float* target, float* edge)
    {
        for (nint line = 0; line < lines; line += Rows)
        {
            float* panel = target + (line * depth);
            if (lines - line >= Rows)
            {
                Panel.Transpose<V>(source + (line * stride), stride, Rows, depth, panel, Rows, lines - line);
            }
            else
            {
                Transpose(source + (line * stride), stride, lines - line, depth, panel, Rows, Rows, edge);
            }
        }
    }

    /// <summary>Columns in panels of <see cref="Rows"/>, each [lines][Rows]: the left operand of a product, transposed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SliceColumns(float* source, nint stride, nint lines, nint columns, float* target)
    {
        for (nint column = 0; column < columns; column += Rows)
        {
            float* line = source + column;
            for (nint i = 0; i < lines; i++)
            {
                // What is stored past the panel's row is overwritten by the next one; past the last it is padding or the next panel.
                for (nint j = 0; j < Rows; j += V.Count)
                {
                    V.Load(line + j).Store(target + j);
                }

                line += stride;
                target += Rows;
            }
        }
    }

    /// <summary>A part of the heads and blocks of queries. Scores are kept with a line for each key, so that everything about a query happens in its lane.</summary>
    private struct ForwardJob : IRange
    {
        public AttentionProblem P;
        public nint Blocks;
        public float* Scratch;
        public nint Own;
        public nint KeysAt;
        public nint ValuesAt;
        public nint QueriesAt;
        public nint ScoresAt;
        public nint ResultAt;
        public nint MaskAt;
        public nint LanesAt;
        public nint EdgeAt;

        public void Run(nint from, nint to, int worker)
        {
            float* own = Scratch + (worker * Own);
            for (nint i = 0; i < Columns; i++)
            {
                own[LanesAt + i] = i;
            }

            nint packed = -1;
            for (nint unit = from; unit < to; unit++)
            {
                nint sample = unit / Blocks / P.Heads;
                nint head = unit / Blocks % P.Heads;
                nint shared = head / P.Group;
                nint pair = (sample * P.KeyValueHeads) + shared;
                if (pair != packed)
                {
                    float* k = P.K + (sample * P.KStrides.Batch) + (shared * P.KStrides.Head);
                    float* v = P.V + (sample * P.VStrides.Batch) + (shared * P.VStrides.Head);
                    PackRows(k, P.KStrides.Token, P.VisibleKeys, P.HeadSize, own + KeysAt, own + EdgeAt);
                    SliceColumns(v, P.VStrides.Token, P.VisibleKeys, P.ValueSize, own + ValuesAt);
                    packed = pair;
                }

                // From both ends inwards: with a causal mask late blocks are more work, and so each worker gets early and late ones.
                nint place = unit % Blocks;
                nint block = place % 2 == 0 ? place / 2 : Blocks - 1 - (place / 2);
                Block(own, sample, head, block * Columns);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Block(float* own, nint sample, nint head, nint first)
        {
            nint count = Math.Min(Columns, P.Queries - first);
            nint keys = P.Causal ? Math.Min(P.VisibleKeys, first + count) : P.VisibleKeys;
            float* q = own + QueriesAt;
            float* scores = own + ScoresAt;
            float* result = own + ResultAt;
            Transpose(P.Q + (sample * P.QStrides.Batch) + (head * P.QStrides.Head) + (first * P.QStrides.Token), P.QStrides.Token, count, P.HeadSize, q, Columns, Columns, own + EdgeAt);
            V factor = V.All(P.Scale * Log2E);
            for (nint i = 0; i < P.HeadSize * Columns; i += V.Count)
            {
                (V.Load(q + i) * factor).Store(q + i);
            }

            V infinity = V.All(float.PositiveInfinity);
            V largest0 = -infinity;
            V largest1 = largest0;
            V sum0 = V.Zero;
            V sum1 = V.Zero;
            for (nint key = 0; key < keys; key += KeyBlock)
            {
                nint n = Math.Min(KeyBlock, keys - key);
                for (nint i = 0; i < n; i += Rows)
                {
                    Gemm<V>.Tile(P.HeadSize, own + KeysAt + ((key + i) * P.HeadSize), Rows, q, Columns, scores + (i * Columns), Columns, Math.Min(Rows, n - i), false);
                }

                if (P.Mask.Address is not null)
                {
                    AddMask(own, sample, head, first, count, key, n);
                }

                if (P.Causal)
                {
                    Hide(scores, own + LanesAt, first - key, n);
                }

                V before0 = largest0;
                V before1 = largest1;
                for (nint i = 0; i < n; i++)
                {
                    largest0 = V.Max(largest0, V.Load(scores + (i * Columns)));
                    largest1 = V.Max(largest1, V.Load(scores + (i * Columns) + V.Count));
                }

                // Where all is masked so far 0 is subtracted instead of minus infinity, which leaves zeros.
                V base0 = V.Select(V.Equal(largest0, -infinity), V.Zero, largest0);
                V base1 = V.Select(V.Equal(largest1, -infinity), V.Zero, largest1);
                if (key > 0)
                {
                    V shrink0 = VectorMath.Exp2(before0 - base0);
                    V shrink1 = VectorMath.Exp2(before1 - base1);
                    sum0 *= shrink0;
                    sum1 *= shrink1;
                    for (nint i = 0; i < P.ValueSize; i++)
                    {
                        float* line = result + (i * Columns);
                        (V.Load(line) * shrink0).Store(line);
                        (V.Load(line + V.Count) * shrink1).Store(line + V.Count);
                    }
                }

                for (nint i = 0; i < n; i++)
                {
                    float* line = scores + (i * Columns);
                    V e0 = VectorMath.Exp2(V.Load(line) - base0);
                    V e1 = VectorMath.Exp2(V.Load(line + V.Count) - base1);
                    e0.Store(line);
                    e1.Store(line + V.Count);
                    sum0 += e0;
                    sum1 += e1;
                }

                if (P.Dropout > 0)
                {
                    Drop(scores, (uint)((sample * P.Heads) + head), (uint)first, key, n);
                }
                else if (P.Kept.Address is not null)
                {
                    Keep(scores, P.Kept + (((((sample * P.Heads) + head) * P.Queries) + first) * P.Keys) + key, count, n);
                }

                for (nint i = 0; i < P.ValueSize; i += Rows)
                {
                    float* values = own + ValuesAt + (i * P.VisibleKeys) + (key * Rows);
                    Gemm<V>.Tile(n, values, Rows, scores, Columns, result + (i * Columns), Columns, Math.Min(Rows, P.ValueSize - i), key > 0);
                }
            }

            V empty0 = V.Equal(sum0, V.Zero);
            V empty1 = V.Equal(sum1, V.Zero);
            V kept = V.All(1 / (1 - P.Dropout));
            V nothing = V.All(P.EmptyIsNaN ? float.NaN : 0);
            V share0 = V.Select(empty0, nothing, kept / sum0);
            V share1 = V.Select(empty1, nothing, kept / sum1);
            for (nint i = 0; i < P.ValueSize; i++)
            {
                float* line = result + (i * Columns);
                V r0 = keys == 0 ? V.Zero : V.Load(line) * share0;
                V r1 = keys == 0 ? V.Zero : V.Load(line + V.Count) * share1;
                r0.Store(line);
                r1.Store(line + V.Count);
            }

            float* target = P.Out + (sample * P.OutStrides.Batch) + (head * P.OutStrides.Head) + (first * P.OutStrides.Token);
            Attention<V>.Transpose(result, Columns, P.ValueSize, count, target, P.OutStrides.Token, P.ValueSize, own + EdgeAt);
            if (P.LogSumExp.Address is not null)
            {
                float* logs = P.LogSumExp + (((sample * P.Heads) + head) * P.Queries) + first;
                V none = V.All(P.EmptyIsNaN ? float.NaN : float.PositiveInfinity);
                V log0 = V.Select(empty0, none, V.Fma(largest0, V.All(Ln2), V.Log(sum0)));
                V log1 = V.Select(empty1, none, V.Fma(largest1, V.All(Ln2), V.Log(sum1)));
                log0.StoreFirst(logs, (int)Math.Min(count, V.Count));
                if (count > V.Count)
                {
                    log1.StoreFirst(logs + V.Count, (int)(count - V.Count));
                }
            }
        }

        /// <summary>Minus infinity for keys after the query.</summary>
        /// <param name="scores">Lines of keys, from key on.</param>
        /// <param name="lanes">0, 1, 2 ...</param>
        /// <param name="offset">First query minus first key.</param>
        /// <param name="n">Number of keys.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Hide(float* scores, float* lanes, nint offset, nint n)
        {
            V hidden = V.All(float.NegativeInfinity);
            for (nint i = Math.Max(0, offset + 1); i < n; i++)
            {
                float* line = scores + (i * Columns);
                V firstVisible = V.All(i - offset);
                V.Select(V.Less(V.Load(lanes), firstVisible), hidden, V.Load(line)).Store(line);
                V.Select(V.Less(V.Load(lanes + V.Count), firstVisible), hidden, V.Load(line + V.Count)).Store(line + V.Count);
            }
        }

        /// <summary>Adds the mask to the scores of a tile; both count in powers of two.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void AddMask(float* own, nint sample, nint head, nint first, nint count, nint key, nint n)
        {
            float* mask = P.Mask + (sample * P.MaskBatch) + (head * P.MaskHead) + (first * P.MaskQuery) + (key * P.MaskKey);
            float* scores = own + ScoresAt;
            V factor = V.All(Log2E);
            if (P.MaskQuery == 0)
            {
                for (nint i = 0; i < n; i++)
                {
                    float* line = scores + (i * Columns);
                    V added = V.All(mask[i * P.MaskKey] * Log2E);
                    (V.Load(line) + added).Store(line);
                    (V.Load(line + V.Count) + added).Store(line + V.Count);
                }

                return;
            }

            float* turned = own + MaskAt;
            if (P.MaskKey == 1)
            {
                Attention<V>.Transpose(mask, P.MaskQuery, count, n, turned, Columns, Columns, own + EdgeAt);
            }
            else
            {
                for (nint i = 0; i < n; i++)
                {
                    for (nint j = 0; j < Columns; j++)
                    {
                        turned[(i * Columns) + j] = j < count ? mask[(i * P.MaskKey) + (j * P.MaskQuery)] : 0;
                    }
                }
            }

            for (nint i = 0; i < n * Columns; i += V.Count)
            {
                V.Fma(V.Load(turned + i), factor, V.Load(scores + i)).Store(scores + i);
            }
        }

        /// <summary>
        /// Zeroes what dropout drops. The random words of query i and key j have the counter (i, j / 64 * 16 + j % 16, sample * heads + head, stream), of which word
        /// j / 16 % 4 is taken: one call serves whole vectors, whether lanes are queries, as here, or keys, as in backward.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Drop(float* scores, uint head, uint first, nint key, nint n)
        {
            V p = V.All(P.Dropout);
            V last = V.AllBits(P.Stream);
            for (nint from = 0; from < n; from += 64)
            {
                for (nint i = 0; i < 16 && from + i < n; i++)
                {
                    V keys = V.AllBits((uint)(((key + from) / 4) + i));
                    for (nint side = 0; side < Columns; side += V.Count)
                    {
                        V queries = V.AddInt32(V.AllBits(first + (uint)side), V.LaneNumbers);
                        Philox.Next4(P.Seed, queries, keys, V.AllBits(head), last, out V x0, out V x1, out V x2, out V x3);
                        nint row = from + i;
                        Keep(scores + (row * Columns) + side, x0, p, row < n);
                        Keep(scores + ((row + 16) * Columns) + side, x1, p, row + 16 < n);
                        Keep(scores + ((row + 32) * Columns) + side, x2, p, row + 32 < n);
                        Keep(scores + ((row + 48) * Columns) + side, x3, p, row + 48 < n);
                    }
                }
            }
        }

        /// <summary>Multiplies the lines of keys by given factors, whose lines are queries.</summary>
        private readonly void Keep(float* scores, float* factors, nint count, nint n)
        {
            for (nint i = 0; i < n; i++)
            {
                for (nint j = 0; j < count; j++)
                {
                    scores[(i * Columns) + j] *= factors[(j * P.Keys) + i];
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Keep(float* place, V bits, V p, bool exists)
        {
            if (exists)
            {
                // A NaN that is dropped stays NaN, as when it is multiplied by zero.
                V value = V.Load(place);
                V.Select(Philox.Keep(bits, p), value, value * V.Zero).Store(place);
            }
        }
    }
}
