using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>Products of the sizes that occur in the measured models.</summary>
internal static class GemmCases
{
    private static readonly (int Rows, int Depth, int Columns)[] Sizes =
        [(1024, 1024, 1024), (2048, 128, 512), (2048, 512, 128), (2048, 128, 384), (64, 9216, 128), (128, 64, 9216), (64, 128, 9216), (128, 784, 512), (128, 512, 512), (128, 2048, 128), (1024, 256, 1024), (32, 512, 2048)];

    public static IEnumerable<KernelCase> Cases()
    {
        foreach ((int rows, int depth, int columns) in Sizes)
        {
            foreach (string form in (string[])["NN", "NT", "TN"])
            {
                Tensor a = form == "TN" ? randn(depth, rows) : randn(rows, depth);
                Tensor b = form == "NT" ? randn(columns, depth) : randn(depth, columns);
                Tensor left = form == "TN" ? a.t() : a;
                Tensor right = form == "NT" ? b.t() : b;
                var ours = new NativeMemoryBlock(4L * rows * columns);
                NativeMemoryBlock x = Memory.Copy(a);
                NativeMemoryBlock y = Memory.Copy(b);
                GemmProblem problem = form switch
                {
                    "NN" => GemmProblem.NN(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                    "NT" => GemmProblem.NT(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                    _ => GemmProblem.TN(rows, columns, depth, x.Floats(), y.Floats(), ours.Floats()),
                };
                yield return new KernelCase(
                    "gemm",
                    $"{form} {rows} x {depth} x {columns}",
                    2.0 * rows * depth * columns,
                    4.0 * ((rows * depth) + (depth * columns) + (rows * columns)),
                    Memory.ByWidth(() => Gemm<V512>.Run(problem), () => Gemm<V256>.Run(problem), () => Gemm<V128>.Run(problem)),
                    () => left.mm(right).Dispose());
            }
        }
    }
}
