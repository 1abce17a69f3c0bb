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

    [Fact]
    public Task Reports_ModelsThatAreFieldsOfOtherObjects() => Rule.Verify("""
        class Pipeline { public Module<Tensor, Tensor> Net; public Linear Head { get; set; } }

        class C
        {
            private readonly Pipeline _pipeline = new();

            void M(Device device, Tensor x)
            {
                using var optimizer = [|torch.optim.AdamW(_pipeline.Net.parameters(), lr: 1e-3)|];
                _pipeline.Net.to(device);
                _pipeline.Net.forward(x).mean().backward();
                optimizer.step();
            }

            void N(Pipeline pipeline, Device device)
            {
                var optimizer = [|torch.optim.AdamW(pipeline.Head.parameters(), lr: 1e-3)|];
                pipeline.Head.to(device);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_FieldsOfOtherObjectsThatMayHaveChanged() => Rule.Verify("""
        class Pipeline { public Module<Tensor, Tensor> Net; public Linear Head => Linear(2, 2); public void Reset() { Net = Linear(2, 2); } }

        class C
        {
            void Another(Pipeline a, Pipeline b, Device device)
            {
                var optimizer = torch.optim.SGD(a.Net.parameters(), 0.1);
                b.Net.to(device);
                optimizer.step();
            }

            void Replaced(Pipeline a, Device device)
            {
                var optimizer = torch.optim.SGD(a.Net.parameters(), 0.1);
                a.Net = Linear(2, 2);
                a.Net.to(device);
                optimizer.step();
            }

            void Called(Pipeline a, Device device)
            {
                var optimizer = torch.optim.SGD(a.Net.parameters(), 0.1);
                a.Reset();
                a.Net.to(device);
                optimizer.step();
            }

            void MadeAnew(Pipeline a, Device device)
            {
                var optimizer = torch.optim.SGD(a.Head.parameters(), 0.1);
                a.Head.to(device);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Fixes_AFieldOfAnotherObject() => Rule.VerifyFix(
        """
        class Pipeline { public Module<Tensor, Tensor> Net; }

        class C
        {
            void M(Pipeline pipeline, Device device)
            {
                var optimizer = [|torch.optim.SGD(pipeline.Net.parameters(), 0.1)|];
                pipeline.Net.to(device);
                optimizer.step();
            }
        }
        """,
        """
        class Pipeline { public Module<Tensor, Tensor> Net; }

        class C
        {
            void M(Pipeline pipeline, Device device)
            {
                pipeline.Net.to(device);
                var optimizer = torch.optim.SGD(pipeline.Net.parameters(), 0.1);
                optimizer.step();
            }
        }
        """);
}
