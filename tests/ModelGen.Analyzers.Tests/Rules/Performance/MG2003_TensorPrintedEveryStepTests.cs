using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2003_TensorPrintedEveryStep,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2003_TensorPrintedEveryStepTests
{
    [Fact]
    public Task Reports_Str() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    y.mean().backward();
                    optimizer.step();
                    Console.WriteLine([|y.str()|]);
                }
            }
        }
        """);

    [Fact]
    public Task Reports_Print() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x)
            {
                while (true)
                {
                    var loss = model.forward(x).mean();
                    loss.backward();
                    optimizer.step();
                    [|loss.print()|];
                }
            }
        }
        """);

    [Fact]
    public Task Reports_ToStringWithAStyle() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    y.mean().backward();
                    optimizer.step();
                    Console.WriteLine([|y.ToString(TorchSharp.TensorStringStyle.Julia)|]);
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_MetadataOnly() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    y.mean().backward();
                    optimizer.step();
                    Console.WriteLine($"{y} {y.ToString()}");
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_NowAndThen() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                int step = 0;
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    y.mean().backward();
                    optimizer.step();
                    if (step++ % 100 == 0) { Console.WriteLine(y.str()); }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherLoops() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all)
            {
                foreach (var x in all) { x.print(); }
            }
        }
        """);
}
