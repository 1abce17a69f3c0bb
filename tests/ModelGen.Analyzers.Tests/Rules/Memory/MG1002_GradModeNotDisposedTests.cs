using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1002_GradModeNotDisposed,
    ModelGen.CodeFixes.Rules.Memory.MG1002_GradModeNotDisposedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1002_GradModeNotDisposedTests
{
    [Fact]
    public Task Reports_NoGradThatIsDropped() => Rule.Verify("""
        class C { void M() { [|torch.no_grad()|]; } }
        """);

    [Fact]
    public Task Reports_InferenceModeAndEnableGrad() => Rule.Verify("""
        class C { void M() { [|inference_mode()|]; _ = [|torch.enable_grad()|]; } }
        """);

    [Fact]
    public Task Reports_LocalThatNobodyDisposes() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                var mode = [|torch.no_grad()|];
                var previous = [|torch.set_grad_enabled(false)|];
                return x * 2;
            }
        }
        """);

    [Fact]
    public Task Ignores_Using() => Rule.Verify("""
        class C
        {
            void M(bool train)
            {
                using var a = torch.no_grad();
                using (torch.inference_mode()) { }
                using var b = train ? torch.enable_grad() : torch.no_grad();
            }
        }
        """);

    [Fact]
    public Task Ignores_GlobalSwitchAtStartUp() => Rule.Verify("""
        class C { static void Main() { torch.set_grad_enabled(false); _ = torch.set_grad_enabled(true); } }
        """);

    [Fact]
    public Task Ignores_ModeThatIsReturnedStoredOrDisposed() => Rule.Verify("""
        class C
        {
            private IDisposable _mode;
            IDisposable Off() => torch.no_grad();
            void Store() { _mode = torch.no_grad(); }
            void Finally() { var mode = torch.no_grad(); try { } finally { mode.Dispose(); } }
        }
        """);

    [Fact]
    public Task Ignores_MethodOfTheSameNameElsewhere() => Rule.Verify("""
        class C { static IDisposable no_grad() => null; void M() { C.no_grad(); } }
        """);

    [Fact]
    public Task Fixes_DroppedMode() => Rule.VerifyFix(
        "class C { void M() { [|torch.no_grad()|]; } }",
        "class C { void M() { using var mode = torch.no_grad(); } }");

    [Fact]
    public Task FixesAll_DroppedModesAndLocals() => Rule.VerifyFix(
        """
        class C
        {
            void M()
            {
                [|torch.no_grad()|];
            }

            void N()
            {
                IDisposable off = [|inference_mode()|];
            }
        }
        """,
        """
        class C
        {
            void M()
            {
                using var mode = torch.no_grad();
            }

            void N()
            {
                using IDisposable off = inference_mode();
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_InAnEmbeddedStatement() => Rule.VerifyNoFix("""
        class C { void M(bool on) { if (on) [|torch.no_grad()|]; } }
        """);
}
