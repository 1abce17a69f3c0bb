using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5020_QuotientOfCounts,
    ModelGen.CodeFixes.Rules.Numerics.MG5020_QuotientOfCountsFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5020_QuotientOfCountsTests
{
    [Fact]
    public Task Reports_AnAccuracy() => Rule.Verify("""
        class C
        {
            double M(List<Tensor> data, Tensor y)
            {
                long correct = 0;
                foreach (var x in data) { correct += x.argmax(1).eq(y).sum().ToInt64(); }
                double accuracy = [|correct / data.Count|];
                return accuracy;
            }
        }
        """);

    [Fact]
    public Task Reports_AReturnedQuotient() => Rule.Verify("class C { float M(Tensor hits, int total) { int right = hits.sum().item<int>(); return [|right / total|]; } }");

    [Fact]
    public Task Reports_APercentage() => Rule.Verify("class C { double M(Tensor hits, long total) => ([|hits.sum().ToInt64() / total|]) * 100.0; }");

    [Fact]
    public Task Ignores_Conversions() => Rule.Verify("""
        class C
        {
            double A(Tensor hits, long total) => (double)hits.sum().ToInt64() / total;
            double B(Tensor hits, long total) => hits.sum().ToInt64() / (double)total;
            double D(Tensor hits, long total) => 100.0 * hits.sum().ToInt64() / total;
        }
        """);

    [Fact]
    public Task Ignores_WholeResults() => Rule.Verify("class C { long A(Tensor n, long b) => n.sum().ToInt64() / b; double B(Tensor n, long b) { long batches = n.sum().ToInt64() / b; return batches; } double D(Tensor n, long b) => (double)(n.sum().ToInt64() / b); }");

    [Fact]
    public Task Ignores_OtherCounts() => Rule.Verify("""
        class C
        {
            double A(int steps, int epochs) => steps / epochs;
            double B(Tensor hits, long total) { long n = total; n += hits.sum().ToInt64(); return n / total; }
        }
        """);

    [Fact]
    public Task Fixes_ByConverting() => Rule.VerifyFix(
        "class C { float M(Tensor hits, int total) { int right = hits.sum().item<int>(); return [|right / total|]; } }",
        "class C { float M(Tensor hits, int total) { int right = hits.sum().item<int>(); return (float)right / total; } }");

    [Fact]
    public Task FixesAll_Quotients() => Rule.VerifyFix(
        "class C { double A(Tensor hits, long n) => [|hits.sum().ToInt64() / n|]; double B(Tensor hits, long n) { var c = hits.sum().ToInt64(); double share = [|c / n|]; return share; } }",
        "class C { double A(Tensor hits, long n) => (double)hits.sum().ToInt64() / n; double B(Tensor hits, long n) { var c = hits.sum().ToInt64(); double share = (double)c / n; return share; } }");
}
