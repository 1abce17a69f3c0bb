using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2013_LoaderWithOneWorker,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2013_LoaderWithOneWorkerTests
{
    [Fact]
    public Task Reports_Factory() => Rule.Verify("""
        class C { object M(torch.utils.data.Dataset data) => [|torch.utils.data.DataLoader(data, 64)|]; }
        """);

    [Fact]
    public Task Reports_Constructor() => Rule.Verify("""
        class C { object M(torch.utils.data.Dataset data) => [|new DataLoader(data, 64, shuffle: true)|]; }
        """);

    [Fact]
    public Task Reports_IterableLoader() => Rule.Verify("""
        class C { object M(torch.utils.data.IterableDataset data) => [|new IterableDataLoader(data, 64)|]; }
        """);

    [Fact]
    public Task Ignores_NumberGiven() => Rule.Verify("""
        class C { object M(torch.utils.data.Dataset data) => torch.utils.data.DataLoader(data, 64, num_worker: 4); }
        """);

    [Fact]
    public Task Ignores_OneOnPurpose() => Rule.Verify("""
        class C { object M(torch.utils.data.Dataset data) => new DataLoader(data, 64, num_worker: 1); }
        """);

    [Fact]
    public Task Ignores_OtherTypes() => Rule.Verify("""
        class DataLoaders { public DataLoaders(int batch, int num_worker = 1) { } }
        class C { object M() => new DataLoaders(4); }
        """);
}
