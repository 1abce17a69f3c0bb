using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2010_ElementReadInLoop,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2010_ElementReadInLoopTests
{
    [Fact]
    public Task Reports_Item() => Rule.Verify("""
        class C
        {
            float M(Tensor x, int n)
            {
                float sum = 0;
                for (int i = 0; i < n; i++) { sum += [|x[i].item<float>()|]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Reports_Conversion() => Rule.Verify("""
        class C
        {
            float[] M(Tensor x, int n)
            {
                var y = new float[n];
                for (int i = 0; i < n; i++) { y[i] = [|(float)x[i]|]; }
                return y;
            }
        }
        """);

    [Fact]
    public Task Reports_TwoIndices() => Rule.Verify("""
        class C
        {
            void M(Tensor x, double[,] y)
            {
                for (int i = 0; i < y.GetLength(0); i++)
                {
                    for (int j = 0; j < y.GetLength(1); j++) { y[i, j] = [|x[i, j].ToDouble()|]; }
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_Accessors() => Rule.Verify("""
        class C
        {
            float M(Tensor x, int n)
            {
                float sum = 0;
                var values = x.data<float>();
                for (int i = 0; i < n; i++) { sum += values[i]; }
                return sum;
            }
        }
        """);

    [Fact]
    public Task Ignores_FewTurnsAndText() => Rule.Verify("""
        class C
        {
            void M(Tensor x, int n)
            {
                for (int i = 0; i < 5; i++) { float y = x[i].item<float>(); }
                for (int i = 0; i < n; i++) { Console.WriteLine($"{i}: {x[i].item<float>()}"); }
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorsThatTheLoopMakesOrChanges() => Rule.Verify("""
        class C
        {
            void M(Tensor x, List<Tensor> all, int n)
            {
                for (int i = 0; i < n; i++)
                {
                    var y = all[i];
                    float a = y[0].item<float>();
                    float b = x[i].item<float>();
                    x.add_(b);
                }
                foreach (var t in all) { float c = t[0].item<float>(); }
            }
        }
        """);
}
