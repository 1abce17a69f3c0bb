using System.Numerics.Tensors;

namespace ModelGen.Onnx.Quantization;

/// <summary>Rounds the weights of a row one after another; each makes up for the errors of those before it.</summary>
/// <remarks>
/// For inputs with second moments H the error of a row e is e H e'. With H = R R', R upper triangular, it is the sum of squares of (e R)_j, which depends on e_0..e_j only, so rounding
/// w_j + (sum over i below j of e_i R_ij) / R_jj is the best choice for term j: Babai's nearest plane, which equals GPTQ (Frantar et al., arXiv:2210.17323).
/// </remarks>
internal sealed class AdaptiveRounding
{
    // Share of the mean diagonal that is added to the diagonal, as in GPTQ: inputs that never vary would make H singular. More where there are few rows, whose chance correlations must not count.
    private const float Damping = 0.01f;
    private const float ChanceDamping = 0.2f;

    private readonly int size;
    private readonly int[] order;

    // Row j holds R_0j .. R_jj, in the order of rounding.
    private readonly float[] factors;

    /// <param name="moments">H, row-major; only the upper triangle is read.</param>
    /// <param name="size">Rows of H.</param>
    /// <param name="rows">Number of inputs that H is the sum over.</param>
    public AdaptiveRounding(float[] moments, int size, long rows)
    {
        this.size = size;
        float mean = 0;
        for (int i = 0; i < size; i++)
        {
            mean += moments[((long)i * size) + i] / size;
        }

        float damp = mean > 0 ? mean * (Damping + (ChanceDamping * size / rows)) : 1;

        // Inputs with most weight first: their errors are made up for by all others.
        order = [.. Enumerable.Range(0, size).OrderByDescending(i => moments[((long)i * size) + i])];
        float[] flipped = new float[moments.Length];
        Parallel.For(0, size, i =>
        {
            for (int j = 0; j <= i; j++)
            {
                (int a, int b) = (order[size - 1 - i], order[size - 1 - j]);
                (a, b) = (Math.Min(a, b), Math.Max(a, b));
                flipped[((long)i * size) + j] = moments[((long)a * size) + b] + (i == j ? damp : 0);
            }
        });
        Cholesky.Factor(flipped, size);
        factors = new float[moments.Length];
        Parallel.For(0, size, j =>
        {
            for (int i = 0; i <= j; i++)
            {
                factors[((long)j * size) + i] = flipped[((long)(size - 1 - i) * size) + size - 1 - j];
            }
        });
    }

    /// <summary>Rounds one row to integers.</summary>
    /// <param name="weights">The row.</param>
    /// <param name="scale">Scale of the weight at a position.</param>
    /// <param name="integers">Receives the integers.</param>
    /// <param name="limits">Smallest and largest integer at a position.</param>
    public void Round(ReadOnlySpan<float> weights, Func<int, float> scale, Span<sbyte> integers, Func<int, (int Lowest, int Highest)> limits)
    {
        float[] errors = new float[size];
        for (int j = 0; j < size; j++)
        {
            int position = order[j];
            ReadOnlySpan<float> factor = factors.AsSpan(checked(j * size), j + 1);
            float step = scale(position);
            float target = weights[position] + (TensorPrimitives.Dot(errors.AsSpan(0, j), factor[..j]) / factor[j]);
            (int lowest, int highest) = limits(position);
            int integer = (int)Math.Clamp(MathF.Round(target / step), lowest, highest);
            integers[position] = (sbyte)integer;
            errors[j] = weights[position] - (integer * step);
        }
    }
}
