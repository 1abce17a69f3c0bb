using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1006_TensorReturnedFromScope,
    ModelGen.CodeFixes.Rules.Memory.MG1006_TensorReturnedFromScopeFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1006_TensorReturnedFromScopeTests
{
    [Fact]
    public Task Reports_LocalMadeInTheScope() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var y = x * 2;
                return [|y|];
            }
        }
        """);

    [Fact]
    public Task Reports_ExpressionMadeInTheReturn() => Rule.Verify("""
        class C
        {
            private readonly Linear _fc = Linear(2, 2);

            Tensor M(Tensor x)
            {
                using (torch.NewDisposeScope())
                {
                    return [|_fc.forward(x)|];
                }
            }

            Tensor N(Tensor x)
            {
                using var scope = NewDisposeScope();
                return [|torch.cat([x, x]) + 1|];
            }
        }
        """);

    [Fact]
    public Task Reports_ValueMadeOnOnePathOnly() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool twice)
            {
                using var scope = torch.NewDisposeScope();
                Tensor y = x;
                if (twice)
                {
                    y = y * 2;
                }

                return [|y|];
            }

            Tensor N(Tensor x, bool twice)
            {
                using var scope = torch.NewDisposeScope();
                var a = x + 1;
                return [|twice ? a : x|];
            }
        }
        """);

    [Fact]
    public Task Reports_ElementsOfATuple() => Rule.Verify("""
        class C
        {
            (Tensor, Tensor) M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var y = x[0];
                var z = x.exp();
                z.MoveToOuterDisposeScope();
                return ([|y|], z);
            }
        }
        """);

    [Fact]
    public Task Reports_InPlaceChainAndConversionOfAScopedTensor() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, Device device)
            {
                using var scope = torch.NewDisposeScope();
                var y = x.exp();
                y = y.add_(1).to(device);
                return [|y|];
            }
        }
        """);

    [Fact]
    public Task Reports_InLoopLambdaAndLocalFunction() => Rule.Verify("""
        class C
        {
            Tensor Loop(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                Tensor sum = x;
                for (int i = 0; i < 3; i++) { sum += x; }
                return [|sum|];
            }

            Func<Tensor, Tensor> Lambda() => x => { using var scope = torch.NewDisposeScope(); return [|x.exp()|]; };

            Tensor Local(Tensor x)
            {
                return Inner();
                Tensor Inner() { using var scope = torch.NewDisposeScope(); var y = x.exp(); return [|y|]; }
            }
        }
        """);

    [Fact]
    public Task Reports_ThroughTryCatchAndInAsyncMethods() => Rule.Verify("""
        class C
        {
            Tensor Try(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                Tensor y = x;
                try { y = x.exp(); } catch (InvalidOperationException) { y = x.log(); } finally { x.add_(1); }
                return [|y|];
            }

            async Task<Tensor> Async(Tensor x)
            {
                await Task.Yield();
                using var scope = torch.NewDisposeScope();
                return [|x.exp()|];
            }
        }
        """);

    [Fact]
    public Task Ignores_MovedAndDetachedTensors() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); return (x * 2).MoveToOuterDisposeScope(); }
            Tensor B(Tensor x) { using var scope = torch.NewDisposeScope(); var y = x * 2; return scope.MoveToOuter(y); }
            Tensor C1(Tensor x) { using var scope = torch.NewDisposeScope(); var y = x * 2; y.DetachFromDisposeScope(); return y; }
            Tensor D(Tensor x) { using var scope = torch.NewDisposeScope(); var y = x * 2; scope.Detach(y); return y; }
            Tensor E(Tensor x, bool keep)
            {
                using var scope = torch.NewDisposeScope();
                var y = x * 2;
                if (keep) { y.MoveToOuterDisposeScope(); }
                return y;
            }
            (Tensor, Tensor) F(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var (a, b) = (x * 2, x * 3);
                var c = x * 4;
                scope.MoveToOuter(new[] { c });
                return (scope.MoveToOuter(a), c);
            }
        }
        """);

    [Fact]
    public Task Ignores_ValuesMadeBeforeTheScope() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                var y = x * 2;
                using (var scope = torch.NewDisposeScope())
                {
                    y.add_(x * 3);
                    return y;
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeThatIsOpenedOnACondition() => Rule.Verify("""
        class C { Tensor M(Tensor x, bool tidy) { using var scope = tidy ? torch.NewDisposeScope() : null; var y = x * 2; return y; } }
        """);

    [Fact]
    public Task Ignores_ParametersAndTheirAliases() => Rule.Verify("""
        class C
        {
            private Tensor _cache;

            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); var alias = x; return alias; }
            Tensor B(Tensor x) { using var scope = torch.NewDisposeScope(); return x.add_(1).relu_(); }
            Tensor C1(Tensor x, Device device) { using var scope = torch.NewDisposeScope(); return x.to(device); }
            Tensor D() { using var scope = torch.NewDisposeScope(); return _cache; }
        }
        """);

    [Fact]
    public Task Ignores_ModulesThatMayHandTheirInputThrough() => Rule.Verify("""
        class C
        {
            private readonly Module<Tensor, Tensor> _any = Identity();
            private readonly Dropout _drop = Dropout();

            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); return _any.forward(x); }
            Tensor B(Tensor x) { using var scope = torch.NewDisposeScope(); return _drop.forward(x); }
        }
        """);

    [Fact]
    public Task Ignores_TensorsThatOtherCodeMayHaveMoved() => Rule.Verify("""
        static class Extensions { public static Tensor Keep(this Tensor x) => x.DetachFromDisposeScope(); }

        class C
        {
            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); return (x * 2).Keep(); }
            Tensor B(Tensor x) { using var scope = torch.NewDisposeScope(); var y = x * 2; y.Keep(); return y; }
            Tensor C1(Tensor x) { using var scope = torch.NewDisposeScope(); var y = x * 2; Action f = () => y.Keep(); f(); return y; }
            Tensor D(Tensor x) { using var scope = torch.NewDisposeScope(); return Extensions.Keep(x); }
        }
        """);

    [Fact]
    public Task Ignores_ReturnsOutsideTheScopeAndInLambdasInsideIt() => Rule.Verify("""
        class C
        {
            float A(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                Func<Tensor, Tensor> twice = t => t * 2;
                return twice(x).sum().item<float>();
            }

            Tensor B(Tensor x)
            {
                using (torch.NewDisposeScope()) { x.add_(1); }
                return x * 2;
            }

            Tensor C1(Tensor x)
            {
                var y = x * 2;
                try { using var scope = torch.NewDisposeScope(); y.add_(x * 2); } finally { x.add_(1); }
                return y;
            }
        }
        """);

    [Fact]
    public Task Fixes_Local() => Rule.VerifyFix(
        """
        class C
        {
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var y = x * 2;
                return [|y|]; // done
            }
        }
        """,
        """
        class C
        {
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var y = x * 2;
                return y.MoveToOuterDisposeScope(); // done
            }
        }
        """);

    [Fact]
    public Task FixesAll_OperatorsConditionalsAndTuples() => Rule.VerifyFix(
        """
        class C
        {
            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); return [|x + 1|]; }
            Tensor B(Tensor x, bool c) { using var scope = torch.NewDisposeScope(); return [|c ? x.exp() : x.log()|]; }
            (Tensor, Tensor) C1(Tensor x) { using var scope = torch.NewDisposeScope(); return ([|x.exp()|], [|-x|]); }
        }
        """,
        """
        class C
        {
            Tensor A(Tensor x) { using var scope = torch.NewDisposeScope(); return (x + 1).MoveToOuterDisposeScope(); }
            Tensor B(Tensor x, bool c) { using var scope = torch.NewDisposeScope(); return (c ? x.exp() : x.log()).MoveToOuterDisposeScope(); }
            (Tensor, Tensor) C1(Tensor x) { using var scope = torch.NewDisposeScope(); return (x.exp().MoveToOuterDisposeScope(), (-x).MoveToOuterDisposeScope()); }
        }
        """);
}
