using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1031_UsingTensorReturned,
    ModelGen.CodeFixes.Rules.Memory.MG1031_UsingTensorReturnedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1031_UsingTensorReturnedTests
{
    [Fact]
    public Task Reports_Declaration() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = x + 1;
                return [|y|];
            }
        }
        """);

    [Fact]
    public Task Reports_MovedAndInPlace() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = x + 1;
                return [|y.MoveToOuterDisposeScope()|];
            }
            Tensor N(Tensor x)
            {
                using (var y = x + 1) { return [|y.add_(1)|]; }
            }
        }
        """);

    [Fact]
    public Task Reports_TupleAndCondition() => Rule.Verify("""
        class C
        {
            (Tensor, int) M(Tensor x)
            {
                using Tensor y = x + 1;
                return ([|y|], 1);
            }
            Tensor N(Tensor x, bool b)
            {
                using Tensor y = x + 1;
                return b ? [|y|] : x;
            }
        }
        """);

    [Fact]
    public Task Ignores_NewTensorsMadeFromIt() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = x + 1;
                return y.view(-1);
            }
            Tensor N(Tensor x)
            {
                using var y = x + 1;
                return y.alias();
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherLocals() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = x + 1;
                var z = y.exp();
                return z;
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherTypesAndLambdas() => Rule.Verify("""
        class C
        {
            System.IO.Stream M(string path)
            {
                using var stream = System.IO.File.OpenRead(path);
                return stream;
            }
            float N(Tensor x)
            {
                using var y = x + 1;
                Func<Tensor> get = () => y;
                return get().sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Fixes_ByDroppingUsing() => Rule.VerifyFix(
        """
        class C
        {
            Tensor M(Tensor x)
            {
                // the sum
                using var y = x + 1;
                return [|y|];
            }
        }
        """,
        """
        class C
        {
            Tensor M(Tensor x)
            {
                // the sum
                var y = x + 1;
                return y;
            }
        }
        """);

    [Fact]
    public Task FixesAll_TwoMethods() => Rule.VerifyFix(
        """
        class C
        {
            Tensor M(Tensor x)
            {
                using var y = x + 1;
                return [|y|];
            }
            Tensor N(Tensor x)
            {
                using Tensor y = x + 1;
                return [|y.DetachFromDisposeScope()|];
            }
        }
        """,
        """
        class C
        {
            Tensor M(Tensor x)
            {
                var y = x + 1;
                return y;
            }
            Tensor N(Tensor x)
            {
                Tensor y = x + 1;
                return y.DetachFromDisposeScope();
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_ForAUsingStatement() => Rule.VerifyNoFix("""
        class C
        {
            Tensor M(Tensor x)
            {
                using (var y = x + 1) { return [|y|]; }
            }
        }
        """);
}
