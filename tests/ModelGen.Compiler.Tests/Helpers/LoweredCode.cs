using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;
using ModelGen.Kernels;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>A graph that was lowered to calls of kernels and compiled.</summary>
/// <param name="Run">From the inputs (in order of their values) to the outputs.</param>
/// <param name="LibraryCalls">The statements that run an operator of libtorch.</param>
internal sealed record LoweredFunction(Func<Tensor[], Tensor[]> Run, IReadOnlyList<string> LibraryCalls);

/// <summary>Lowers graphs to kernels, as inference is, and compiles them all at once in memory. Every buffer has memory of its own that is NaN before it is written.</summary>
internal static class LoweredCode
{
    private static readonly string[] Usings = ["System", "System.Runtime.CompilerServices", "TorchSharp", "ModelGen", "ModelGen.Kernels", "static ModelGen.KernelOps", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional"];

    /// <summary>One function per graph; null where something cannot run on kernels at all, such as float64.</summary>
    public static IReadOnlyList<LoweredFunction?> Compile(IReadOnlyList<Graph> graphs)
    {
        KernelProgram?[] programs = [.. graphs.Select(Lower)];
        (int Index, KernelProgram Program)[] lowered = [.. programs.Index().Where(static pair => pair.Item is not null).Select(static pair => (pair.Index, pair.Item!))];
        SyntaxTree[] trees = [.. lowered.Select(pair => CSharpSyntaxTree.ParseText(Text(graphs[pair.Index], pair.Program, pair.Index), path: $"Case{pair.Index}.cs"))];
        var compilation = CSharpCompilation.Create(
            "Lowered" + Guid.NewGuid().ToString("N"), trees, GeneratedCode.References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Diagnostic? error = result.Diagnostics.FirstOrDefault(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(result.Success, $"{error}\n{error?.Location.SourceTree}");
        Assembly assembly = Assembly.Load(stream.ToArray());
        Type vector = Hardware.VectorBits switch { 512 => typeof(V512), 256 => typeof(V256), _ => typeof(V128) };
        return [.. programs.Select((program, index) => program is null ? null : new LoweredFunction(
            assembly.GetType($"Case{index}`1")!.MakeGenericType(vector).GetMethod("Run")!.CreateDelegate<Func<Tensor[], Tensor[]>>(),
            [.. program.Statements.Where(static statement => statement.Lines[0] == "{").Select(static statement => statement.Lines.First(static line => line.Contains(" result", StringComparison.Ordinal) || line.StartsWith("    TensorOps", StringComparison.Ordinal)).Trim())]))];
    }

    private static KernelProgram? Lower(Graph graph)
    {
        try
        {
            return Lowerer.Lower(graph, isStep: false);
        }
        catch (NoKernelException)
        {
            return null;
        }
    }

    private static string Text(Graph graph, KernelProgram program, int index)
    {
        var writer = new IndentedWriter();
        foreach (string line in Usings)
        {
            writer.Line($"using {line};");
        }

        using (writer.Braces($"public static class Case{index}<V>\n    where V : unmanaged, IVector<V>"))
        using (writer.Braces("public static Tensor[] Run(Tensor[] inputs)"))
        {
            writer.Line("using var memory = new ModelGen.Compiler.Tests.SeparateMemory();");
            foreach (KernelBuffer buffer in program.Buffers)
            {
                KernelCode.WriteBuffer(writer, buffer, $"memory.Next({buffer.Count.ToCSharp()})");
            }

            foreach ((int position, int value) in graph.ValuesOf(ValueKind.Input).Index())
            {
                writer.Line($"Load(inputs[{position}], {program.Buffers[program.Values[value]].Name});");
            }

            KernelCode.WriteStatements(writer, program);
            IEnumerable<string> results = program.Outputs.Select(place =>
                $"Result({program.Buffers[place.Buffer].Name} + ({place.Offset.ToCSharp()}), {program.Buffers[place.Buffer].DType.Torch()}, {CSharpContext.Longs(place.Shape)})");
            writer.Line($"return [{string.Join(", ", results)}];");
        }

        KernelCode.WriteTypes(writer, program);
        return writer.ToString();
    }
}

/// <summary>Memory of the buffers of a lowered graph. Public for generated code.</summary>
public sealed unsafe class SeparateMemory : IDisposable
{
    private readonly List<NativeMemoryBlock> blocks = [];

    /// <summary>Memory of another buffer.</summary>
    /// <param name="count">Numbers of up to 64 bits.</param>
    public Floats Next(long count)
    {
        var block = new NativeMemoryBlock(count * sizeof(long));
        new Span<float>((float*)block.Address, (int)(2 * count)).Fill(float.NaN);
        blocks.Add(block);
        return block.Floats();
    }

    /// <inheritdoc/>
    public void Dispose() => blocks.ForEach(static block => block.Dispose());
}
