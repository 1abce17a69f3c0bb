using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Codegen;

/// <summary>Chooses what backward computes a second time, by compiling the step in each of the ways to cut it and planning its memory.</summary>
internal static class Recomputation
{
    /// <summary>Stands for named sizes other than the batch, which are not known during the build.</summary>
    private const long OtherSize = 128;

    /// <summary>The step with the choice made.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="step">The step in which everything is kept.</param>
    /// <param name="compile">Makes a compiled model of a step.</param>
    public static CompiledModel Choose(ModelSpec spec, Graph step, Func<Graph, CompiledModel> compile)
    {
        string batch = spec.Graph!.TypeOf(spec.Graph.ValuesOf(ValueKind.Input).First()).Shape.FirstOrDefault().Symbols().FirstOrDefault() ?? "";
        Dictionary<string, long> sizes = GraphFunction.Symbols(step).ToDictionary(static name => name, name => name == batch ? spec.Train!.BatchSize : OtherSize);
        CompiledModel best = compile(step);
        long least = PlannedMemory.Training(best, sizes);

        // From few segments to many: the first that fits recomputes least.
        foreach (int[] cuts in RecomputeForward.Plans(step, sizes))
        {
            if (spec.Train!.Recompute == RecomputeMode.ToBudget && least <= spec.MemoryBudget)
            {
                break;
            }

            CompiledModel candidate = compile(new DeadCode().Run(new RecomputeForward(cuts).Run(step)));
            long bytes = PlannedMemory.Training(candidate, sizes);
            if (bytes < least)
            {
                (best, least) = (candidate, bytes);
            }
        }

        return best;
    }
}
