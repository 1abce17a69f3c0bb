using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4008_ModuleInAutoProperty,
    ModelGen.CodeFixes.Rules.Modules.MG4008_ModuleInAutoPropertyFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4008_ModuleInAutoPropertyTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_ALayer() => Rule.Verify(Net("public Linear [|fc|] { get; } public Net() : base(\"n\") { fc = Linear(2, 2); RegisterComponents(); }"));

    [Fact]
    public Task Reports_AParameter() => Rule.Verify(Net("private Parameter [|Scale|] { get; set; } = Parameter(torch.ones(2)); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnInitProperty() => Rule.Verify(Net("public Module<Tensor, Tensor> [|Head|] { get; init; } = Identity(); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_NamedComponents() => Rule.Verify(Net("[field: TorchSharp.Utils.ComponentName(Name = \"fc\")] public Linear fc { get; } = Linear(2, 2); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_PropertiesOverFields() => Rule.Verify(Net("private readonly Linear fc = Linear(2, 2); public Linear Head => fc; public Linear Body { get { return fc; } } public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_RegistrationByHandAndOtherClasses() => Rule.Verify(Net("public Linear fc { get; } public Net() : base(\"n\") { fc = Linear(2, 2); register_module(\"fc\", fc); }") + "class Trainer { public Linear Model { get; set; } }");

    [Fact]
    public Task Fixes_ByAComponentName() => Rule.VerifyFix(
        """
        class Net : Module<Tensor, Tensor>
        {
            /// <summary>The head.</summary>
            public Linear [|fc|] { get; } = Linear(2, 2);
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => x;
        }
        """,
        """
        class Net : Module<Tensor, Tensor>
        {
            /// <summary>The head.</summary>
            [field: TorchSharp.Utils.ComponentName(Name = "fc")]
            public Linear fc { get; } = Linear(2, 2);
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => x;
        }
        """);

    [Fact]
    public Task FixesAll_Properties() => Rule.VerifyFix(
        """
        class Net : Module<Tensor, Tensor>
        {
            public Linear [|a|] { get; } = Linear(2, 2);
            public Linear [|b|] { get; } = Linear(2, 2);
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => x;
        }
        """,
        """
        class Net : Module<Tensor, Tensor>
        {
            [field: TorchSharp.Utils.ComponentName(Name = "a")]
            public Linear a { get; } = Linear(2, 2);
            [field: TorchSharp.Utils.ComponentName(Name = "b")]
            public Linear b { get; } = Linear(2, 2);
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => x;
        }
        """);
}
