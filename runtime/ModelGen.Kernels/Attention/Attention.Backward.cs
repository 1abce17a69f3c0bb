using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>The gradients. Scores are kept with a line for each query here: four of the five products then read their operands without turning them.</content>
public static unsafe partial class Attention<V>
{
    /// <summary>Queries of a tile: a multiple of the rows of all products.</summary>
    private const nint QueryBlock = 96;

    /// <summary>Distance of the lines of a tile: not a power of two, so that they do not compete for the same places of the cache.</summary>
    private const nint Pitch = KeyBlock + 16;

    /// <summary>Computes the gradients of queries, keys and values.</summary>
    /// <param name="problem">Operands, <see cref="AttentionProblem.Out"/> and <see cref="AttentionProblem.LogSumExp"/> of the forward pass among them.</param>
    /// <param name="gradients">Gradient of the result, and where the others go.</param>
    public static void Backward(in AttentionProblem problem, in AttentionGradients gradients)
    {
        nint units = problem.Batch * problem.KeyValueHeads;
        if (units == 0)
        {
            return;
        }

        nint keys = problem.VisibleKeys;
        nint size = RoundUp(problem.HeadSize, Columns);
        nint valueSize = RoundUp(problem.ValueSize, Columns);
        var job = new BackwardJob { P = problem, G = gradients, Size = size, ValueSize = valueSize };
        nint floats = 0;
        job.KeyColumnsAt = Take(ref floats, RoundUp(keys, Columns) * problem.HeadSize);
        job.ValueColumnsAt = Take(ref floats, RoundUp(keys, Columns) * problem.ValueSize);
        job.KeyLinesAt = Take(ref floats, keys * size);
        job.KeySumsAt = Take(ref floats, keys * size);
        job.ValueSumsAt = Take(ref floats, keys * valueSize);
        job.QueryRowsAt = Take(ref floats, QueryBlock * problem.HeadSize);
        job.QueryLinesAt = Take(ref floats, QueryBlock * size);
        job.OutRowsAt = Take(ref floats, QueryBlock * problem.ValueSize);
        job.OutLinesAt = Take(ref floats, QueryBlock * valueSize);
        job.QuerySumsAt = Take(ref floats, QueryBlock * size);
        job.ScoresAt = Take(ref floats, QueryBlock * Pitch);
        job.ChangesAt = Take(ref floats, (QueryBlock + V.Count) * Pitch);
        job.TurnedAt = Take(ref floats, (KeyBlock + V.Count) * Rows);
        job.MaskAt = Take(ref floats, KeyBlock);
        job.LanesAt = Take(ref floats, V.Count);
        job.DroppedAt = Take(ref floats, problem.Dropout > 0 || problem.Kept.Address is not null ? Rows * KeyBlock : 0);
        job.EdgeAt = Take(ref floats, 2 * V.Count * V.Count);
        job.Own = floats;
        nint worth = Worth(problem.Group * problem.Queries * keys * ((3 * problem.HeadSize) + (2 * problem.ValueSize)));
        job.Scratch = Scratch.Floats((long)floats * Workers.For(units, worth));
        Workers.Share(ref job, units, worth);
    }

    /// <summary>Lines in panels of two vectors, each [lines][Columns], zero past their end: the right operand of a product.</summary>
    private static void CopyLines(float* source, nint stride, nint lines, nint depth, float* target)
    {
        for (nint column = 0; column < depth; column += Columns)
        {
            Panel.Copy<V>(source + column, stride, Math.Min(Columns, depth - column), lines, target + (column * lines), Columns);
        }
    }

    /// <summary>A part of the samples and heads of keys; nothing is shared with other parts, so that sums have one order.</summary>
    private struct BackwardJob : IRange
    {
        public AttentionProblem P;
        public AttentionGradients G;
        public nint Size;
        public nint ValueSize;
        public float* Scratch;
        public nint Own;
        public nint KeyColumnsAt;
        public nint ValueColumnsAt;
        public nint KeyLinesAt;
        public nint KeySumsAt;
        public nint ValueSumsAt;
        public nint QueryRowsAt;
        public nint QueryLinesAt;
        public nint OutRowsAt;
        public nint OutLinesAt;
        public nint QuerySumsAt;
        public nint ScoresAt;
        public nint ChangesAt;
        public nint TurnedAt;
        public nint MaskAt;
        public nint LanesAt;
        public nint DroppedAt;
        public nint EdgeAt;

