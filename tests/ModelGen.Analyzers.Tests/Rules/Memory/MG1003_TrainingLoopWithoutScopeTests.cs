using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1003_TrainingLoopWithoutScope,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1003_TrainingLoopWithoutScopeTests
{
    [Fact]
    public Task Reports_LoopOverALoader() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                [|foreach|] (var batch in loader)
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
    public Task Reports_InnerLoopOfEpochs() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader, int epochs)
            {
                for (int epoch = 0; epoch < epochs; epoch++)
                {
                    [|foreach|] (var batch in loader)
                    {
                        using var output = model.forward(batch["x"]);
                        functional.mse_loss(output, batch["y"]).backward();
                        optimizer.step();
                    }

                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_LossReadButNotDisposed() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                int step = 0;
                [|while|] (step++ < 1000)
                {
                    Tensor loss = functional.mse_loss(model.forward(x), y);
                    optimizer.zero_grad();
                    loss.backward();
                    optimizer.step();
                    Console.WriteLine(loss.item<float>());
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeInTheBodyOrAround() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    using var scope = torch.NewDisposeScope();
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                }
            }
            void N(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                using (torch.NewDisposeScope())
                {
                    foreach (var batch in loader)
                    {
                        var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                        loss.backward();
                        optimizer.step();
                    }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_DisposedLoss() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    using var output = model.forward(batch["x"]);
                    using var loss = functional.mse_loss(output, batch["y"]);
                    loss.backward();
                    optimizer.step();
                }
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    loss.Dispose();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_FewTurnsAndForcedCollections() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                for (int i = 0; i < 10; i++)
                {
                    var loss = functional.mse_loss(model.forward(x), y);
                    loss.backward();
                    optimizer.step();
                }
            }
            void N(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    GC.Collect();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeOfTheUsersAndLoopsThatOnlyRunAModel() => Rule.Verify("""
        class C
        {
            IDisposable Open() => torch.NewDisposeScope();
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    using var scope = Open();
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                }
            }
            void N(Module<Tensor, Tensor> model, DataLoader loader)
            {
                foreach (var batch in loader) { var y = model.forward(batch["x"]); }
            }
        }
        """);

    /// <summary>no_grad gives an IDisposable, but frees nothing.</summary>
    [Fact]
    public Task Reports_EvaluationUnderNoGradInTheSameMethod() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer, IEnumerable<Tensor> data)
            {
                [|foreach|] (Tensor x in data)
                {
                    var loss = model.call(x).mean();
                    optimizer.zero_grad();
                    loss.backward();
                    optimizer.step();
                }

                using (torch.no_grad())
                {
                    Console.WriteLine(model.call(ones(2)).mean().item<float>());
                }
            }

            void N(Linear model, torch.optim.Optimizer optimizer, IEnumerable<Tensor> data)
            {
                [|foreach|] (Tensor x in data)
                {
                    var loss = model.call(x).mean();
                    loss.backward();
                    optimizer.step();
                }

                using var noGrad = torch.no_grad();
                model.call(ones(2));
            }
        }
        """);

    [Fact]
    public Task Reports_BackwardOfALossThatMayBeNull() => Rule.Verify("""
        class Bigram : Module
        {
            public Bigram() : base("bigram") { }

            public (Tensor Logits, Tensor? Loss) Forward(Tensor x) => (x, x);
        }

        class C
        {
            void M(Bigram model, torch.optim.Optimizer optimizer, IEnumerable<Tensor> data)
            {
                [|foreach|] (Tensor x in data)
                {
                    (Tensor logits, Tensor loss) = model.Forward(x);
                    optimizer.zero_grad();
                    loss?.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ALossThatIsDisposedWhereItIsNotNull() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer, IEnumerable<Tensor> data)
            {
                foreach (Tensor x in data)
                {
                    Tensor loss = model.call(x).mean();
                    loss?.backward();
                    optimizer.step();
                    loss?.Dispose();
                }
            }
        }
        """);
}
