using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1009_InPlaceResultDisposed,
    ModelGen.CodeFixes.Rules.Memory.MG1009_InPlaceResultDisposedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1009_InPlaceResultDisposedTests
{
    [Fact]
    public Task Reports_UsingOnAnInPlaceResult() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = [|x.add_(1)|];
                return x * 2;
            }
        }
        """);

    [Fact]
    public Task Reports_DisposeOfAnInPlaceChain() => Rule.Verify("""
        class C
        {
            private Tensor _state = torch.zeros(2);

            float M()
            {
                var x = torch.ones(2);
                [|x.mul_(2).relu_()|].Dispose();
                [|_state.add_(1)|].Dispose();
                return x.sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Reports_UsingStatementAndNextTurnOfALoop() => Rule.Verify("""
        class C
        {
            void M(Tensor x)
            {
                for (int i = 0; i < 3; i++)
                {
                    using var y = [|x.add_(i)|];
                }
            }

            long N(Tensor x)
            {
                using (var y = [|x.fill_(0)|]) { }
                return x.shape[0];
            }
        }
        """);

    [Fact]
    public Task Reports_ParameterWithoutADeclaration() => Rule.Verify("""
        class C
        {
            Tensor State { set { for (int i = 0; i < 3; i++) { [|value.add_(i)|].Dispose(); } } }
        }
        """);

    [Fact]
    public Task Ignores_OrdinaryOperations() => Rule.Verify("""
        class C { Tensor M(Tensor x) { using var y = x.add(1); x.relu().Dispose(); return x; } }
        """);

    [Fact]
    public Task Ignores_TensorThatIsDeadAfterwards() => Rule.Verify("""
        class C
        {
            float M(Tensor x) { using var y = x.add_(1); return y.sum().item<float>(); }
            void N(Tensor x) { x.add_(1).Dispose(); x = torch.ones(2); }
            void Loop() { for (int i = 0; i < 3; i++) { var x = torch.ones(2); x.add_(1).Dispose(); } }
        }
        """);

    [Fact]
    public Task Reports_LocalThatLeavesTheUsing() => Rule.Verify("""
        class C
        {
            private readonly List<Tensor> _kept = new();

            Tensor Returned(Tensor x)
            {
                var y = x.exp();
                using var sum = [|y.add_(x)|];
                return y;
            }

            void Collected(Tensor x)
            {
                var y = x.exp();
                using (var sum = [|y.add_(x)|]) { _kept.Add(y); }
            }

            Tensor UsedAfterwards(Tensor x)
            {
                var y = x.exp();
                using (var sum = [|y.add_(x)|]) { x.add_(1); }
                return y * 2;
            }
        }
        """);

    [Fact]
    public Task Ignores_LocalThatIsOnlyUsedUntilTheUsingEnds() => Rule.Verify("""
        class C
        {
            Tensor Block(Tensor x, Linear norm)
            {
                using var inner = norm.forward(x);
                using (inner.add_(x))
                {
                    return norm.forward(inner);
                }
            }

            Tensor Declaration(Tensor x)
            {
                var y = x.exp();
                using var sum = y.add_(x);
                return y * 2;
            }
        }
        """);

    [Fact]
    public Task Ignores_InPlaceResultsThatNobodyDisposes() => Rule.Verify("""
        class C { Tensor M(Tensor x) { var y = x.add_(1); x.relu_(); return x + y; } }
        """);

    [Fact]
    public Task Ignores_InPlaceOperationsThatReturnASecondHandle() => Rule.Verify("""
        class C { Tensor M(Tensor x) { using var y = x.zero_(); x.tril_().Dispose(); return x + y; } }
        """);

    [Fact]
    public Task Ignores_InPlaceOperationOnATemporary() => Rule.Verify("""
        class C { Tensor M(Tensor x) { using var y = x.clone().add_(1); return x + y; } }
        """);

    [Fact]
    public Task Fixes_UsingDeclaration() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) { using var y = [|x.add_(1)|]; return x + y; } }",
        "class C { Tensor M(Tensor x) { var y = x.add_(1); return x + y; } }");

    [Fact]
    public Task FixesAll_UsingsAndDisposes() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor z) { using var y = [|x.add_(1)|]; [|z.relu_()|].Dispose(); return x + z; } }",
        "class C { Tensor M(Tensor x, Tensor z) { var y = x.add_(1); z.relu_(); return x + z; } }");
}