        public readonly void Run(nint from, nint to, int worker)
        {
            float* own = Scratch + (worker * Own);
            for (nint i = 0; i < V.Count; i++)
            {
                own[LanesAt + i] = i;
            }

            for (nint unit = from; unit < to; unit++)
            {
                Head(own, unit / P.KeyValueHeads, unit % P.KeyValueHeads);
            }
        }

        /// <summary>All gradients of a head of keys and the heads of queries that share it.</summary>
        private readonly void Head(float* own, nint sample, nint shared)
        {
            nint keys = P.VisibleKeys;
            float* k = P.K + (sample * P.KStrides.Batch) + (shared * P.KStrides.Head);
            float* v = P.V + (sample * P.VStrides.Batch) + (shared * P.VStrides.Head);
            for (nint key = 0; key < keys; key += Columns)
            {
                Transpose(k + (key * P.KStrides.Token), P.KStrides.Token, keys - key, P.HeadSize, own + KeyColumnsAt + (key * P.HeadSize), Columns, Columns, own + EdgeAt);
                Transpose(v + (key * P.VStrides.Token), P.VStrides.Token, keys - key, P.ValueSize, own + ValueColumnsAt + (key * P.ValueSize), Columns, Columns, own + EdgeAt);
            }

            CopyLines(k, P.KStrides.Token, keys, P.HeadSize, own + KeyLinesAt);
            new Span<float>(own + KeySumsAt, (int)(keys * Size)).Clear();
            new Span<float>(own + ValueSumsAt, (int)(keys * ValueSize)).Clear();
            for (nint head = shared * P.Group; head < (shared + 1) * P.Group; head++)
            {
                for (nint first = 0; first < P.Queries; first += QueryBlock)
                {
                    Block(own, sample, head, first, Math.Min(QueryBlock, P.Queries - first));
                }
            }

            Put(own + KeySumsAt, Size, P.Scale, G.K + (sample * G.KStrides.Batch) + (shared * G.KStrides.Head), G.KStrides.Token, keys, P.HeadSize, G.Add);
            Put(own + ValueSumsAt, ValueSize, 1, G.V + (sample * G.VStrides.Batch) + (shared * G.VStrides.Head), G.VStrides.Token, keys, P.ValueSize, G.Add);
            if (!G.Add)
            {
                // Keys that no query sees.
                for (nint key = keys; key < P.Keys; key++)
                {
                    new Span<float>(G.K + (sample * G.KStrides.Batch) + (shared * G.KStrides.Head) + (key * G.KStrides.Token), (int)P.HeadSize).Clear();
                    new Span<float>(G.V + (sample * G.VStrides.Batch) + (shared * G.VStrides.Head) + (key * G.VStrides.Token), (int)P.ValueSize).Clear();
                }
            }
        }

