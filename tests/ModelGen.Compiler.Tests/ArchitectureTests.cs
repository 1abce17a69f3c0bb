using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Tests;

public sealed class ArchitectureTests
{
    [Fact]
    public void TheCompiler_KnowsNothingOfRoslyn() =>
        Assert.DoesNotContain(typeof(OpRegistry).Assembly.GetReferencedAssemblies(), static reference => reference.Name!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal));
}
