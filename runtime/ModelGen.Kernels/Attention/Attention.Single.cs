using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>Few queries, as when text is generated token by token: keys and values are read where they are, once, without being packed.</content>
public static unsafe partial class Attention<V>
{
    /// <summary>Up to so many queries packing costs more than it brings.</summary>
    private const nint FewQueries = 4;

    private static void ForwardFew(in AttentionProblem problem)
    {
        nint units = problem.Batch * problem.Heads * problem.Queries;
        var job = new FewJob { P = problem };
        nint floats = 0;
        job.ScoresAt = Take(ref floats, RoundUp(problem.VisibleKeys, V.Count));
        job.EdgeAt = Take(ref floats, 2 * V.Count * V.Count);
        job.Own = floats;
        nint worth = Worth(3 * problem.VisibleKeys * (problem.HeadSize + problem.ValueSize));
        job.Scratch = Scratch.Floats((long)floats * Workers.For(units, worth));
        Workers.Share(ref job, units, worth);
    }

    /// <summary>Units are queries of all heads and samples.</summary>
    private struct FewJob : IRange
    {
        public AttentionProblem P;
        public float* Scratch;
        public nint Own;
        public nint ScoresAt;
        public nint EdgeAt;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* own = Scratch + (worker * Own);
            for (nint unit = from; unit < to; unit++)
            {
                nint query = unit % P.Queries;
                nint head = unit / P.Queries % P.Heads;
                nint sample = unit / P.Queries / P.Heads;
                nint shared = head / P.Group;
                nint keys = P.Causal ? Math.Min(P.Keys, query + 1) : P.Keys;
                float* scores = own + ScoresAt;
                Score(own, P.Q + (sample * P.QStrides.Batch) + (head * P.QStrides.Head) + (query * P.QStrides.Token), P.K + (sample * P.KStrides.Batch) + (shared * P.KStrides.Head), keys);
                if (P.Mask.Address is not null)
                {
                    float* mask = P.Mask + (sample * P.MaskBatch) + (head * P.MaskHead) + (query * P.MaskQuery);
                    for (nint i = 0; i < keys; i++)
                    {
                        scores[i] += mask[i * P.MaskKey] * Log2E;
                    }
                }

                float sum = Exponentials(own, keys, out float largest);
                float share = sum == 0 ? (P.EmptyIsNaN ? float.NaN : 0) : 1 / sum;
                Combine(scores, share, P.V + (sample * P.VStrides.Batch) + (shared * P.VStrides.Head), keys, P.Out + (sample * P.OutStrides.Batch) + (head * P.OutStrides.Head) + (query * P.OutStrides.Token));
                if (P.LogSumExp.Address is not null)
                {
                    P.LogSumExp[unit] = sum == 0 ? (P.EmptyIsNaN ? float.NaN : float.PositiveInfinity) : (largest * Ln2) + MathF.Log(sum);
                }
            }
        }

        /// <summary>Products of a query with all keys, as powers of two.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Score(float* own, float* q, float* k, nint keys)
        {
            float* products = own + EdgeAt;
            float* turned = products + (V.Count * V.Count);
            V factor = V.All(P.Scale * Log2E);
            nint whole = P.HeadSize / V.Count * V.Count;
            int rest = (int)(P.HeadSize - whole);
            for (nint key = 0; key < keys; key += V.Count)
            {
                nint n = Math.Min(V.Count, keys - key);
                for (nint i = 0; i < n; i++)
                {
                    float* line = k + ((key + i) * P.KStrides.Token);
                    V sum = V.Zero;
                    for (nint d = 0; d < whole; d += V.Count)
                    {
                        sum = V.Fma(V.Load(q + d), V.Load(line + d), sum);
                    }

                    if (rest > 0)
                    {
                        sum = V.Fma(V.LoadFirst(q + whole, rest), V.LoadFirst(line + whole, rest), sum);
                    }

                    sum.Store(products + (i * V.Count));
                }

                // Lines of partial sums become lanes of keys.
                V.Transpose(products, V.Count, turned, V.Count);
                V score = V.Zero;
                for (nint i = 0; i < V.Count; i++)
                {
                    score += V.Load(turned + (i * V.Count));
                }

                (score * factor).Store(own + ScoresAt + key);
            }
        }

        /// <summary>Scores become powers of two of their distance to the largest; zeros fill the last vector.</summary>
        /// <returns>Their sum.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Exponentials(float* own, nint keys, out float largest)
        {
            float* scores = own + ScoresAt;
            for (nint i = keys; i < RoundUp(keys, V.Count); i++)
            {
                scores[i] = float.NegativeInfinity;
            }

            V most = V.All(float.NegativeInfinity);
            for (nint i = 0; i < keys; i += V.Count)
            {
                most = V.Max(most, V.Load(scores + i));
            }

            float* lanes = own + EdgeAt;
            most.Store(lanes);
            largest = float.NegativeInfinity;
            for (nint i = 0; i < V.Count; i++)
            {
                largest = MathF.Max(largest, lanes[i]);
            }

            V start = V.All(float.IsNegativeInfinity(largest) ? 0 : largest);
            V sum = V.Zero;
            for (nint i = 0; i < keys; i += V.Count)
            {
                V e = VectorMath.Exp2(V.Load(scores + i) - start);
                e.Store(scores + i);
                sum += e;
            }

            return V.Sum(sum);
        }

        /// <summary>Sum of all values, each times its weight.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Combine(float* weights, float share, float* v, nint keys, float* target)
        {
            V factor = V.All(share);
            nint d = 0;
            for (; d + (4 * V.Count) <= P.ValueSize; d += 4 * V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, e = V.Zero;
                float* line = v + d;
                for (nint key = 0; key < keys; key++)
                {
                    V weight = V.All(weights[key]);
                    a = V.Fma(weight, V.Load(line), a);
                    b = V.Fma(weight, V.Load(line + V.Count), b);
                    c = V.Fma(weight, V.Load(line + (2 * V.Count)), c);
                    e = V.Fma(weight, V.Load(line + (3 * V.Count)), e);
                    line += P.VStrides.Token;
                }

                (a * factor).Store(target + d);
                (b * factor).Store(target + d + V.Count);
                (c * factor).Store(target + d + (2 * V.Count));
                (e * factor).Store(target + d + (3 * V.Count));
            }

            for (; d < P.ValueSize; d += V.Count)
            {
                // Two sums, as each addition waits for the one before.
                V even = V.Zero, odd = V.Zero;
                float* line = v + d;
                nint key = 0;
                for (; key + 2 <= keys; key += 2)
                {
                    even = V.Fma(V.All(weights[key]), V.Load(line), even);
                    odd = V.Fma(V.All(weights[key + 1]), V.Load(line + P.VStrides.Token), odd);
                    line += 2 * P.VStrides.Token;
                }

                if (key < keys)
                {
                    even = V.Fma(V.All(weights[key]), V.Load(line), even);
                }

                ((even + odd) * factor).StoreFirst(target + d, (int)Math.Min(V.Count, P.ValueSize - d));
            }
        }
    }
}