        /// <summary>A block of queries with all keys.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Block(float* own, nint sample, nint head, nint first, nint count)
        {
            float* q = P.Q + (sample * P.QStrides.Batch) + (head * P.QStrides.Head) + (first * P.QStrides.Token);
            float* d = G.Out + (sample * G.OutStrides.Batch) + (head * G.OutStrides.Head) + (first * G.OutStrides.Token);
            float* o = P.Out + (sample * P.OutStrides.Batch) + (head * P.OutStrides.Head) + (first * P.OutStrides.Token);
            float* logs = P.LogSumExp + (((sample * P.Heads) + head) * P.Queries) + first;
            PackRows(q, P.QStrides.Token, count, P.HeadSize, own + QueryRowsAt, own + EdgeAt);
            PackRows(d, G.OutStrides.Token, count, P.ValueSize, own + OutRowsAt, own + EdgeAt);
            CopyLines(q, P.QStrides.Token, count, P.HeadSize, own + QueryLinesAt);
            CopyLines(d, G.OutStrides.Token, count, P.ValueSize, own + OutLinesAt);
            float* deltas = stackalloc float[(int)QueryBlock];
            for (nint i = 0; i < count; i++)
            {
                deltas[i] = Dot(o + (i * P.OutStrides.Token), d + (i * G.OutStrides.Token), P.ValueSize);
            }

            nint keys = P.Causal ? Math.Min(P.VisibleKeys, first + count) : P.VisibleKeys;
            float* sums = own + QuerySumsAt;
            if (keys == 0)
            {
                new Span<float>(sums, (int)(count * Size)).Clear();
            }

            for (nint key = 0; key < keys; key += KeyBlock)
            {
                nint n = Math.Min(KeyBlock, keys - key);
                for (nint row = 0; row < count; row += Rows)
                {
                    nint rows = Math.Min(Rows, count - row);
                    nint seen = P.Causal ? Math.Clamp(first + row + rows - key, 0, n) : n;
                    float* scores = own + ScoresAt + (row * Pitch);
                    float* changes = own + ChangesAt + (row * Pitch);
                    for (nint i = 0; i < seen; i += Columns)
                    {
                        Gemm<V>.Tile(P.HeadSize, own + QueryRowsAt + (row * P.HeadSize), Rows, own + KeyColumnsAt + ((key + i) * P.HeadSize), Columns, scores + i, Pitch, rows, false);
                        Gemm<V>.Tile(P.ValueSize, own + OutRowsAt + (row * P.ValueSize), Rows, own + ValueColumnsAt + ((key + i) * P.ValueSize), Columns, changes + i, Pitch, rows, false);
                    }

                    if (P.Dropout > 0)
                    {
                        Draw(own + DroppedAt, (uint)((sample * P.Heads) + head), (uint)(first + row), rows, key, seen);
                    }
                    else if (P.Kept.Address is not null)
                    {
                        float* factors = P.Kept + (((((sample * P.Heads) + head) * P.Queries) + first + row) * P.Keys) + key;
                        for (nint i = 0; i < rows; i++)
                        {
                            new Span<float>(factors + (i * P.Keys), (int)seen).CopyTo(new Span<float>(own + DroppedAt + (i * KeyBlock), (int)KeyBlock));
                        }
                    }

                    for (nint i = 0; i < rows; i++)
                    {
                        nint query = first + row + i;
                        Line(own, sample, head, query, key, n, P.Causal ? Math.Clamp(query + 1 - key, 0, n) : n, scores + (i * Pitch), changes + (i * Pitch), own + DroppedAt + (i * KeyBlock), logs[row + i], deltas[row + i]);
                    }

                    // A line for each key, for the product with the keys. Lines and keys past the end are turned too, in whole blocks; nobody reads them.
                    Panel.Transpose<V>(changes, Pitch, Rows, RoundUp(seen, V.Count) + 1, own + TurnedAt, Rows, V.Count);

                    for (nint i = 0; (seen > 0 || key == 0) && i < P.HeadSize; i += Columns)
                    {
                        Gemm<V>.Tile(seen, own + TurnedAt, Rows, own + KeyLinesAt + (i * P.VisibleKeys) + (key * Columns), Columns, sums + (row * Size) + i, Size, rows, key > 0);
                    }
                }

                for (nint i = 0; i < n; i += Rows)
                {
                    nint rows = Math.Min(Rows, n - i);
                    nint start = P.Causal ? Math.Clamp(key + i - first, 0, count) : 0;
                    for (nint column = 0; column < P.ValueSize; column += Columns)
                    {
                        Gemm<V>.Tile(count - start, own + ScoresAt + (start * Pitch) + i, Pitch, own + OutLinesAt + (column * count) + (start * Columns), Columns, own + ValueSumsAt + ((key + i) * ValueSize) + column, ValueSize, rows, true);
                    }

                    for (nint column = 0; column < P.HeadSize; column += Columns)
                    {
                        Gemm<V>.Tile(count - start, own + ChangesAt + (start * Pitch) + i, Pitch, own + QueryLinesAt + (column * count) + (start * Columns), Columns, own + KeySumsAt + ((key + i) * Size) + column, Size, rows, true);
                    }
                }
            }

            Put(sums, Size, P.Scale, G.Q + (sample * G.QStrides.Batch) + (head * G.QStrides.Head) + (first * G.QStrides.Token), G.QStrides.Token, count, P.HeadSize, G.Add);
        }

