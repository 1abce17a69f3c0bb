using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1030_UsedAfterDispose,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1030_UsedAfterDisposeTests
{
    [Fact]
    public Task Reports_StraightLine() => Rule.Verify("""
        class C
        {
            float M(Tensor x)
            {
                var y = x.exp();
                y.Dispose();
                return [|y|].sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Reports_BothBranches() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b)
            {
                var y = x.exp();
                if (b) { Console.WriteLine(y.mean().item<float>()); y.Dispose(); } else { y.Dispose(); }
                return torch.cat([[|y|], x]);
            }
        }
        """);

    [Fact]
    public Task Reports_ReturnAndOperator() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b)
            {
                x.Dispose();
                if (b) { return [|x|]; }
                return [|x|] + 1;
            }
        }
        """);

    [Fact]
    public Task Reports_InALambda() => Rule.Verify("""
        class C
        {
            Func<Tensor, long[]> M() => x =>
            {
                var y = x.exp();
                y.Dispose();
                return [|y|].shape;
            };
        }
        """);

    [Fact]
    public Task Ignores_ReassignedBefore() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                var y = x.exp();
                y.Dispose();
                y = x.log();
                return y.sum();
            }
        }
        """);

    [Fact]
    public Task Ignores_ReassignedWithABranch() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b, Tensor z)
            {
                var y = x.exp();
                y.Dispose();
                y = b ? x : z;
                z.Dispose();
                (y, z) = (y.sum(), x);
                return y + z;
            }
            Tensor N(Tensor x, Func<Tensor> make)
            {
                x.Dispose();
                x = null;
                x ??= make();
                return x.sum();
            }
        }
        """);

    [Fact]
    public Task Ignores_OneBranchOnly() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b)
            {
                var y = x.exp();
                if (b) { y.Dispose(); }
                return b ? x : y.sum();
            }
        }
        """);

    [Fact]
    public Task Ignores_LoopThatReplacesIt() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, int n)
            {
                Tensor h = x.clone();
                for (int i = 0; i < n; i++)
                {
                    var next = h.tanh();
                    h.Dispose();
                    h = next;
                }

                return h;
            }
        }
        """);

    [Fact]
    public Task Ignores_HandlersAndSecondDispose() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                var y = x.exp();
                try
                {
                    var z = y.sum();
                    y.Dispose();
                    return z;
                }
                catch (Exception)
                {
                    Console.WriteLine(y.shape.Length);
                    throw;
                }
                finally
                {
                    y.Dispose();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_CapturedVariablesAndNullTests() => Rule.Verify("""
        class C
        {
            void M(Tensor x)
            {
                Tensor y = x.exp();
                Action again = () => y = x.log();
                y.Dispose();
                again();
                Console.WriteLine(y.shape.Length);
                Tensor z = x.exp();
                z.Dispose();
                if (z is not null && z.IsInvalid) { z = null; }
            }
        }
        """);
}
