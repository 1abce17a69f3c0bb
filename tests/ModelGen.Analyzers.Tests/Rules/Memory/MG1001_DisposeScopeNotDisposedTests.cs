using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1001_DisposeScopeNotDisposed,
    ModelGen.CodeFixes.Rules.Memory.MG1001_DisposeScopeNotDisposedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1001_DisposeScopeNotDisposedTests
{
    [Fact]
    public Task Reports_ScopeThatIsDropped() => Rule.Verify("""
        class C { void M() { [|torch.NewDisposeScope()|]; } }
        """);

    [Fact]
    public Task Reports_ScopeCalledThroughStaticUsing() => Rule.Verify("""
        class C { void M() { _ = [|NewDisposeScope()|]; } }
        """);

    [Fact]
    public Task Reports_LocalThatNobodyDisposes() => Rule.Verify("""
        class C
        {
            long M(Tensor x)
            {
                var scope = [|torch.NewDisposeScope()|];
                var y = x * 2;
                return scope.DisposablesCount;
            }
        }
        """);

    [Fact]
    public Task Reports_LocalAssignedAfterItsDeclaration() => Rule.Verify("""
        class C
        {
            void M()
            {
                DisposeScope scope;
                scope = [|torch.NewDisposeScope()|];
            }
        }
        """);

    [Fact]
    public Task Ignores_UsingDeclarationAndUsingStatement() => Rule.Verify("""
        class C
        {
            void M()
            {
                using var a = torch.NewDisposeScope();
                using (torch.NewDisposeScope()) { }
                using (var b = torch.NewDisposeScope()) { }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeDisposedInFinally() => Rule.Verify("""
        class C
        {
            void M()
            {
                var scope = torch.NewDisposeScope();
                try { } finally { scope.Dispose(); }
            }

            void N()
            {
                DisposeScope scope = null;
                try { scope = torch.NewDisposeScope(); } finally { scope?.Dispose(); }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeThatIsReturnedStoredOrHandedOn() => Rule.Verify("""
        class C
        {
            private DisposeScope _scope;
            private DisposeScope Open() => torch.NewDisposeScope();
            private void Store() { _scope = torch.NewDisposeScope(); }
            private void Hand(List<DisposeScope> open) { open.Add(torch.NewDisposeScope()); }
            private DisposeScope Later() { var scope = torch.NewDisposeScope(); return scope; }
            private void Use() { var scope = torch.NewDisposeScope(); using (scope) { } }
            private Action Closer() { var scope = torch.NewDisposeScope(); return () => scope.Dispose(); }
        }
        """);

    [Fact]
    public Task Ignores_MethodOfTheSameNameElsewhere() => Rule.Verify("""
        class C
        {
            static IDisposable NewDisposeScope() => null;
            void M() { C.NewDisposeScope(); }
        }
        """);

    [Fact]
    public Task Fixes_DroppedScope() => Rule.VerifyFix(
        """
        class C
        {
            void M()
            {
                // one step
                [|torch.NewDisposeScope()|];
            }
        }
        """,
        """
        class C
        {
            void M()
            {
                // one step
                using var scope = torch.NewDisposeScope();
            }
        }
        """);

    [Fact]
    public Task FixesAll_DroppedScopesAndLocals() => Rule.VerifyFix(
        """
        class C
        {
            void M(int scope)
            {
                _ = [|NewDisposeScope()|];
            }

            void N()
            {
                var s = [|torch.NewDisposeScope()|];
            }
        }
        """,
        """
        class C
        {
            void M(int scope)
            {
                using var scope2 = NewDisposeScope();
            }

            void N()
            {
                using var s = torch.NewDisposeScope();
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_WhereAUsingDeclarationIsNotAllowed() => Rule.VerifyNoFix("""
        class C
        {
            void M(bool on)
            {
                if (on) [|torch.NewDisposeScope()|];
                DisposeScope reused = [|torch.NewDisposeScope()|];
                reused = null;
            }
        }
        """);

    [Fact]
    public Task Ignores_UsingOfAnAssignment() => Rule.Verify("""
        class C
        {
            void M()
            {
                using (_ = torch.NewDisposeScope()) { }
                DisposeScope scope;
                using (scope = torch.NewDisposeScope()) { }
            }
        }
        """);
}
