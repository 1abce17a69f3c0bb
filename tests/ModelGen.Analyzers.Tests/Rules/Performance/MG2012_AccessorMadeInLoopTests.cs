using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2012_AccessorMadeInLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2012_AccessorMadeInLoopTests
{
    [Fact]
    public Task Reports_Parameter() => Rule.Verify("""
        class C
        {
            float M(Tensor x, int n)
            {
                float sum = 0;
                for (int i = 0; i < n; i++) { sum += [|x.data<float>()|][i]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Reports_LocalInAForEach() => Rule.Verify("""
        class C
        {
            float M(Tensor x, List<int> wanted)
            {
                var y = x.exp();
                float sum = 0;
                foreach (int i in wanted) { sum += [|y.data<float>()|][i]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Reports_ReadOnlyField() => Rule.Verify("""
        class C
        {
            private readonly Tensor _x = torch.rand(100);
            float M()
            {
                float sum = 0;
                int i = 0;
                while (i < 100) { sum += [|_x.data<float>()|][i++]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Ignores_OnceBefore() => Rule.Verify("""
        class C
        {
            float M(Tensor x, int n)
            {
                float sum = 0;
                var data = x.data<float>();
                for (int i = 0; i < n; i++) { sum += data[i]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorsThatChange() => Rule.Verify("""
        class C
        {
            float M(Tensor x, List<Tensor> all, int n)
            {
                float sum = 0;
                for (int i = 0; i < n; i++) { sum += x.data<float>()[i]; x = x * 2; }
                foreach (var t in all) { sum += t.data<float>()[0]; }
                return sum;
            }
            float N(Tensor x, int n)
            {
                float sum = 0;
                for (int i = 0; i < n; i++) { sum += x.data<float>()[0]; x.mul_(2); }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Ignores_WritingAndFewTurns() => Rule.Verify("""
        class C
        {
            void M(Tensor x, int n)
            {
                for (int i = 0; i < n; i++) { x.data<float>()[i] = 0; }
                for (int i = 0; i < 3; i++) { float y = x.data<float>()[i]; }
            }
        }
        """);
}
