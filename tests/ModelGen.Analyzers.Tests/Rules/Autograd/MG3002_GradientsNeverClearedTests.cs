using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3002_GradientsNeverCleared,
    ModelGen.CodeFixes.Rules.Autograd.MG3002_GradientsNeverClearedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3002_GradientsNeverClearedTests
{
    [Fact]
    public Task Reports_LoopWithoutZeroGrad() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer, IEnumerable<Tensor> data)
            {
                foreach (var x in data)
                {
                    [|model.forward(x).sum().backward()|];
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_ForLoopWithAFieldOptimizer() => Rule.Verify("""
        class C
        {
            private readonly Adam _optimizer;

            void M(Linear model, Tensor x)
            {
                for (int i = 0; i < 10; i++)
                {
                    var loss = model.forward(x).sum();
                    [|loss.backward()|];
                    _optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_InnerLoopOfEpochs() => Rule.Verify("""
        class C
        {
            static void Log(string text) { }

            void M(Linear model, SGD optimizer, List<Tensor> data)
            {
                while (true)
                {
                    foreach (var x in data)
                    {
                        [|torch.autograd.backward(model.forward(x).sum())|];
                        optimizer.step();
                        Log("step");
                    }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_LoopsThatClear() => Rule.Verify("""
        class C
        {
            void A(Linear model, SGD optimizer, Tensor x) { for (;;) { optimizer.zero_grad(); model.forward(x).sum().backward(); optimizer.step(); } }
            void B(Linear model, SGD optimizer, Tensor x) { for (;;) { model.forward(x).sum().backward(); optimizer.step(); model.zero_grad(); } }
            void D(Linear model, SGD optimizer, Tensor x) { for (;;) { model.forward(x).sum().backward(); optimizer.step(); foreach (var p in model.parameters()) { p.grad = null; } } }
        }
        """);

    [Fact]
    public Task Ignores_AccumulationOverSeveralBatches() => Rule.Verify("""
        class C
        {
            void M(Linear model, SGD optimizer, Tensor x)
            {
                for (int i = 0; i < 100; i++)
                {
                    model.forward(x).sum().backward();
                    if (i % 4 == 3) { optimizer.step(); optimizer.zero_grad(); }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ClearingInAMethodThatTheLoopCalls() => Rule.Verify("""
        class C
        {
            private readonly SGD _optimizer;
            void Reset() => _optimizer.zero_grad();
            void M(Linear model, Tensor x) { for (;;) { Reset(); model.forward(x).sum().backward(); _optimizer.step(); } }
        }
        """);

    [Fact]
    public Task Ignores_StepWithoutALoopAndSchedulers() => Rule.Verify("""
        class C
        {
            void A(Linear model, SGD optimizer, Tensor x) { model.forward(x).sum().backward(); optimizer.step(); }
            void B(Linear model, torch.optim.lr_scheduler.LRScheduler scheduler, Tensor x) { for (;;) { model.forward(x).sum().backward(); scheduler.step(); } }
        }
        """);

    [Fact]
    public Task Fixes_BeforeTheBackwardPass() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, SGD optimizer, Tensor x)
            {
                while (true)
                {
                    var loss = model.forward(x).sum();
                    // back
                    [|loss.backward()|];
                    optimizer.step();
                }
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, SGD optimizer, Tensor x)
            {
                while (true)
                {
                    var loss = model.forward(x).sum();
                    optimizer.zero_grad();
                    // back
                    loss.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task FixesAll_Loops() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, SGD optimizer, Tensor x)
            {
                for (;;) { [|model.forward(x).sum().backward()|]; optimizer.step(); }
            }

            void N(Linear model, SGD sgd, Tensor x)
            {
                for (;;) { [|model.forward(x).sum().backward()|]; sgd.step(); }
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, SGD optimizer, Tensor x)
            {
                for (;;) { optimizer.zero_grad(); model.forward(x).sum().backward(); optimizer.step(); }
            }

            void N(Linear model, SGD sgd, Tensor x)
            {
                for (;;) { sgd.zero_grad(); model.forward(x).sum().backward(); sgd.step(); }
            }
        }
        """);
}
