using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>Emits graphs as C#, compiles them all at once in memory, and runs them: what is tested is the code that users get.</summary>
internal static class GeneratedCode
{
    /// <summary>Everything that this process runs on.</summary>
    public static MetadataReference[] References { get; } =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => path.Length > 0)
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>One function per graph: from its inputs (in order of their values) to its outputs.</summary>
    public static IReadOnlyList<Func<Tensor[], Tensor[]>> Compile(IReadOnlyList<Graph> graphs)
    {
        var writer = new IndentedWriter();
        foreach (string line in new[] { "System", "TorchSharp", "ModelGen", "static TorchSharp.torch", "F = TorchSharp.torch.nn.functional" })
        {
            writer.Line($"using {line};");
        }

        using (writer.Braces("public static class Generated"))
        {
            for (int i = 0; i < graphs.Count; i++)
            {
                Write(writer, graphs[i], i);
            }
        }

        var compilation = CSharpCompilation.Create(
            "Generated" + Guid.NewGuid().ToString("N"),
            [CSharpSyntaxTree.ParseText(writer.ToString())],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics.Where(static d => d.Severity == DiagnosticSeverity.Error)) + "\n" + writer);
        Type type = Assembly.Load(stream.ToArray()).GetType("Generated")!;
        return [.. graphs.Select((_, index) => type.GetMethod("Case" + index)!.CreateDelegate<Func<Tensor[], Tensor[]>>())];
    }

    private static void Write(IndentedWriter writer, Graph graph, int index)
    {
        int[] inputs = [.. graph.ValuesOf(ValueKind.Input)];
        using (writer.Braces($"public static Tensor[] Case{index}(Tensor[] values)"))
        {
            writer.Line("using IDisposable noGrad = no_grad();");
            writer.Line("using DisposeScope scope = NewDisposeScope();");
            writer.Line("Device device = CPU;");
            var body = new CSharpBody(graph, new NameAllocator("values", "device", "scope", "noGrad", "F", "TensorOps", "torch"), value => $"values[{Array.IndexOf(inputs, value)}]");
            body.Write(writer);
            writer.Line($"return new Tensor[] {{ {string.Join(", ", graph.Outputs.Select(output => body.NameOf(output) + ".alias().MoveToOuterDisposeScope()"))} }};");
        }
    }
}
