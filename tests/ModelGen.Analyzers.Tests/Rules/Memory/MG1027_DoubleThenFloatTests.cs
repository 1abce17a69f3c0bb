using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1027_DoubleThenFloat,
    ModelGen.CodeFixes.Rules.Memory.MG1027_DoubleThenFloatFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1027_DoubleThenFloatTests
{
    [Fact]
    public Task Reports_Array() => Rule.Verify("""
        class C { Tensor M(double[] data) => [|torch.tensor(data).to(ScalarType.Float32)|]; }
        """);

    [Fact]
    public Task Reports_ZerosToAnotherType() => Rule.Verify("""
        class C { Tensor M() => [|torch.zeros(3, 4).to_type(ScalarType.Float64)|] + [|torch.eye(3).to(torch.int64)|]; }
        """);

    [Fact]
    public Task Reports_ShortForm() => Rule.Verify("""
        class C { Tensor M() => [|torch.ones(3).@long()|]; }
        """);

    [Fact]
    public Task Ignores_TypeGiven() => Rule.Verify("""
        class C { Tensor M(double[] data) => torch.tensor(data, dtype: ScalarType.Float32) + torch.zeros(3, dtype: ScalarType.Int64).to(ScalarType.Float32); }
        """);

    [Fact]
    public Task Ignores_ValuesThatMayRoundDifferently() => Rule.Verify("""
        class C { Tensor M() => torch.arange(0, 1, 0.1).to(ScalarType.Int64) + torch.full(3, 0.7).to(ScalarType.Int64) + torch.rand(3).to(ScalarType.Float64); }
        """);

    [Fact]
    public Task Ignores_FloatsAndDevices() => Rule.Verify("""
        class C { Tensor M(float[] data, Device device) => torch.tensor(data).to(ScalarType.Float32) + torch.zeros(3).to(device); }
        """);

    [Fact]
    public Task Fixes_ByNamingTheType() => Rule.VerifyFix(
        """
        class C { Tensor M(double[] data) => [|torch.tensor(data).to(ScalarType.Float32)|]; }
        """,
        """
        class C { Tensor M(double[] data) => torch.tensor(data, dtype: ScalarType.Float32); }
        """);

    [Fact]
    public Task FixesAll_LongAndShortForms() => Rule.VerifyFix(
        """
        class C { Tensor M(Device device) => [|torch.zeros(3, device: device).to_type(ScalarType.BFloat16)|] + [|torch.ones(3).@double()|]; }
        """,
        """
        class C { Tensor M(Device device) => torch.zeros(3, device: device, dtype: ScalarType.BFloat16) + torch.ones(3, dtype: ScalarType.Float64); }
        """);

    /// <summary>A conversion to the type that a tensor has gives a second handle to the same storage.</summary>
    [Fact]
    public Task Ignores_TheTypeThatItHas() => Rule.Verify("""
        class C
        {
            Tensor M(double[] data) => torch.zeros(3, 4).@float() + torch.ones(3).to(ScalarType.Float32) + torch.eye(3).to(torch.float32) + torch.tensor(data).@double();
        }
        """);

    /// <summary>The type of a variable may be the one that the tensor has.</summary>
    [Fact]
    public Task Ignores_TypesThatAreNotKnown() => Rule.Verify("""
        class C { Tensor M(double[] data, ScalarType type) => torch.ones(3).to_type(type) + torch.tensor(data).to(type); }
        """);
}
