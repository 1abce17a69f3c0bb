using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4011_DropoutAlwaysOn,
    ModelGen.CodeFixes.Rules.Modules.MG4011_DropoutAlwaysOnFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4011_DropoutAlwaysOnTests
{
    private static string Net(string body) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            Net() : base("n") { }
            {{body}}
        }
        """;

    [Fact]
    public Task Reports_InForward() => Rule.Verify(Net("public override Tensor forward(Tensor x) => [|functional.dropout(x, 0.5)|];"));

    [Fact]
    public Task Reports_InAHelper() => Rule.Verify(Net("Tensor Block(Tensor x) { var y = [|functional.dropout2d(x)|]; return y; } public override Tensor forward(Tensor x) => Block(x);"));

    [Fact]
    public Task Reports_InALambda() => Rule.Verify(Net("public override Tensor forward(Tensor x) { Func<Tensor, Tensor> f = a => [|functional.dropout(a, p: 0.1)|]; return f(x); }"));

    [Fact]
    public Task Ignores_StatedModes() => Rule.Verify(Net("public override Tensor forward(Tensor x) => functional.dropout(x, 0.5, training) + functional.dropout(x, training: true) + functional.dropout(x, 0.5, training: this.training);"));

    [Fact]
    public Task Ignores_LayersAndDefaultsThatAreOff() => Rule.Verify(Net("private readonly Dropout drop = Dropout(0.5); public override Tensor forward(Tensor x) => drop.forward(x) + functional.alpha_dropout(x);"));

    [Fact]
    public Task Ignores_CodeWithoutAModule() => Rule.Verify("class Augment { Tensor M(Tensor x) => functional.dropout(x, 0.1); } " + Net("static Tensor Noise(Tensor x) => functional.dropout(x); public override Tensor forward(Tensor x) => x;"));

    [Fact]
    public Task Fixes_ByTheMode() => Rule.VerifyFix(
        Net("public override Tensor forward(Tensor x) => [|functional.dropout(x, 0.5)|];"),
        Net("public override Tensor forward(Tensor x) => functional.dropout(x, 0.5, training: training);"));

    [Fact]
    public Task FixesAll_Calls() => Rule.VerifyFix(
        Net("public override Tensor forward(Tensor x) => [|functional.dropout(x)|] + [|functional.dropout1d(x, 0.1)|]; Tensor M(Tensor x, bool training) => [|functional.dropout(x)|];"),
        Net("public override Tensor forward(Tensor x) => functional.dropout(x, training: training) + functional.dropout1d(x, 0.1, training: training); Tensor M(Tensor x, bool training) => functional.dropout(x, training: this.training);"));
}
