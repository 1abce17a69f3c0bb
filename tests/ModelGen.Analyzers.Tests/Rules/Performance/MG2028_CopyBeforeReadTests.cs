using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2028_CopyBeforeRead,
    ModelGen.CodeFixes.Rules.Performance.MG2028_CopyBeforeReadFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2028_CopyBeforeReadTests
{
    [Fact]
    public Task Reports_Cpu() => Rule.Verify("""
        class C { float M(Tensor x) => [|x.cpu()|].item<float>(); }
        """);

    [Fact]
    public Task Reports_DetachAndCpu() => Rule.Verify("""
        class C { float M(Tensor x) => [|x.sum().detach().cpu()|].ToSingle(); }
        """);

    [Fact]
    public Task Reports_Conversion() => Rule.Verify("""
        class C { double M(Tensor x) => (double)[|x.detach()|]; }
        """);

    [Fact]
    public Task Ignores_DirectReads() => Rule.Verify("""
        class C { float M(Tensor x) => x.item<float>() + (float)x.sum() + x.mean().ToSingle(); }
        """);

    [Fact]
    public Task Ignores_OtherUses() => Rule.Verify("""
        class C { float[] M(Tensor x) => x.detach().cpu().data<float>().ToArray(); }
        """);

    [Fact]
    public Task Ignores_MovesWithArguments() => Rule.Verify("""
        class C { float M(Tensor x, Device device) => x.to(device).item<float>() + x.to(ScalarType.Float32).item<float>(); }
        """);

    [Fact]
    public Task Fixes_ByReadingDirectly() => Rule.VerifyFix(
        """
        class C { float M(Tensor x) => [|x.sum().detach().cpu()|].item<float>(); }
        """,
        """
        class C { float M(Tensor x) => x.sum().item<float>(); }
        """);

    [Fact]
    public Task FixesAll_CallAndConversion() => Rule.VerifyFix(
        """
        class C { double M(Tensor x, Tensor y) => [|x.cpu()|].item<float>() + (double)[|y.detach()|]; }
        """,
        """
        class C { double M(Tensor x, Tensor y) => x.item<float>() + (double)y; }
        """);

    [Fact]
    public Task Reports_AMoveToTheHost() => Rule.Verify("""
        class C { long M(Tensor x) => [|x.sum().to(torch.CPU)|].item<long>() + (long)[|x.sum().to(DeviceType.CPU)|].ToInt64(); }
        """);

    [Fact]
    public Task Ignores_OtherMoves() => Rule.Verify("""
        class C { float M(Tensor x, Device device) => x.to(device).item<float>() + x.to(torch.CUDA).item<float>() + x.to(ScalarType.Float32).item<float>() + x.to(ScalarType.Float32, torch.CPU).item<float>(); }
        """);

    [Fact]
    public Task Fixes_AMoveToTheHost() => Rule.VerifyFix(
        """
        class C { long M(Tensor x) => [|x.sum().to(torch.CPU)|].item<long>(); }
        """,
        """
        class C { long M(Tensor x) => x.sum().item<long>(); }
        """);
}
