using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Functions of twelve numbers to minimize, those of <c>PyTorch/make.py</c>.</summary>
internal static class TestFunctions
{
    /// <summary>Ill-conditioned: a Hilbert matrix with a little on its diagonal.</summary>
    public static Tensor Quadratic(Tensor p)
    {
        double[,] numbers = new double[12, 12];
        for (int i = 0; i < 12; i++)
        {
            for (int j = 0; j < 12; j++)
            {
                numbers[i, j] = (1.0 / (i + j + 1)) + (i == j ? 0.01 : 0);
            }
        }

        Tensor a = tensor(numbers).to_type(p.dtype);
        Tensor b = Numbers(12, static i => Math.Sin(i + 1), p.dtype);
        return (0.5 * p.dot(a.matmul(p))) - b.dot(p);
    }

    public static Tensor Rosenbrock(Tensor p)
    {
        Tensor low = p.narrow(0, 0, 11);
        Tensor high = p.narrow(0, 1, 11);
        return ((100 * (high - low.pow(2)).pow(2)) + (1 - low).pow(2)).sum();
    }

    /// <summary>Two inputs, three tanh, one output; mean squared error over twenty samples.</summary>
    public static Tensor Network(Tensor p)
    {
        Tensor x = stack([Numbers(20, static i => Math.Sin(0.7 * i), p.dtype), Numbers(20, static i => Math.Cos(1.3 * i), p.dtype)], 1);
        Tensor y = Numbers(20, static i => Math.Sin(2.1 * i) * Math.Cos(0.4 * i), p.dtype);
        Tensor hidden = tanh(x.matmul(p.narrow(0, 0, 6).reshape(2, 3)) + p.narrow(0, 6, 3));
        return (hidden.matmul(p.narrow(0, 9, 3)) - y).pow(2).mean();
    }

    /// <summary>Value of a function at the parameters, whose gradient goes where the optimizer reads it.</summary>
    public static double Evaluate(Func<Tensor, Tensor> function, FlatBuffer parameters, FlatBuffer gradients)
    {
        using IDisposable scope = NewDisposeScope();
        Tensor p = parameters[0].detach().clone().requires_grad_(true);
        Tensor value = function(p);
        value.backward();
        using IDisposable guard = no_grad();
        gradients[0].copy_(p.grad!);
        return value.ToDouble();
    }

    private static Tensor Numbers(int count, Func<int, double> number, ScalarType type) => tensor([.. Enumerable.Range(0, count).Select(number)]).to_type(type);
}
