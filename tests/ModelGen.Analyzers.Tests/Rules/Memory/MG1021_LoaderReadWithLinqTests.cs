using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1021_LoaderReadWithLinq,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1021_LoaderReadWithLinqTests
{
    [Fact]
    public Task Reports_First() => Rule.Verify("""
        class C
        {
            void M(torch.utils.data.Dataset data, Linear model)
            {
                using var loader = torch.utils.data.DataLoader(data, 4);
                var batch = [|loader.First()|];
                model.forward(batch["x"]);
            }
        }
        """);

    [Fact]
    public Task Reports_ToListOfANewLoader() => Rule.Verify("""
        class C
        {
            List<Dictionary<string, Tensor>> M(torch.utils.data.Dataset data) => [|torch.utils.data.DataLoader(data, 4, shuffle: true).ToList()|];
        }
        """);

    [Fact]
    public Task Reports_StaticCall() => Rule.Verify("""
        class C
        {
            void M(torch.utils.data.IterableDataset data)
            {
                var loader = new IterableDataLoader(data, 4);
                var last = [|Enumerable.Last(loader)|];
            }
        }
        """);

    [Fact]
    public Task Ignores_LoaderThatKeepsItsBatches() => Rule.Verify("""
        class C
        {
            void M(torch.utils.data.Dataset data)
            {
                using var loader = torch.utils.data.DataLoader(data, 4, disposeBatch: false);
                var batch = loader.First();
            }
        }
        """);

    [Fact]
    public Task Ignores_LoaderOfUnknownOrigin() => Rule.Verify("""
        class C { object M(DataLoader loader) => loader.First(); }
        """);

    [Fact]
    public Task Ignores_CountingAndOtherSequences() => Rule.Verify("""
        class C
        {
            void M(torch.utils.data.Dataset data, List<Tensor> all)
            {
                using var loader = torch.utils.data.DataLoader(data, 4);
                var count = loader.Count();
                var first = all.First();
                foreach (var batch in loader.Take(2)) { Console.WriteLine(batch["x"].shape); }
            }
        }
        """);
}
