using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>Recurrent layers over whole sequences [steps, batch, size].</summary>
internal static class RecurrentCases
{
    private static readonly (RecurrentCell Cell, int Steps, int Batch, int Input, int Hidden)[] Sizes =
    [
        (RecurrentCell.Lstm, 64, 32, 256, 256), (RecurrentCell.Lstm, 64, 32, 100, 100), (RecurrentCell.Lstm, 64, 1, 256, 256), (RecurrentCell.Lstm, 32, 64, 64, 64),
        (RecurrentCell.Gru, 64, 32, 256, 256), (RecurrentCell.Gru, 64, 32, 100, 100), (RecurrentCell.Tanh, 64, 32, 256, 256),
    ];

    /// <summary>Keeps the memory of all cases: addresses do not.</summary>
    private static readonly List<NativeMemoryBlock> Kept = [];

    public static IEnumerable<KernelCase> Cases()
    {
        foreach ((RecurrentCell cell, int steps, int batch, int input, int hidden) in Sizes)
        {
            nn.Module<Tensor, Tensor> layer = cell switch
            {
                RecurrentCell.Lstm => new Whole(nn.LSTM(input, hidden)),
                RecurrentCell.Gru => new Whole(nn.GRU(input, hidden)),
                _ => new Whole(nn.RNN(input, hidden)),
            };
            Dictionary<string, Tensor> parameters = layer.named_parameters().ToDictionary(static p => p.name[(p.name.IndexOf('.', StringComparison.Ordinal) + 1)..], static p => (Tensor)p.parameter);
            Tensor x = randn(steps, batch, input);
            Tensor gradient = randn(steps, batch, hidden);
            RecurrentProblem problem = default;
            problem.Cell = cell;
            problem.Steps = steps;
            problem.Batch = batch;
            problem.InputSize = input;
            problem.HiddenSize = hidden;
            long rows = (long)steps * batch;
            long all = problem.GateCount * hidden;
            problem.X = Copy(x);
            problem.XRow = input;
            problem.InputWeight = Copy(parameters["weight_ih_l0"]);
            problem.HiddenWeight = Copy(parameters["weight_hh_l0"]);
            problem.InputBias = Copy(parameters["bias_ih_l0"]);
            problem.HiddenBias = Copy(parameters["bias_hh_l0"]);
            problem.Y = New(rows * hidden);
            problem.YRow = hidden;
            problem.Gates = New(rows * all);
            RecurrentProblem saving = problem;
            saving.Save = true;
            saving.Cells = New(rows * hidden);
            saving.HiddenPart = New(rows * hidden);
            var gradients = new RecurrentGradients
            {
                Y = Copy(gradient),
                YRow = hidden,
                X = New(rows * input),
                XRow = input,
                InputWeight = New(all * input),
                HiddenWeight = New(all * hidden),
                InputBias = New(all),
                HiddenBias = New(all),
                Gates = New(rows * all),
                HiddenPart = New(rows * hidden),
                Work = New(rows * hidden),
            };
            double flops = 2.0 * rows * all * (input + hidden);
            double bytes = 4.0 * ((rows * (input + hidden)) + (all * (input + hidden)));
            string name = $"{cell} t{steps} b{batch} {input}>{hidden}";
            yield return new KernelCase(
                "recurrent",
                $"fwd {name}",
                flops,
                bytes,
                Memory.ByWidth(() => Recurrent<V512>.Forward(problem), () => Recurrent<V256>.Forward(problem), () => Recurrent<V128>.Forward(problem)),
                () => layer.forward(x).Dispose());
            if (batch == 1)
            {
                continue;
            }

            yield return new KernelCase(
                "recurrent",
                $"f+b {name}",
                3 * flops,
                3 * bytes,
                Memory.ByWidth(
                    () =>
                    {
                        Recurrent<V512>.Forward(saving);
                        Recurrent<V512>.Backward(saving, gradients);
                    },
                    () =>
                    {
                        Recurrent<V256>.Forward(saving);
                        Recurrent<V256>.Backward(saving, gradients);
                    },
                    () =>
                    {
                        Recurrent<V128>.Forward(saving);
                        Recurrent<V128>.Backward(saving, gradients);
                    }),
                () => Train(layer, x, gradient));
        }
    }

    private static void Train(nn.Module<Tensor, Tensor> layer, Tensor x, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        using var enabled = enable_grad();
        Tensor input = x.detach().requires_grad_();
        autograd.grad([layer.forward(input)], [input, .. layer.parameters()], [gradient]);
    }

    private static Floats New(long count)
    {
        var block = new NativeMemoryBlock(4 * count);
        Kept.Add(block);
        return block.Floats();
    }

    private static Floats Copy(Tensor tensor)
    {
        NativeMemoryBlock block = Memory.Copy(tensor);
        Kept.Add(block);
        return block.Floats();
    }

    /// <summary>A layer whose final states are thrown away.</summary>
    private sealed class Whole : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module inner;

        public Whole(nn.Module inner)
            : base(nameof(Whole))
        {
            this.inner = inner;
            register_module("inner", inner);
        }

        public override Tensor forward(Tensor input)
        {
            if (inner is TorchSharp.Modules.LSTM lstm)
            {
                (Tensor y, Tensor h, Tensor c) = lstm.call(input, null);
                h.Dispose();
                c.Dispose();
                return y;
            }

            (Tensor output, Tensor state) = inner is TorchSharp.Modules.GRU gru ? gru.call(input, null) : ((TorchSharp.Modules.RNN)inner).call(input, null);
            state.Dispose();
            return output;
        }
    }
}
