using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1004_ScopeAroundTrainingLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1004_ScopeAroundTrainingLoopTests
{
    [Fact]
    public Task Reports_UsingDeclarationAround() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                using var scope = [|torch.NewDisposeScope()|];
                foreach (var batch in loader)
                {
                    optimizer.zero_grad();
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_UsingStatementInTheEpochLoop() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                for (int epoch = 0; epoch < 100; epoch++)
                {
                    using (var scope = [|torch.NewDisposeScope()|])
                    {
                        foreach (var batch in loader)
                        {
                            var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                            loss.backward();
                            optimizer.step();
                            optimizer.zero_grad();
                        }
                    }
                }
            }
        }
        """);

    [Fact]
    public Task Reports_TheInnermostOfTwo() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                using var outer = torch.NewDisposeScope();
                using var inner = [|torch.NewDisposeScope()|];
                foreach (var batch in loader)
                {
                    functional.mse_loss(model.forward(batch["x"]), batch["y"]).backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeInside() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                using var outer = torch.NewDisposeScope();
                foreach (var batch in loader)
                {
                    using var scope = torch.NewDisposeScope();
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeThatIsEmptied() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                using var scope = torch.NewDisposeScope();
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    scope.DisposeEverything();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_FewTurnsAndEvaluation() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, DataLoader loader)
            {
                using var scope = torch.NewDisposeScope();
                for (int i = 0; i < 5; i++)
                {
                    var loss = model.forward(x).mean();
                    loss.backward();
                    optimizer.step();
                }

                foreach (var batch in loader) { var y = model.forward(batch["x"]); }
            }
        }
        """);
}
