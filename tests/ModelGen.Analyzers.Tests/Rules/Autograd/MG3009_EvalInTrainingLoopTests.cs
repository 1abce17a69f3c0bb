using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3009_EvalInTrainingLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3009_EvalInTrainingLoopTests
{
    private static string Method(string body) => $$"""
        class C
        {
            static double Evaluate(Linear m, Tensor x) { using var _ = torch.no_grad(); return m.forward(x).sum().ToDouble(); }
            static void TrainEpoch(Linear m) { m.train(); }

            void M(Linear m, Linear teacher, Tensor x, List<Tensor> data)
            {
                var o = torch.optim.SGD(m.parameters(), 0.1);
                {{body}}
            }
        }
        """;

    [Fact]
    public Task Reports_AnEvaluationPerEpoch() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { foreach (var b in data) { o.zero_grad(); m.forward(b).sum().backward(); o.step(); } [|m.eval()|]; Console.WriteLine(Evaluate(m, x)); }"));

    [Fact]
    public Task Reports_TrainBeforeTheLoop() => Rule.Verify(Method("m.train(); for (int e = 0; e < 9; e++) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); if (e % 3 == 0) { [|m.eval()|]; Evaluate(m, x); } }"));

    [Fact]
    public Task Reports_TheOnlyModel() => Rule.Verify("""
        class C
        {
            private readonly Sequential _model; private readonly Adam _o;
            void M(Tensor x) { while (true) { _model.forward(x).sum().backward(); _o.step(); _o.zero_grad(); [|_model.eval()|]; _model.forward(x); } }
        }
        """);

    [Fact]
    public Task Reports_DataThatIsCalledTrain() => Rule.Verify(Method("var train = data; for (int e = 0; e < 9; e++) { foreach (var b in train) { o.zero_grad(); m.forward(b).sum().backward(); o.step(); } [|m.eval()|]; }"));

    [Fact]
    public Task Ignores_LoopsThatSwitchBack() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { m.train(); o.zero_grad(); m.forward(x).sum().backward(); o.step(); m.eval(); Evaluate(m, x); }"));

    [Fact]
    public Task Ignores_MethodsThatSwitchBack() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { TrainEpoch(m); o.zero_grad(); m.forward(x).sum().backward(); o.step(); m.eval(); Evaluate(m, x); }"));

    [Fact]
    public Task Ignores_OtherModels() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { o.zero_grad(); functional.mse_loss(m.forward(x), teacher.forward(x)).backward(); o.step(); teacher.eval(); }"));

    [Fact]
    public Task Ignores_TrainingInEvaluationMode() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { m.eval(); o.zero_grad(); m.forward(x).sum().backward(); o.step(); }"));

    [Fact]
    public Task Ignores_TheEndOfTraining() => Rule.Verify(Method("for (int e = 0; e < 9; e++) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); if (e == 5) { m.eval(); break; } } m.eval();"));
}
