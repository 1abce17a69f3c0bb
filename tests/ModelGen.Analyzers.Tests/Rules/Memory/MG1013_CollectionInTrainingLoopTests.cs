using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1013_CollectionInTrainingLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1013_CollectionInTrainingLoopTests
{
    [Fact]
    public Task Reports_EveryStep() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    [|GC.Collect()|];
                }
            }
        }
        """);

    [Fact]
    public Task Reports_CollectionWithArguments() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    [|GC.Collect(2, GCCollectionMode.Forced)|];
                    GC.WaitForPendingFinalizers();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_InATryBlock() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    try
                    {
                        model.forward(batch["x"]).mean().backward();
                        optimizer.step();
                    }
                    finally
                    {
                        [|System.GC.Collect()|];
                    }
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
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    if (step++ % 100 == 0) { GC.Collect(); }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_EndOfTheEpoch() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                for (int epoch = 0; epoch < 100; epoch++)
                {
                    foreach (var batch in loader)
                    {
                        model.forward(batch["x"]).mean().backward();
                        optimizer.step();
                    }

                    GC.Collect();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherLoops() => Rule.Verify("""
        class C
        {
            void M(List<string> files)
            {
                foreach (var file in files) { GC.Collect(); }
            }
        }
        """);
}
