using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2014_NonBlockingWithoutPinning,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2014_NonBlockingWithoutPinningTests
{
    [Fact]
    public Task Reports_Factory() => Rule.Verify("""
        class C { Tensor M(float[] data) => [|torch.tensor(data).to(torch.CUDA, non_blocking: true)|]; }
        """);

    [Fact]
    public Task Reports_Local() => Rule.Verify("""
        class C
        {
            Tensor M(float[] data, Device device)
            {
                var x = torch.from_array(data);
                return [|x.to(device, non_blocking: true)|];
            }
        }
        """);

    [Fact]
    public Task Reports_RandomNumbers() => Rule.Verify("""
        class C { Tensor M(Device device) => [|torch.randn(8, 8).to(ScalarType.Float16, device, non_blocking: true)|]; }
        """);

    [Fact]
    public Task Ignores_Pinned() => Rule.Verify("""
        class C
        {
            Tensor M(float[] data, Device device)
            {
                var x = torch.tensor(data).pin_memory();
                return x.to(device, non_blocking: true);
            }
            Tensor N(float[] data, Device device)
            {
                var x = torch.tensor(data);
                x = x.pin_memory();
                return x.to(device, non_blocking: true);
            }
        }
        """);

    [Fact]
    public Task Ignores_UnknownOrigin() => Rule.Verify("""
        class C { Tensor M(Tensor x, Dictionary<string, Tensor> batch, Device device) => x.to(device, non_blocking: true) + batch["x"].to(device, non_blocking: true); }
        """);

    [Fact]
    public Task Ignores_BlockingMovesAndOtherDevices() => Rule.Verify("""
        class C { Tensor M(float[] data, Device device) => torch.tensor(data).to(device) + torch.zeros(3, device: torch.CUDA).to(torch.CPU, non_blocking: true); }
        """);
}
