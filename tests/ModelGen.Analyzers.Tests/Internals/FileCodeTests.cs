using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Tests.Internals;

/// <summary>Rules find the members that matter to them in the index of the file.</summary>
public sealed class FileCodeTests
{
    private const string Source = """
        using System;
        using TorchSharp;

        class C
        {
            private int _count = Math.Abs(1);

            int Twice() => Math.Abs(1) + Math.Abs(2) + Math.Max(1, 2);

            int None() => 1;

            torch.Tensor Torch(bool twice)
            {
                if (twice)
                {
                    return torch.ones(1);
                }

                return torch.zeros(Math.Max(1, 2));
            }
        }
        """;

    [Theory]
    [InlineData("Abs", "_count,Twice")]
    [InlineData("Max", "Twice,Torch")]
    [InlineData("ones", "Torch")]
    [InlineData("Min", "")]
    public void CallersOf_AreTheMembersThatCallTheMethod(string method, string members)
    {
        Assert.Equal(members, Names(File().CallersOf(method)));
    }

    [Theory]
    [InlineData("Abs,Max", "_count,Twice,Torch")]
    [InlineData("Abs,Abs", "_count,Twice")]
    [InlineData("ones,zeros", "Torch")]
    [InlineData("Max", "Twice,Torch")]
    [InlineData("Min,Sqrt", "")]
    public void CallersOfAny_AreEachThereOnce(string methods, string members)
    {
        Assert.Equal(members, Names(File().CallersOfAny(methods.Split(','))));
    }

    [Theory]
    [InlineData(OperationKind.Invocation, "_count,Twice,Torch")]
    [InlineData(OperationKind.Conditional, "Torch")]
    [InlineData(OperationKind.FieldInitializer, "_count")]
    [InlineData(OperationKind.Return, "Twice,None,Torch")]
    [InlineData(OperationKind.Await, "")]
    public void With_AreTheMembersThatContainTheKind(OperationKind kind, string members)
    {
        Assert.Equal(members, Names(File().With(kind)));
    }

    [Fact]
    public void TorchCallers_CallWhatTorchSharpDeclares()
    {
        Assert.Equal("Torch", Names(File().TorchCallers));
        Assert.Equal(["ones", "zeros"], File().TorchCallers[0].TorchCalls.Select(call => ((IInvocationOperation)call).TargetMethod.Name));
    }

    [Fact]
    public void Operations_AreInTheOrderOfTheSource()
    {
        MemberCode twice = Assert.Single(File().Members, member => Name(member) == "Twice");

        Assert.Equal(["Math.Abs(1)", "Math.Abs(2)", "Math.Max(1, 2)"], twice.Of(OperationKind.Invocation).Select(call => call.Syntax.ToString()));
        Assert.Equal(["Math.Abs(1)", "Math.Abs(2)"], twice.CallsOf("Abs").Select(call => call.Syntax.ToString()));
    }

    [Fact]
    public void Graph_IsThatOfTheFunctionAndMadeOnce()
    {
        MemberCode member = Assert.Single(File().Members, member => Name(member) == "Torch");

        ControlFlowGraph graph = member.Graph(member.Blocks[0], CancellationToken.None);

        Assert.Same(member.Blocks[0].Parent, graph.OriginalOperation);
        Assert.Contains(graph.Blocks, block => block.ConditionKind != ControlFlowConditionKind.None);
        Assert.Same(graph, member.Graph(member.Blocks[0], CancellationToken.None));
        Assert.Throws<ArgumentException>(() => member.Graph(graph.Blocks.Select(block => block.BranchValue).OfType<IOperation>().First(), CancellationToken.None));
    }

    [Fact]
    public void AllRules_ShareOneFile()
    {
        CSharpCompilation compilation = Compile();
        TorchSharpContext torch = TorchSharpContext.TryCreate(compilation)!;
        SemanticModel model = compilation.GetSemanticModel(compilation.SyntaxTrees[0]);

        Assert.Same(torch.CodeOf(model, CancellationToken.None), torch.CodeOf(model, CancellationToken.None));
    }

    private static string Names(IEnumerable<MemberCode> members) => string.Join(",", members.Select(Name));

    private static string Name(MemberCode member) => member.Symbol(CancellationToken.None).Name;

    private static FileCode File()
    {
        CSharpCompilation compilation = Compile();
        return new FileCode(compilation.GetSemanticModel(compilation.SyntaxTrees[0]), TorchSharpContext.TryCreate(compilation)!, CancellationToken.None);
    }

    private static CSharpCompilation Compile() =>
        CSharpCompilation.Create("Members", [CSharpSyntaxTree.ParseText(Source)], References.All, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
}
