using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests.Internals;

/// <summary>What was read off the code of one version of TorchSharp is only said of that version and earlier ones.</summary>
public sealed class VersionTests
{
    private const string Wrong = """
        using TorchSharp;
        class C { torch.Tensor M(torch.Tensor x) => x.cuda(non_blocking: true); }
        """;

    [Theory]
    [InlineData(106, 1)]
    [InlineData(107, 1)]
    [InlineData(108, 0)]
    public async Task FaultOfAVersion_IsReportedUpToThatVersion(ushort minor, int expected)
    {
        MetadataReference torch = MetadataReference.CreateFromImage(WithMinorVersion(File.ReadAllBytes(typeof(TorchSharp.torch).Assembly.Location), minor));
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Versions", [CSharpSyntaxTree.ParseText(Wrong)], References.All.Take(References.All.Count - 1).Append(torch), new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

        ImmutableArray<Diagnostic> reports = await compilation.WithAnalyzers([Catalogue.Analyzer(RuleIds.CudaArgumentIgnored)]).GetAnalyzerDiagnosticsAsync();

        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Equal(expected, reports.Length);
    }

    /// <summary>The assembly with another minor version: the row of the assembly table begins with a hash algorithm of four bytes and the major version of two.</summary>
    private static byte[] WithMinorVersion(byte[] image, ushort minor)
    {
        using var reader = new PEReader(new MemoryStream(image));
        MetadataReader metadata = reader.GetMetadataReader();
        int row = reader.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.Assembly);
        BitConverter.TryWriteBytes(image.AsSpan(row + 6), minor);
        return image;
    }
}
