using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace ModelGen.Generator.Tests;

/// <summary>Names that are unusual, taken twice, or not finished.</summary>
public sealed class NameTests
{
    private const string Body = """
        : Module<Tensor, Tensor>("net")
        {
            public override Tensor forward([Shape("N", 4)] Tensor x) => x.relu();

        """;

    [Theory]
    [InlineData("[Model] public partial class Net() " + Body + "} [Model] public partial class net() " + Body + "}")]
    [InlineData("namespace A { [Model] public partial class Net() " + Body + "} } namespace a { [Model] public partial class Net() " + Body + "} }")]
    [InlineData("namespace A.B { [Model] public partial class Net() " + Body + "} } public static partial class A_B { [Model] public partial class Net() " + Body + "} }")]
    [InlineData("[Model] public partial class @event() " + Body + "}")]
    [InlineData("public partial class @event { [Model] public partial class @class() " + Body + "} }")]
    [InlineData("namespace @namespace.@int { [Model] public partial class Net() " + Body + "} }")]
    [InlineData("[Model] public partial class Größe() " + Body + "}")]
    public void UnusualNames_Compile(string source)
    {
        GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(Trial.Compile(source), out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        Assert.Empty(diagnostics);
        Assert.Empty(output.GetDiagnostics().Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Null(Trial.Of(source, TimeSpan.FromSeconds(60)).Problem);
    }
}
