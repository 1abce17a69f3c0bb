using System.Reflection;
using ModelGen.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Finds out where a value that is not finite came from: looks at what went in, then runs the batch eagerly and looks at each layer's output.</summary>
internal static class NonFiniteReport
{
    public static string Describe(nn.Module model, TrainAttribute settings, TrainingStep step, Batch batch)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable guard = no_grad();
        for (int i = 0; i < batch.Inputs.Count; i++)
        {
            if (BadSample(batch.Inputs[i]) is long sample)
            {
                return $"Input {i} of the model is not finite in sample {sample} of the batch: mend the data.";
            }
        }

        if (BadSample(batch.Target) is long row)
        {
            return $"The target is not finite in sample {row} of the batch: mend the data.";
        }

        for (int i = 0; i < step.Parameters.Slices.Count; i++)
        {
            if (!IsFinite(step.Parameters[i]))
            {
                return $"The parameter '{step.Parameters.Slices[i].Name}' was not finite before this step: an update before it was too large.";
            }
        }

        return Forward(model, settings, batch) ?? Backward(step);
    }

    private static string? Forward(nn.Module model, TrainAttribute settings, Batch batch)
    {
        MethodInfo? call = model.GetType().GetMethod("call", [.. batch.Inputs.Select(static _ => typeof(Tensor))]);
        if (call is null)
        {
            return null;
        }

        string? first = null;
        var hooks = new List<IDisposable>();
        foreach ((string name, nn.Module module) in model.named_modules())
        {
            void See(Tensor output, params ReadOnlySpan<Tensor> inputs)
            {
                if (first is null && !IsFinite(output))
                {
                    bool made = true;
                    foreach (Tensor input in inputs)
                    {
                        made &= IsFinite(input);
                    }

                    first = $"The first output that is not finite is that of '{name}' ({module.GetType().Name}), {(made ? "from finite inputs" : "whose input came out of a function before it")}.";
                }
            }

            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    hooks.Add(new Hook(one.register_forward_hook((_, x, y) =>
                    {
                        See(y, x);
                        return y;
                    }).remove));
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    hooks.Add(new Hook(two.register_forward_hook((_, a, b, y) =>
                    {
                        See(y, a, b);
                        return y;
                    }).remove));
                    break;
            }
        }

        try
        {
            object? result = call.Invoke(model, [.. batch.Inputs]);
            if (first is not null)
            {
                return first;
            }

            Tensor? output = result as Tensor ?? (result as System.Runtime.CompilerServices.ITuple)?[0] as Tensor;
            if (output is null)
            {
                return null;
            }

            if (!IsFinite(output))
            {
                return "The model's output is not finite; its layers are called in a way that cannot be watched (call them by .call instead of .forward to see which).";
            }

            using var metrics = new Metrics(settings, []);
            metrics.Add(output, batch.Target, batch.Count);
            return double.IsFinite(metrics.Result().Loss) ? null : $"The model's output is finite, but Loss.{settings.Loss} of it is not.";
        }
        finally
        {
            foreach (IDisposable hook in hooks)
            {
                hook.Dispose();
            }
        }
    }

    private static string Backward(TrainingStep step)
    {
        // Gradients come from the last layer to the first.
        for (int i = step.Gradients.Slices.Count - 1; i >= 0; i--)
        {
            if (!IsFinite(step.Gradients[i]))
            {
                return $"Outputs and loss of a forward pass are finite; the first gradient that is not is that of '{step.Gradients.Slices[i].Name}'.";
            }
        }

        return "A second, eager run of the batch was finite: random numbers (dropout) or rounding decide.";
    }

    private static bool IsFinite(Tensor tensor)
    {
        if (!tensor.is_floating_point())
        {
            return true;
        }

        using Tensor finite = tensor.isfinite();
        using Tensor all = finite.all();
        return all.ToBoolean();
    }

    private static long? BadSample(Tensor tensor)
    {
        if (IsFinite(tensor))
        {
            return null;
        }

        Tensor bad = tensor.isfinite().logical_not().reshape([tensor.shape[0], -1]).any(1);
        return bad.to_type(ScalarType.Int32).argmax().ToInt64();
    }

    private sealed class Hook(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }
}
