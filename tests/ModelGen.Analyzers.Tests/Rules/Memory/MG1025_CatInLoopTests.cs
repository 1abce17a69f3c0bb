using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1025_CatInLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1025_CatInLoopTests
{
    [Fact]
    public Task Reports_Array() => Rule.Verify("""
        class C
        {
            Tensor M(Module<Tensor, Tensor> model, DataLoader loader)
            {
                Tensor all = torch.zeros(0, 8);
                foreach (var batch in loader) { all = [|torch.cat(new[] { all, model.forward(batch["x"]) }, 0)|]; }
                return all;
            }
        }
        """);

    [Fact]
    public Task Reports_FirstTurnAside() => Rule.Verify("""
        class C
        {
            Tensor M(Module<Tensor, Tensor> model, DataLoader loader)
            {
                Tensor all = null;
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    if (all is null) { all = y; } else { all = [|torch.cat([all, y])|]; }
                }

                return all;
            }
        }
        """);

    [Fact]
    public Task Reports_ListAndStack() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor row, int n)
            {
                var grid = row;
                for (int i = 1; i < n; i++) { grid = [|torch.vstack(new List<Tensor> { grid, row + i })|]; }
                return grid;
            }
        }
        """);

    [Fact]
    public Task Ignores_OnceAfterTheLoop() => Rule.Verify("""
        class C
        {
            Tensor M(Module<Tensor, Tensor> model, DataLoader loader)
            {
                var parts = new List<Tensor>();
                foreach (var batch in loader) { parts.Add(model.forward(batch["x"])); }
                return torch.cat(parts);
            }
        }
        """);

    [Fact]
    public Task Ignores_Decoding() => Rule.Verify("""
        class C
        {
            Tensor M(Module<Tensor, Tensor> model, Tensor tokens, int n)
            {
                for (int i = 0; i < n; i++)
                {
                    var next = model.forward(tokens).argmax(-1);
                    tokens = torch.cat(new[] { tokens, next }, 1);
                }

                return tokens;
            }
        }
        """);

    [Fact]
    public Task Ignores_FewTurnsAndNewVariables() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, List<Tensor> all)
            {
                Tensor y = x;
                for (int i = 0; i < 4; i++) { y = torch.cat(new[] { y, x }); }
                foreach (var t in all)
                {
                    Tensor z = t;
                    z = torch.cat(new[] { z, x });
                }

                return y;
            }
        }
        """);
}
