using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5017_ClampBoundRounds,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5017_ClampBoundRoundsTests
{
    [Fact]
    public Task Reports_Clamp() => Rule.Verify("class C { Tensor M(Tensor p) => p.clamp(1e-8, [|1 - 1e-8|]).log(); }");

    [Fact]
    public Task Reports_InPlaceAndFunctions() => Rule.Verify("class C { void M(Tensor p) { p.clamp_(1e-9, [|0.999999999|]); torch.clamp(p, 1e-10, [|1.0 - 1e-10|]); } }");

    [Fact]
    public Task Reports_Constants() => Rule.Verify("class C { const double Eps = 1e-12; Tensor M(Tensor p) => p.clamp(max: [|1 - Eps|]); }");

    [Fact]
    public Task Ignores_BoundsThatFloatHolds() => Rule.Verify("class C { Tensor M(Tensor p) => p.clamp(1e-7, 1 - 1e-7) + p.clamp(0, 1) + p.clamp(-1, 0.999) + p.clamp(0, 1.5); }");

    [Fact]
    public Task Ignores_DoublePrecision() => Rule.Verify("""
        class C { Tensor M(Tensor p) => p.clamp(1e-8, 1 - 1e-8); Tensor N() => torch.zeros(3, dtype: ScalarType.Float64); }
        class D { Tensor M(Tensor p) => p.@double().clamp(1e-8, 1 - 1e-8); }
        """);

    [Fact]
    public Task Ignores_LowerBoundsAndUnknownBounds() => Rule.Verify("class C { Tensor M(Tensor p, double high) => p.clamp(1 - 1e-9) + p.clamp(0, high) + p.clamp_min(1 - 1e-9); }");
}
