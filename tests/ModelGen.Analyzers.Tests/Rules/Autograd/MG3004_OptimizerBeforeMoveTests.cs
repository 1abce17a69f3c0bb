using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3004_OptimizerBeforeMove,
    ModelGen.CodeFixes.Rules.Autograd.MG3004_OptimizerBeforeMoveFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3004_OptimizerBeforeMoveTests
{
    [Fact]
    public Task Reports_FactoryBeforeTo() => Rule.Verify("""
        class C
        {
            void M(Linear model, Device device)
            {
                var optimizer = [|torch.optim.Adam(model.parameters(), 1e-3)|];
                model.to(device);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Reports_MoveInANestedBlock() => Rule.Verify("""
        class C
        {
            private readonly Sequential _model = Sequential();

            void M()
            {
                var optimizer = [|torch.optim.SGD(_model.named_parameters(), 0.1)|];
                if (torch.cuda_is_available()) { _model.cuda(); }
                for (int i = 0; i < 10; i++) { optimizer.step(); }
            }
        }
        """);

    [Fact]
    public Task Reports_AssignedMoveAndFieldOptimizer() => Rule.Verify("""
        class C
        {
            private torch.optim.Optimizer _optimizer;

            void M(Device device)
            {
                var model = Linear(2, 2);
                _optimizer = [|torch.optim.AdamW(model.parameters())|];
                model = model.to(device).half();
                _optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task Reports_ElementTypeChange() => Rule.Verify("""
        class C
        {
            void M(Linear model)
            {
                var optimizer = [|torch.optim.Adam(model.parameters().ToArray())|];
                model.to(ScalarType.BFloat16);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_MoveBeforeTheOptimizer() => Rule.Verify("""
        class C
        {
            void M(Linear model, Device device)
            {
                model.to(device);
                var optimizer = torch.optim.Adam(model.parameters());
                model.to(device);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_MoveAfterTraining() => Rule.Verify("""
        class C
        {
            void M(Linear model, Device device)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
                model.to(device);
                model.save("weights.dat");
            }
        }
        """);

    [Fact]
    public Task Ignores_MoveToWhereANewModelIs() => Rule.Verify("""
        class C
        {
            void M(Linear model)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                model.cpu();
                model.to(torch.CPU);
                model.to(ScalarType.Float32);
                model.to("cpu");
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherModelOtherBranchAndReassignment() => Rule.Verify("""
        class C
        {
            void Other(Linear model, Linear teacher, Device device)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                teacher.to(device);
                optimizer.step();
            }

            void Branches(Linear model, Device device, bool fresh)
            {
                torch.optim.Optimizer optimizer = null;
                if (fresh) { optimizer = torch.optim.Adam(model.parameters()); }
                else { model.to(device); }
                optimizer.step();
            }

            void NewModel(Linear model, Device device)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
                model = Linear(2, 2);
                model.to(device);
                optimizer.zero_grad();
            }

            void NewOptimizer(Linear model, Device device)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                model.to(device);
                optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Fixes_ByMovingTheModelFirst() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, Device device)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                var epochs = 3;
                model.to(device);
                optimizer.step();
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, Device device)
            {
                model.to(device);
                var optimizer = torch.optim.Adam(model.parameters());
                var epochs = 3;
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task FixesAll_InSeveralMethods() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, Device device)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                model.to(device);
                optimizer.step();
            }

            void N(Linear model)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                model = model.cuda();
                optimizer.step();
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, Device device)
            {
                model.to(device);
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
            }

            void N(Linear model)
            {
                model = model.cuda();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_WhenTheMoveDependsOnLaterCode() => Rule.VerifyNoFix("""
        class C
        {
            void M(Linear model)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                var device = torch.device("cuda");
                model.to(device);
                optimizer.step();
            }
        }
        """);
}
