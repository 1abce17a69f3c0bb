using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1017_ParallelWithoutScope,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1017_ParallelWithoutScopeTests
{
    [Fact]
    public Task Reports_ParallelFor() => Rule.Verify("""
        class C
        {
            void M(Tensor w, float[] scores)
            {
                Parallel.For(0, scores.Length, i =>
                {
                    Tensor [|y = w * i|];
                    scores[i] = y.sum().item<float>();
                });
            }
        }
        """);

    [Fact]
    public Task Reports_TaskRunUnderAScope() => Rule.Verify("""
        class C
        {
            Task M(Tensor w)
            {
                using var scope = torch.NewDisposeScope();
                return Task.Run(() =>
                {
                    var [|y = w.exp()|];
                    Console.WriteLine(y.mean().item<float>());
                });
            }
        }
        """);

    [Fact]
    public Task Reports_ForEach() => Rule.Verify("""
        class C
        {
            void M(List<string> files, Linear model)
            {
                Parallel.ForEach(files, file =>
                {
                    var [|x = torch.randn(1, 8)|];
                    var y = model.forward(x);
                });
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeInside() => Rule.Verify("""
        class C
        {
            void M(Tensor w, float[] scores)
            {
                Parallel.For(0, scores.Length, i =>
                {
                    using var scope = torch.NewDisposeScope();
                    var y = w * i;
                    scores[i] = y.sum().item<float>();
                });
            }
        }
        """);

    [Fact]
    public Task Ignores_DisposedAndReturned() => Rule.Verify("""
        class C
        {
            void M(Tensor w, Tensor[] results)
            {
                Parallel.For(0, 10, i =>
                {
                    using var y = w * i;
                    var z = y.sum();
                    results[i] = z;
                });
                Task<Tensor> task = Task.Run(() => { var y = w.exp(); return y; });
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherLambdas() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all, Tensor w)
            {
                all.ForEach(x => { var y = x * w; Console.WriteLine(y.shape); });
                Parallel.For(0, 10, i => { var n = i * 2; Console.WriteLine(n); });
            }
        }
        """);
}
