using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Gradients of operators without a rule of their own.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Vector-Jacobian product by the library's autograd: runs a function on detached operands and pulls gradients back through it.</summary>
    /// <param name="gradients">Gradients of some results.</param>
    /// <param name="given">Which results they belong to.</param>
    /// <param name="operands">Operands of the function; null for absent ones.</param>
    /// <param name="wanted">Operands whose gradients are wanted.</param>
    /// <param name="function">The operator.</param>
    /// <returns>The gradients, in the order of <paramref name="wanted"/>; zeros for an operand that no result depends on.</returns>
    public static Tensor[] Vjp(Tensor[] gradients, long[] given, Tensor?[] operands, long[] wanted, Func<Tensor[], Tensor[]> function)
    {
        using DisposeScope scope = NewDisposeScope();
        var detached = new Tensor[operands.Length];
        for (int i = 0; i < operands.Length; i++)
        {
            detached[i] = operands[i]?.detach()!;
        }

        Tensor[] leaves = [.. wanted.Select(index => detached[index].requires_grad_(true))];
        IList<Tensor> results;
        using (enable_grad())
        {
            Tensor[] outputs = function(detached);
            results = autograd.grad([.. given.Select(index => outputs[index])], leaves, gradients, allow_unused: true);
        }

        return [.. results.Select((result, index) => (result is null || result.IsInvalid ? zeros_like(leaves[index], requires_grad: false) : result.detach()).MoveToOuterDisposeScope())];
    }
}
