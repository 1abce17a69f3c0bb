using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Generator;

namespace ModelGen.Samples.Zoo;

/// <summary>Runs the generator on a model's source, as the compiler does in a build.</summary>
internal static class Compilation
{
    /// <summary>Evaluation and code generation of one model, in milliseconds: the best of three runs after one to warm up.</summary>
    public static double Milliseconds(ZooModel zoo)
    {
        double best = double.MaxValue;
        for (int run = 0; run < 4; run++)
        {
            CSharpCompilation compilation = ModelSource.Compile(zoo.Name, zoo.File);
            var watch = Stopwatch.StartNew();
            GeneratorDriverRunResult result = CSharpGeneratorDriver.Create(new ModelGenerator()).RunGenerators(compilation).GetRunResult();
            if (result.Diagnostics.Length > 0 || result.GeneratedTrees.Length < 4)
            {
                throw new InvalidOperationException($"{zoo.Name} does not compile: {string.Join("; ", result.Diagnostics)}");
            }

            best = run == 0 ? best : Math.Min(best, watch.Elapsed.TotalMilliseconds);
        }

        return best;
    }
}
