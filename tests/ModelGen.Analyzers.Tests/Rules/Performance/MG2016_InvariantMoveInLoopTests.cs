using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2016_InvariantMoveInLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2016_InvariantMoveInLoopTests
{
    [Fact]
    public Task Reports_FeaturesInTheEpochLoop() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor features, Device device)
            {
                for (int epoch = 0; epoch < 100; epoch++)
                {
                    using var y = model.forward([|features.to(device)|]).mean();
                    y.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_ConversionOfALocal() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, DataLoader loader, float[] weights)
            {
                var w = torch.tensor(weights);
                foreach (var batch in loader) { var y = model.forward(batch["x"]) * [|w.@double()|]; }
            }
        }
        """);

    [Fact]
    public Task Reports_Cuda() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all, Tensor mask)
            {
                foreach (var x in all) { var y = x * [|mask.cuda()|]; }
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorsOfTheLoop() => Rule.Verify("""
        class C
        {
            void M(DataLoader loader, Device device, Tensor h)
            {
                foreach (var batch in loader)
                {
                    var x = batch["x"].to(device);
                    var y = x.to(ScalarType.Float64);
                    h = h.to(device) + y;
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_MasksThatAreMadeBooleanToBeSafe() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all, Tensor mask)
            {
                foreach (var x in all)
                {
                    var a = x.masked_fill(mask.to_type(ScalarType.Bool), 0);
                    var b = x.masked_fill(mask.@bool(), 0);
                    var c = x.masked_fill(mask.to(torch.@bool), 0);
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ArgumentsThatChange() => Rule.Verify("""
        class C
        {
            void M(Tensor x, List<Device> devices, bool[] half)
            {
                foreach (var device in devices) { var y = x.to(device); }
                foreach (bool b in half) { if (b) { var y = x.half(); } }
            }
        }
        """);

    [Fact]
    public Task Ignores_CopiesThatAreChangedAndFewTurns() => Rule.Verify("""
        class C
        {
            void M(Tensor x, List<Tensor> all, Device device)
            {
                foreach (var t in all)
                {
                    var y = x.to(ScalarType.Float64);
                    y.add_(t);
                    var z = x.to(device, copy: true);
                }
                for (int i = 0; i < 10; i++) { var y = x.to(device); }
            }
        }
        """);

    [Fact]
    public Task Ignores_WeightsAndChangedTensors() => Rule.Verify("""
        class C
        {
            void M(Linear layer, List<Tensor> all)
            {
                var w = layer.weight;
                var v = torch.zeros(3);
                foreach (var t in all)
                {
                    var y = w.to(ScalarType.Float64);
                    v.add_(t);
                    var z = v.@double();
                }
            }
        }
        """);
}
