using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1020_BatchTensorKept,
    ModelGen.CodeFixes.Rules.Memory.MG1020_BatchTensorKeptFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1020_BatchTensorKeptTests
{
    [Fact]
    public Task Reports_TensorAddedToAListThatIsReadLater() => Rule.Verify("""
        class C
        {
            Tensor M(torch.utils.data.Dataset data)
            {
                using var loader = torch.utils.data.DataLoader(data, 4);
                var all = new List<Tensor>();
                foreach (var batch in loader) { all.Add([|batch["x"]|]); }
                return torch.cat(all);
            }
        }
        """);

    [Fact]
    public Task Reports_TensorStoredInAField() => Rule.Verify("""
        class C
        {
            private Tensor _last;
            void M(torch.utils.data.Dataset data)
            {
                foreach (var batch in torch.utils.data.DataLoader(data, 4, shuffle: true)) { _last = [|batch["x"]|]; }
            }
        }
        """);

    [Fact]
    public Task Reports_AliasOfABatchTensor() => Rule.Verify("""
        class C
        {
            Tensor M(torch.utils.data.IterableDataset data)
            {
                var loader = new IterableDataLoader(data, 4);
                Tensor last = null;
                foreach (var batch in loader)
                {
                    var x = batch[0];
                    last = [|x|];
                }

                return last;
            }
        }
        """);

    [Fact]
    public Task Ignores_LoaderThatKeepsItsBatches() => Rule.Verify("""
        class C
        {
            Tensor M(torch.utils.data.Dataset data)
            {
                using var loader = torch.utils.data.DataLoader(data, 4, disposeBatch: false);
                var all = new List<Tensor>();
                foreach (var batch in loader) { all.Add(batch["x"]); }
                return torch.cat(all);
            }
        }
        """);

    [Fact]
    public Task Ignores_CopiesAndResults() => Rule.Verify("""
        class C
        {
            Tensor M(torch.utils.data.Dataset data, Linear model)
            {
                using var loader = torch.utils.data.DataLoader(data, 4);
                var all = new List<Tensor>();
                foreach (var batch in loader)
                {
                    all.Add(batch["x"].clone());
                    all.Add(model.forward(batch["x"]));
                }

                return torch.cat(all);
            }
        }
        """);

    [Fact]
    public Task Ignores_UseWithinTheIteration() => Rule.Verify("""
        class C
        {
            void M(torch.utils.data.Dataset data, Linear model)
            {
                using var loader = torch.utils.data.DataLoader(data, 4);
                Tensor x;
                foreach (var batch in loader)
                {
                    x = batch["x"];
                    var inputs = new List<Tensor>();
                    inputs.Add(x);
                    model.forward(torch.cat(inputs));
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_LoaderOfUnknownOrigin() => Rule.Verify("""
        class C
        {
            Tensor M(DataLoader loader)
            {
                Tensor last = null;
                foreach (var batch in loader) { last = batch["x"]; }
                return last;
            }
        }
        """);

    [Fact]
    public Task Fixes_ByKeepingACopy() => Rule.VerifyFix(
        """
        class C
        {
            private Tensor _last;
            void M(torch.utils.data.Dataset data)
            {
                foreach (var batch in torch.utils.data.DataLoader(data, 4)) { _last = [|batch["x"]|]; }
            }
        }
        """,
        """
        class C
        {
            private Tensor _last;
            void M(torch.utils.data.Dataset data)
            {
                foreach (var batch in torch.utils.data.DataLoader(data, 4)) { _last = batch["x"].clone().DetachFromDisposeScope(); }
            }
        }
        """);

    [Fact]
    public Task FixesAll_ListAndField() => Rule.VerifyFix(
        """
        class C
        {
            private Tensor _last;
            private readonly List<Tensor> _all = new();
            void M(torch.utils.data.Dataset data)
            {
                foreach (var batch in torch.utils.data.DataLoader(data, 4)) { _last = [|batch["x"]|]; _all.Add([|batch["y"]|]); }
            }
        }
        """,
        """
        class C
        {
            private Tensor _last;
            private readonly List<Tensor> _all = new();
            void M(torch.utils.data.Dataset data)
            {
                foreach (var batch in torch.utils.data.DataLoader(data, 4)) { _last = batch["x"].clone().DetachFromDisposeScope(); _all.Add(batch["y"].clone().DetachFromDisposeScope()); }
            }
        }
        """);
}
