using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2015_CudaArgumentIgnored,
    ModelGen.CodeFixes.Rules.Performance.MG2015_CudaArgumentIgnoredFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2015_CudaArgumentIgnoredTests
{
    [Fact]
    public Task Reports_FlagWithoutDevice() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.cuda(non_blocking: true)|]; }
        """);

    [Fact]
    public Task Reports_IndexOfTheDevice() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.cuda(new Device("cuda:1"))|] + [|x.cuda(new Device(DeviceType.CUDA, 2))|] + [|x.cuda("cuda:3")|]; }
        """);

    [Fact]
    public Task Reports_FlagTakenForCopy() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor other) => [|x.to(other, non_blocking: true)|] + [|x.to(other, true)|]; }
        """);

    [Fact]
    public Task Ignores_CallsThatWork() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor other) => x.cuda() + x.cuda(torch.CUDA) + x.cuda(new Device("cuda:0")) + x.to(other) + x.to(torch.CUDA, non_blocking: true); }
        """);

    [Fact]
    public Task Ignores_DevicesInVariables() => Rule.Verify("""
        class C { Tensor M(Tensor x, Device device) => x.cuda(device) + x.cuda(device, non_blocking: true); }
        """);

    [Fact]
    public Task Ignores_Modules() => Rule.Verify("""
        class C { void M(Linear model) { model.cuda(1); model.to(torch.CUDA); } }
        """);

    [Fact]
    public Task Fixes_Flag() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x) => [|x.cuda(non_blocking: true)|]; }
        """,
        """
        class C { Tensor M(Tensor x) => x.to(torch.CUDA, non_blocking: true); }
        """);

    [Fact]
    public Task FixesAll_TheOthers() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x, Tensor other) => [|x.cuda(new Device("cuda:1"))|] + [|x.to(other, non_blocking: true)|]; }
        """,
        """
        class C { Tensor M(Tensor x, Tensor other) => x.to(new Device("cuda:1")) + x.to(other.dtype, other.device, non_blocking: true); }
        """);
}
