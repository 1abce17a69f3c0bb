using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3001_EvaluationWithoutNoGrad,
    ModelGen.CodeFixes.Rules.Autograd.MG3001_EvaluationWithoutNoGradFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3001_EvaluationWithoutNoGradTests
{
    [Fact]
    public Task Reports_ForwardAfterEval() => Rule.Verify("""
        class C
        {
            float M(Module<Tensor, Tensor> model, Tensor x)
            {
                model.eval();
                return [|model.forward(x)|].sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Reports_CallOnAFieldInsideALoop() => Rule.Verify("""
        class C
        {
            private readonly Linear _model = Linear(2, 2);

            void Test(IEnumerable<Tensor> batches)
            {
                _model.eval();
                foreach (var batch in batches)
                {
                    using var scope = torch.NewDisposeScope();
                    var y = [|_model.call(batch)|];
                }
            }
        }
        """);

    [Fact]
    public Task Reports_WhenNoGradCoversAnotherPartOfTheMethod() => Rule.Verify("""
        class C
        {
            void M(Linear model, Tensor x)
            {
                using (torch.no_grad()) { x.add_(1); }
                model.eval();
                var y = [|model.forward(x)|];
            }
        }
        """);

    [Fact]
    public Task Reports_UnderAUsingOfAModel() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => x;
        }

        class C
        {
            void Run(Tensor x) { using var net = new Net(); Evaluate(net, x); }
            void Evaluate(Net net, Tensor x) { net.eval(); [|net.forward(x)|]; }
        }
        """);

    [Fact]
    public Task Reports_HelperThatIsCalledWhileAReaderOfTheUsersIsOpen() => Rule.Verify("""
        class Pairs : System.Collections.IEnumerable, IDisposable
        {
            public System.Collections.IEnumerator GetEnumerator() => null;
            public void Dispose() { }
        }

        class C
        {
            void Run(Linear model, Tensor x)
            {
                using var pairs = new Pairs();
                Evaluate(model, pairs, x);
            }

            void Evaluate(Linear model, Pairs pairs, Tensor x)
            {
                model.eval();
                foreach (object pair in pairs) { var y = [|model.forward(x)|]; }
            }
        }
        """);

    [Fact]
    public Task Ignores_NoGradAndInferenceMode() => Rule.Verify("""
        class C
        {
            void A(Linear model, Tensor x) { model.eval(); using var off = torch.no_grad(); model.forward(x); }
            void B(Linear model, Tensor x) { using (torch.inference_mode()) { model.eval(); model.forward(x); } }
            void C1(Linear model, Tensor x, bool train) { using var mode = train ? torch.enable_grad() : torch.no_grad(); model.eval(); model.forward(x); }
            void D(Linear model, Tensor x) { using var mode = torch.set_grad_enabled(false); model.eval(); model.forward(x); }
        }
        """);

    [Fact]
    public Task Ignores_BackwardInTheSameMethod() => Rule.Verify("""
        class C
        {
            void Attack(Linear model, Tensor x) { model.eval(); model.forward(x).sum().backward(); }
            IList<Tensor> Saliency(Linear model, Tensor x) { model.eval(); var y = model.forward(x).sum(); return torch.autograd.grad(new[] { y }, new[] { x }); }
        }
        """);

    [Fact]
    public Task Ignores_ModelBackInTraining() => Rule.Verify("""
        class C { void M(Linear model, Tensor x) { model.eval(); model.train(); model.forward(x); } }
        """);

    [Fact]
    public Task Ignores_FrozenParametersAndGlobalSwitch() => Rule.Verify("""
        class C
        {
            void Frozen(Linear model, Tensor x)
            {
                foreach (var p in model.parameters()) { p.requires_grad = false; }
                model.eval();
                model.forward(x);
            }

            void Global(Linear model, Tensor x) { torch.set_grad_enabled(false); model.eval(); model.forward(x); }
        }
        """);

    [Fact]
    public Task Ignores_HelperThatItsClassCallsWithoutGradients() => Rule.Verify("""
        class C
        {
            void Run(Linear model, Tensor x)
            {
                using var off = torch.no_grad();
                Evaluate(model, x);
            }

            private void Evaluate(Linear model, Tensor x) { model.eval(); model.forward(x); }
        }
        """);

    [Fact]
    public Task Ignores_UsersOwnWrapperOfNoGrad() => Rule.Verify("""
        class C
        {
            private static IDisposable Quiet() => torch.no_grad();
            void M(Linear model, Tensor x) { using var quiet = Quiet(); model.eval(); model.forward(x); }
        }
        """);

    [Fact]
    public Task Ignores_OtherModel() => Rule.Verify("""
        class C { void M(Linear teacher, Linear student, Tensor x) { teacher.eval(); student.forward(x); } }
        """);

    [Fact]
    public Task Fixes_AfterEval() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, Tensor x)
            {
                // quiet
                model.eval(); // no dropout
                var y = [|model.forward(x)|];
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, Tensor x)
            {
                // quiet
                model.eval(); // no dropout
                using var noGrad = torch.no_grad();
                var y = model.forward(x);
            }
        }
        """);

    [Fact]
    public Task FixesAll_InSeveralMethods() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, Tensor x)
            {
                model.eval();
                var y = [|model.forward(x)|];
            }

            void N(Linear model, Tensor noGrad)
            {
                model.eval();
                var y = [|model.call(noGrad)|];
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, Tensor x)
            {
                model.eval();
                using var noGrad = torch.no_grad();
                var y = model.forward(x);
            }

            void N(Linear model, Tensor noGrad)
            {
                model.eval();
                using var noGrad2 = torch.no_grad();
                var y = model.call(noGrad);
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_WhenTheBlockGoesBackToTraining() => Rule.VerifyNoFix("""
        class C
        {
            void M(Linear model, Tensor x)
            {
                model.eval();
                for (int i = 0; i < 2; i++)
                {
                    var y = [|model.forward(x)|];
                    model.train();
                    model.forward(x);
                }
            }
        }
        """);

    [Fact]
    public Task Reports_ALocalFunctionOfAProgramThatTrains() => Rule.Verify("""
        class C
        {
            void M(Sequential model, torch.optim.Optimizer optimizer, Tensor x)
            {
                model.forward(x).mean().backward();
                optimizer.step();

                Tensor Sample()
                {
                    model.eval();
                    return [|model.forward(x)|];
                }

                Sample();
            }
        }
        """);

    [Fact]
    public Task Ignores_ALocalFunctionThatIsCalledQuietly() => Rule.Verify("""
        class C
        {
            void M(Sequential model, torch.optim.Optimizer optimizer, Tensor x)
            {
                model.forward(x).mean().backward();
                optimizer.step();

                Tensor Sample()
                {
                    model.eval();
                    return model.forward(x);
                }

                using (torch.no_grad())
                {
                    Sample();
                }
            }
        }
        """);

    [Fact]
    public Task Fixes_UpToWhereTheModelTrainsAgain() => Rule.VerifyFix(
        """
        class C
        {
            float M(Sequential model, Tensor x)
            {
                float loss = 0;
                model.eval();

                // The test set.
                foreach (Tensor row in x.unbind(0))
                {
                    loss += [|model.forward(row)|].item<float>();
                }

                model.train();
                return loss;
            }
        }
        """,
        """
        class C
        {
            float M(Sequential model, Tensor x)
            {
                float loss = 0;
                model.eval();
                using (torch.no_grad())
                {

                    // The test set.
                    foreach (Tensor row in x.unbind(0))
                    {
                        loss += model.forward(row).item<float>();
                    }
                }

                model.train();
                return loss;
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_WhereAResultIsUsedAfterTrainBegins() => Rule.VerifyNoFix("""
        class C
        {
            Tensor M(Sequential model, Tensor x)
            {
                model.eval();
                var y = [|model.forward(x)|];
                model.train();
                return y;
            }
        }
        """);

    [Fact]
    public Task Ignores_AModeThatIsDisposedByHand() => Rule.Verify("""
        class C
        {
            private readonly Linear _model = Linear(2, 2);

            Tensor M(Tensor x)
            {
                _model.eval();
                var noGrad = torch.no_grad();
                var y = _model.forward(x);
                noGrad.Dispose();
                _model.train();
                return y;
            }
        }
        """);
}