        /// <summary>Scores become probabilities, and gradients of probabilities become gradients of scores: <c>p (dp - delta)</c>; zero from the end on.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Line(float* own, nint sample, nint head, nint query, nint key, nint n, nint end, float* scores, float* changes, float* dropped, float log, float delta)
        {
            V factor = V.All(P.Scale * Log2E);
            V shift = V.All(-log * Log2E);
            V less = V.All(delta);
            float* added = null;
            if (P.Mask.Address is not null)
            {
                float* mask = P.Mask + (sample * P.MaskBatch) + (head * P.MaskHead) + (query * P.MaskQuery) + (key * P.MaskKey);
                added = own + MaskAt;
                for (nint i = 0; i < end; i += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, end - i);
                    if (P.MaskKey == 1)
                    {
                        (V.LoadFirst(mask + i, lanes) * V.All(Log2E)).Store(added + i);
                        continue;
                    }

                    for (nint j = 0; j < lanes; j++)
                    {
                        added[i + j] = mask[(i + j) * P.MaskKey] * Log2E;
                    }
                }
            }

            V grown = V.All(1 / (1 - P.Dropout));
            nint place = 0;
            for (; place < end; place += V.Count)
            {
                V score = V.Load(scores + place) * factor;
                if (added is not null)
                {
                    score += V.Load(added + place);
                }

                V p = VectorMath.Exp2(score + shift);
                V dp = V.Load(changes + place);
                V kept = p;
                if (P.Dropout > 0 || P.Kept.Address is not null)
                {
                    V keep = P.Dropout > 0 ? V.Load(dropped + place) & grown : V.Load(dropped + place);
                    dp *= keep;
                    kept *= keep;
                }

                V ds = p * (dp - less);
                if (place + V.Count > end)
                {
                    V there = V.Less(V.Load(own + LanesAt), V.All(end - place));
                    kept &= there;
                    ds &= there;
                }

                kept.Store(scores + place);
                ds.Store(changes + place);
            }

            for (; place < n; place += V.Count)
            {
                V.Zero.Store(scores + place);
                V.Zero.Store(changes + place);
            }
        }

        /// <summary>Masks of what dropout keeps, [rows][KeyBlock]; see the forward pass for what decides.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Draw(float* target, uint head, uint query, nint rows, nint key, nint n)
        {
            V p = V.All(P.Dropout);
            for (nint i = 0; i < rows; i++)
            {
                float* line = target + (i * KeyBlock);
                for (nint from = 0; from < n; from += 64)
                {
                    for (nint j = 0; j < 16; j += V.Count)
                    {
                        V keys = V.AddInt32(V.AllBits((uint)(((key + from) / 4) + j)), V.LaneNumbers);
                        Philox.Next4(P.Seed, V.AllBits(query + (uint)i), keys, V.AllBits(head), V.AllBits(P.Stream), out V x0, out V x1, out V x2, out V x3);
                        float* place = line + from + j;
                        Philox.Keep(x0, p).Store(place);
                        Philox.Keep(x1, p).Store(place + 16);
                        Philox.Keep(x2, p).Store(place + 32);
                        Philox.Keep(x3, p).Store(place + 48);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Dot(float* a, float* b, nint n)
        {
            V sum = V.Zero;
            nint i = 0;
            for (; i + V.Count <= n; i += V.Count)
            {
                sum = V.Fma(V.Load(a + i), V.Load(b + i), sum);
            }

            if (i < n)
            {
                sum = V.Fma(V.LoadFirst(a + i, (int)(n - i)), V.LoadFirst(b + i, (int)(n - i)), sum);
            }

            return V.Sum(sum);
        }

        /// <summary>Writes or adds lines, times a factor.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Put(float* source, nint sourceStride, float factor, float* target, nint targetStride, nint lines, nint size, bool add)
        {
            V factors = V.All(factor);
            for (nint line = 0; line < lines; line++)
            {
                for (nint i = 0; i < size; i += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, size - i);
                    V value = V.Load(source + i) * factors;
                    if (lanes == V.Count)
                    {
                        value = add ? value + V.Load(target + i) : value;
                        value.Store(target + i);
                    }
                    else
                    {
                        value = add ? value + V.LoadFirst(target + i, lanes) : value;
                        value.StoreFirst(target + i, lanes);
                    }
                }

                source += sourceStride;
                target += targetStride;
            }
        }
    }
}
