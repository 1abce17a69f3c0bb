using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Codegen;

/// <summary>The memory that a compiled model takes, as the runtime lays it out.</summary>
internal static class PlannedMemory
{
    /// <summary>Elements to whose multiples the runtime's flat buffers align their slices, and which they keep free at the end.</summary>
    private const long Alignment = 16;

    /// <summary>Values of a model's named sizes for a batch; null when there are others than the batch, which have no value during the build.</summary>
    /// <param name="forward">The forward graph.</param>
    /// <param name="batch">Samples.</param>
    public static Dictionary<string, long>? Sizes(Graph forward, long batch)
    {
        string[] symbols = [.. GraphFunction.Symbols(forward)];
        return symbols.Length > 1 ? null : symbols.ToDictionary(static name => name, _ => batch);
    }

    /// <summary>Bytes of a training step: parameters, gradients, optimizer state, buffers, inputs and intermediates; 0 without one.</summary>
    public static long Training(CompiledModel model, IReadOnlyDictionary<string, long> sizes)
    {
        if (model.Step is not Graph step)
        {
            return 0;
        }

        long parameters = (step.ValuesOf(ValueKind.Parameter).Sum(value => (Count(step, value) + Alignment - 1) / Alignment * Alignment) + Alignment) * sizeof(float);
        TrainSpec train = model.Spec.Train!;
        return (parameters * (2 + train.OptimizerStates)) + (Bytes(step, ValueKind.Buffer, sizes) * (train.KeepsBuffers ? 2 : 1)) + Intermediates(step, model.StepKernels, sizes);
    }

    /// <summary>Bytes of the inputs and intermediates of a training step.</summary>
    public static long Intermediates(Graph step, LoweredGraph? kernels, IReadOnlyDictionary<string, long> sizes) =>
        kernels is { Program: KernelProgram program } ? new ArenaLayout(program, program.ArenaBuffers, static _ => false).Bytes(sizes) : new Liveness(step).PeakBytes(sizes) + Bytes(step, ValueKind.Input, sizes);

    /// <summary>Bytes of inference: parameters, buffers, weights prepared from them, inputs and intermediates.</summary>
    public static long Inference(CompiledModel model, IReadOnlyDictionary<string, long> sizes)
    {
        Graph graph = model.Inference!;
        long weights = Bytes(graph, ValueKind.Parameter, sizes) + Bytes(graph, ValueKind.Buffer, sizes);
        if (model.InferenceKernels is not { } kernels)
        {
            return weights + new Liveness(graph).PeakBytes(sizes) + Bytes(graph, ValueKind.Input, sizes);
        }

        var program = new InferenceProgram(kernels.Program, [.. GraphFunction.Symbols(kernels.Graph)]);
        return weights + program.Layout.Bytes(sizes) + program.PreparedLayout.Bytes(sizes);
    }

    private static long Count(Graph graph, int value) => graph.TypeOf(value).Count.Constant!.Value;

    private static long Bytes(Graph graph, ValueKind kind, IReadOnlyDictionary<string, long> sizes) => graph.ValuesOf(kind).Sum(value => graph.TypeOf(value).Bytes.Evaluate(sizes));
}
