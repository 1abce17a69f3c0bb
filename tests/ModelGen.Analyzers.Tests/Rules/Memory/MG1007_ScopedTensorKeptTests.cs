using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1007_ScopedTensorKept,
    ModelGen.CodeFixes.Rules.Memory.MG1007_ScopedTensorKeptFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1007_ScopedTensorKeptTests
{
    [Fact]
    public Task Reports_Field() => Rule.Verify("""
        class C
        {
            private Tensor _h;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = [|x.relu()|];
            }
        }
        """);

    [Fact]
    public Task Reports_ListOfTheCaller() => Rule.Verify("""
        class C
        {
            void M(Tensor x, List<Tensor> all)
            {
                using var scope = torch.NewDisposeScope();
                var y = x * 2;
                all.Add([|y|]);
            }
        }
        """);

    [Fact]
    public Task Reports_ListReadAfterTheScope() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                var all = new List<Tensor>();
                for (int i = 0; i < 100; i++)
                {
                    using var scope = torch.NewDisposeScope();
                    all.Add([|x + i|]);
                }

                return torch.cat(all);
            }
        }
        """);

    [Fact]
    public Task Reports_OuterLocal() => Rule.Verify("""
        class C
        {
            float M(Tensor x)
            {
                Tensor y;
                using (torch.NewDisposeScope())
                {
                    y = x.exp();
                }

                return [|y|].sum().item<float>();
            }
        }
        """);

    [Fact]
    public Task Reports_OuterLocalThatStartsAsNull() => Rule.Verify("""
        class C
        {
            Tensor M(DataLoader loader)
            {
                Tensor last = null;
                foreach (var batch in loader)
                {
                    using var scope = torch.NewDisposeScope();
                    last = batch["x"].sum();
                }

                return [|last|].log();
            }
        }
        """);

    [Fact]
    public Task Ignores_DetachedAndMoved() => Rule.Verify("""
        class C
        {
            private Tensor _h;
            void M(Tensor x, List<Tensor> all)
            {
                using var scope = torch.NewDisposeScope();
                var y = x.relu();
                _h = y.DetachFromDisposeScope();
                all.Add(x.exp().MoveToOuterDisposeScope());
            }
            void N(Tensor x, List<Tensor> all)
            {
                using var scope = torch.NewDisposeScope();
                _h = x.relu();
                all.Add(x * 2);
                scope.Detach(all);
                scope.Detach(_h);
            }
        }
        """);

    [Fact]
    public Task Ignores_ListWithinTheScope() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var all = new List<Tensor>();
                for (int i = 0; i < 100; i++) { all.Add(x + i); }
                return torch.cat(all).MoveToOuterDisposeScope();
            }
        }
        """);

    [Fact]
    public Task Ignores_FieldThatTheMethodClears() => Rule.Verify("""
        class C
        {
            private Tensor _mask;
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _mask = x.gt(0);
                var y = Masked(x);
                _mask = null;
                return y.MoveToOuterDisposeScope();
            }
            Tensor Masked(Tensor x) => x * _mask;
        }
        """);

    [Fact]
    public Task Ignores_ParametersAndUnknownTensors() => Rule.Verify("""
        class C
        {
            private Tensor _h;
            private Tensor Load() => null;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = Load();
                _h = x;
            }
        }
        """);

    [Fact]
    public Task Ignores_OuterLocalThatMayBeSomethingElse() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b)
            {
                Tensor y = x;
                if (b)
                {
                    using var scope = torch.NewDisposeScope();
                    y = x.exp();
                }

                y?.Dispose();
                return y.log();
            }
        }
        """);

    [Fact]
    public Task Ignores_OuterLocalThatIsAssignedAgain() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, bool b, Tensor other)
            {
                Tensor y;
                using (torch.NewDisposeScope())
                {
                    y = x.exp();
                }

                y = b ? x : other;
                return y.log();
            }
            Tensor N(Tensor x, Func<Tensor> make)
            {
                Tensor y = null;
                using (torch.NewDisposeScope())
                {
                    y = x.exp();
                    y = null;
                }

                y ??= make();
                return y.log();
            }
        }
        """);

    [Fact]
    public Task Ignores_FieldThatOtherMethodsOfTheObjectUse() => Rule.Verify("""
        class C
        {
            private Tensor _mask;
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _mask = x.gt(0);
                return Masked(x).MoveToOuterDisposeScope();
            }
            Tensor Masked(Tensor x) => x * _mask;
        }
        """);

    [Fact]
    public Task Ignores_ConstructorOfAModule() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private Tensor _mask;
            public Net() : base("net")
            {
                using var scope = torch.NewDisposeScope();
                _mask = torch.ones(3) * 2;
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => x * _mask;
        }
        """);

    [Fact]
    public Task Fixes_ByDetaching() => Rule.VerifyFix(
        """
        class C
        {
            private Tensor _h;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = [|x + 1|];
            }
        }
        """,
        """
        class C
        {
            private Tensor _h;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = (x + 1).DetachFromDisposeScope();
            }
        }
        """);

    [Fact]
    public Task FixesAll_FieldsOfTwoMethods() => Rule.VerifyFix(
        """
        class C
        {
            private Tensor _h;
            private Tensor _g;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = [|x.relu()|];
            }
            void N(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _g = [|x.exp()|];
            }
        }
        """,
        """
        class C
        {
            private Tensor _h;
            private Tensor _g;
            void M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _h = x.relu().DetachFromDisposeScope();
            }
            void N(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                _g = x.exp().DetachFromDisposeScope();
            }
        }
        """);
}
