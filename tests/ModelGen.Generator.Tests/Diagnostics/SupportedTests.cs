namespace ModelGen.Generator.Tests.Diagnostics;

/// <summary>C# that Forward may use: it compiles without a diagnostic, and the whole output compiles.</summary>
public sealed class SupportedTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "tuples and deconstruction", "var (a, b) = (x + 1, x * 2); (a, b) = (b, a); var t = (First: a, b); return t.First - t.Item2;" },
        { "for, while, compound assignment", "int n = 0; for (int i = 0; i < 3; i++) { x += i; n++; } while (n > 0) { x *= 0.5; n -= 1; } return x;" },
        { "foreach over arrays and lists", "var parts = new List<Tensor>(); foreach (var scale in new[] { 1.0, 2.0 }) { parts.Add(x * scale); } return cat(parts, 1);" },
        { "branches on sizes", "if (x.shape[1] == 6 && x.dim() == 2) { x = x + 1; } else { x = x.cumsum(0); } return x.shape[1] > 3 ? x : -x;" },
        { "size arithmetic", "long n = x.shape[0]; return x.view(n, 2, x.shape[1] / 2).transpose(1, 2).reshape(n, -1);" },
        { "local functions and lambdas", "Tensor Twice(Tensor t) => t * 2; Func<Tensor, Tensor> f = t => Twice(t) + 1; return f(x);" },
        { "static helper, constants, properties", "return Helper.Scale(x) * Factor + Offset - Half;" },
        { "using and scopes", "using var scope = NewDisposeScope(); using var y = x.exp(); return (y + x).MoveToOuterDisposeScope();" },
        { "indexing", "return cat(new[] { x[.., 0..2], x[.., ^1].unsqueeze(1), x.narrow(1, 1, 2) }, 1);" },
        { "null tests and coalescing", "Tensor? none = null; if (none is null) { x = x + 1; } return none ?? x;" },
        { "math", "return x * Math.Sqrt(16) / Math.Max(2, 3) + Math.Min(1, 0.5);" },
        { "chunk and split", "var parts = x.chunk(3, 1); return parts[0] * parts[1] + x.split(2, 1)[2] + x.split(new long[] { 4, 2 }, 1)[1];" },
        { "do, break, continue", "for (int i = 0; ; i++) { if (i == 1) { continue; } if (i > 2) { break; } x = x + i; } return x;" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Construct_Compiles(string name, string body)
    {
        string source = $$"""
            namespace App;

            public static class Helper { public static Tensor Scale(Tensor x) { var y = x * 2; return y / 3; } }

            [Model]
            public sealed partial class Net
            {
                private const double Factor = 2;
                private readonly float half = 0.5f;
                private static int Offset { get; } = 3;
                private double Half => half;

                public Tensor Forward([Shape("N", 6)] Tensor x)
                {
                    {{body}}
                }
            }
            """;
        var (_, diagnostics, errors) = GeneratorRun.Run(source);
        Assert.True(diagnostics.IsEmpty && errors.IsEmpty, name + "\n" + string.Join("\n", diagnostics.Concat(errors)));
    }

    [Fact]
    public void NestedClasses_BlocksWithConstructors_AndOtherFiles_Compile()
    {
        const string Block = """
            namespace App.Blocks;
            [Model]
            public sealed partial class Block
            {
                private readonly int width;
                private readonly bool deep;

                public Block(int width, bool deep = false)
                {
                    this.width = width;
                    this.deep = deep;
                }

                [Linear(nameof(width))] private partial Tensor First(Tensor x);

                [Linear("width * 2")] private partial Tensor Second(Tensor x);

                public Tensor Forward(Tensor x) => deep ? Second(First(x)) : First(x);
            }
            """;
        const string Net = """
            namespace App;
            public partial class Outer
            {
                [Model]
                internal sealed partial class Net
                {
                    private readonly App.Blocks.Block shallow = new(4);
                    private readonly List<App.Blocks.Block> deep = [new(4, deep: true), new(3)];

                    public Tensor Forward([Shape("N", 6)] Tensor x)
                    {
                        x = shallow.forward(x);
                        foreach (var block in deep)
                        {
                            x = block.Forward(x);
                        }

                        return x;
                    }
                }
            }
            """;
        var (files, diagnostics, errors) = GeneratorRun.Run(Block, Net);
        Assert.All(diagnostics, static found => Assert.Equal("MG6007", found.Id));
        Assert.Empty(errors);
        string model = files["App.Outer.Net.Model.g.cs"];
        Assert.Contains("{ \"deep.0.second\", [4] }", model);
        Assert.Contains("{ \"deep.1.first\", [8] }", model);
        Assert.DoesNotContain("shallow.second", model);
    }

    [Fact]
    public void Documentation_ShowsShapesParametersAndOperations()
    {
        var (files, _, _) = GeneratorRun.Run(Sources.DigitNet);
        Assert.Contains("/// <summary>Linear [N, 9216] -&gt; [N, 128], 1 179 776 parameters, 2.4 MFLOP</summary>", files["Samples.DigitNet.Model.g.cs"]);
    }
}
