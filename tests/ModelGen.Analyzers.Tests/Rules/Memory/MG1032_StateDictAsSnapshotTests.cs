using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1032_StateDictAsSnapshot,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1032_StateDictAsSnapshotTests
{
    [Fact]
    public Task Reports_Local() => Rule.Verify("""
        class C
        {
            void M(Linear model, int epochs)
            {
                Dictionary<string, Tensor> best = null;
                for (int epoch = 0; epoch < epochs; epoch++)
                {
                    if (epoch % 2 == 0) { best = [|model.state_dict()|]; }
                }

                model.load_state_dict(best);
            }
        }
        """);

    [Fact]
    public Task Reports_Field() => Rule.Verify("""
        class C
        {
            private Dictionary<string, Tensor> _best;
            void M(Module<Tensor, Tensor> model, DataLoader loader)
            {
                foreach (var batch in loader) { _best = [|model.state_dict()|]; }
                model.load_state_dict(_best, strict: true);
            }
        }
        """);

    [Fact]
    public Task Reports_ModelInAField() => Rule.Verify("""
        class C
        {
            private Linear _model;
            void M()
            {
                var kept = _model.state_dict();
                while (true)
                {
                    kept = [|_model.state_dict()|];
                    break;
                }

                _model.load_state_dict(kept);
            }
        }
        """);

    [Fact]
    public Task Ignores_Copies() => Rule.Verify("""
        class C
        {
            void M(Linear model, int epochs)
            {
                Dictionary<string, Tensor> best = null;
                for (int epoch = 0; epoch < epochs; epoch++)
                {
                    best = model.state_dict().ToDictionary(e => e.Key, e => e.Value.detach().clone());
                }

                model.load_state_dict(best);
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherModel() => Rule.Verify("""
        class C
        {
            void M(Linear model, Linear teacher, int epochs)
            {
                Dictionary<string, Tensor> state = null;
                for (int epoch = 0; epoch < epochs; epoch++) { state = model.state_dict(); }
                teacher.load_state_dict(state);
            }
        }
        """);

    [Fact]
    public Task Ignores_StateUsedInTheTurnOrOnlyRead() => Rule.Verify("""
        class C
        {
            void M(Linear model, int epochs)
            {
                Dictionary<string, Tensor> last = null;
                for (int epoch = 0; epoch < epochs; epoch++)
                {
                    var state = model.state_dict();
                    model.load_state_dict(state);
                    last = model.state_dict();
                }

                Console.WriteLine(last.Count);
            }
        }
        """);
}
