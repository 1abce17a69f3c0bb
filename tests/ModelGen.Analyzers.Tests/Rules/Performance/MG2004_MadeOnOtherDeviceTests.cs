using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2004_MadeOnOtherDevice,
    ModelGen.CodeFixes.Rules.Performance.MG2004_MadeOnOtherDeviceFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2004_MadeOnOtherDeviceTests
{
    [Fact]
    public Task Reports_ToADevice() => Rule.Verify("""
        class C { Tensor M(Device device) => [|torch.zeros(3, 4).to(device)|]; }
        """);

    [Fact]
    public Task Reports_Cuda() => Rule.Verify("""
        class C { Tensor M() => [|torch.full(3, 0.5f).cuda()|]; }
        """);

    [Fact]
    public Task Reports_NameOfADevice() => Rule.Verify("""
        class C { Tensor M(Tensor x) => x * [|torch.arange(10).to("cuda:0")|]; }
        """);

    [Fact]
    public Task Ignores_DeviceGiven() => Rule.Verify("""
        class C { Tensor M(Device device, Device other) => torch.zeros(3, device: device).to(other); }
        """);

    [Fact]
    public Task Ignores_DataAndRandomTensors() => Rule.Verify("""
        class C { Tensor M(Device device, float[] data) => torch.tensor(data).to(device) + torch.randn(3).to(device) + torch.from_array(data).to(device); }
        """);

    [Fact]
    public Task Ignores_TypesAndOptions() => Rule.Verify("""
        class C { Tensor M(Device device) => torch.zeros(3).to(ScalarType.Int64) + torch.ones(3, requires_grad: true).to(device) + torch.ones(3).to(device, non_blocking: true); }
        """);

    [Fact]
    public Task Fixes_WithADevice() => Rule.VerifyFix(
        """
        class C { Tensor M(Device device) => [|torch.zeros(3, 4).to(device)|].add_(1); }
        """,
        """
        class C { Tensor M(Device device) => torch.zeros(3, 4, device: device).add_(1); }
        """);

    [Fact]
    public Task FixesAll_BothForms() => Rule.VerifyFix(
        """
        class C { Tensor M(Device device) => [|torch.ones(3, dtype: ScalarType.Int64).to(device)|] + [|torch.eye(3).cuda()|]; }
        """,
        """
        class C { Tensor M(Device device) => torch.ones(3, dtype: ScalarType.Int64, device: device) + torch.eye(3, device: torch.CUDA); }
        """);
}
