using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1016_AwaitInsideScope,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1016_AwaitInsideScopeTests
{
    [Fact]
    public Task Reports_AwaitUnderAUsingDeclaration() => Rule.Verify("""
        class C
        {
            async Task<float> M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                [|await Task.Delay(1)|];
                return x.sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Reports_AwaitUnderNoGrad() => Rule.Verify("""
        class C
        {
            async Task M(Tensor x)
            {
                using (torch.no_grad())
                {
                    [|await Task.Yield()|];
                }
            }
        }
        """);

    [Fact]
    public Task Reports_YieldInAnIterator() => Rule.Verify("""
        class C
        {
            IEnumerable<float> M(Tensor x)
            {
                using var scope = NewDisposeScope();
                [|yield return x.sum().item<float>();|]
            }
        }
        """);

    [Fact]
    public Task Reports_AwaitInALambdaWithItsOwnScope() => Rule.Verify("""
        class C
        {
            Func<Task> M() => async () => { using var scope = torch.NewDisposeScope(); [|await Task.Yield()|]; };
        }
        """);

    [Fact]
    public Task Ignores_AwaitBeforeAndAfterTheScope() => Rule.Verify("""
        class C
        {
            async Task M(Tensor x)
            {
                await Task.Yield();
                using (var scope = torch.NewDisposeScope()) { x.add_(1); }
                await Task.Yield();
            }
        }
        """);

    [Fact]
    public Task Ignores_LambdaThatRunsElsewhere() => Rule.Verify("""
        class C
        {
            void M()
            {
                using var scope = torch.NewDisposeScope();
                Func<Task> later = async () => await Task.Yield();
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherUsings() => Rule.Verify("""
        class C
        {
            async Task M(Tensor x) { using var y = x * 2; await Task.Yield(); }
            IEnumerable<int> N(IEnumerable<int> items) { using var e = items.GetEnumerator(); while (e.MoveNext()) { yield return e.Current; } }
        }
        """);
}
