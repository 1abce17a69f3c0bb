using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1029_DatasetTensorCached,
    ModelGen.CodeFixes.Rules.Memory.MG1029_DatasetTensorCachedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1029_DatasetTensorCachedTests
{
    [Fact]
    public Task Reports_Dictionary() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private readonly Dictionary<long, Tensor> _cache = new();
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                if (!_cache.ContainsKey(index)) { _cache[index] = [|torch.rand(3) * 2|]; }
                return new() { ["x"] = _cache[index] };
            }
        }
        """);

    [Fact]
    public Task Reports_Field() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private Tensor _last;
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                var x = torch.rand(3);
                _last = [|x|];
                return new() { ["x"] = x };
            }
        }
        """);

    [Fact]
    public Task Reports_ArrayAndList() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private readonly Tensor[] _images = new Tensor[8];
            private readonly List<Tensor> _seen = new();
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                _images[index] = [|torch.zeros(3)|];
                _seen.Add([|torch.ones(3)|]);
                return new() { ["x"] = _images[index] };
            }
        }
        """);

    [Fact]
    public Task Ignores_DetachedTensors() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private readonly Dictionary<long, Tensor> _cache = new();
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                if (!_cache.ContainsKey(index)) { _cache[index] = (torch.rand(3) * 2).DetachFromDisposeScope(); }
                return new() { ["x"] = _cache[index] };
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorsMadeInTheConstructor() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private readonly Tensor _all;
            public D() { _all = torch.rand(8, 3); }
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index) => new() { ["x"] = _all[index], ["y"] = torch.tensor(index) };
        }
        """);

    [Fact]
    public Task Ignores_OtherMethods() => Rule.Verify("""
        class D : torch.utils.data.Dataset
        {
            private Tensor _all;
            public override long Count => 8;
            public void Load() { _all = torch.rand(8, 3); }
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                var parts = new List<Tensor>();
                parts.Add(torch.zeros(3));
                return new() { ["x"] = torch.cat(parts) };
            }
        }
        """);

    [Fact]
    public Task Fixes_ByDetaching() => Rule.VerifyFix(
        """
        class D : torch.utils.data.Dataset
        {
            private Tensor _last;
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                _last = [|torch.rand(3)|];
                return new() { ["x"] = _last };
            }
        }
        """,
        """
        class D : torch.utils.data.Dataset
        {
            private Tensor _last;
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index)
            {
                _last = torch.rand(3).DetachFromDisposeScope();
                return new() { ["x"] = _last };
            }
        }
        """);

    [Fact]
    public Task FixesAll_TwoDatasets() => Rule.VerifyFix(
        """
        class D : torch.utils.data.Dataset
        {
            private Tensor _last;
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index) { _last = [|torch.rand(3)|]; return new() { ["x"] = _last }; }
        }
        class E : torch.utils.data.Dataset
        {
            private readonly List<Tensor> _all = new();
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index) { _all.Add([|torch.rand(3)|]); return new() { ["x"] = _all[0] }; }
        }
        """,
        """
        class D : torch.utils.data.Dataset
        {
            private Tensor _last;
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index) { _last = torch.rand(3).DetachFromDisposeScope(); return new() { ["x"] = _last }; }
        }
        class E : torch.utils.data.Dataset
        {
            private readonly List<Tensor> _all = new();
            public override long Count => 8;
            public override Dictionary<string, Tensor> GetTensor(long index) { _all.Add(torch.rand(3).DetachFromDisposeScope()); return new() { ["x"] = _all[0] }; }
        }
        """);
}
