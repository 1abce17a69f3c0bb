using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests.Internals;

/// <summary>The members that rules get are the compiler's operation blocks: the same pieces of code, with the same owners.</summary>
public sealed class MemberDeclarationsTests
{
    private const string AllKinds = """
        using System;
        using System.ComponentModel;

        [assembly: CLSCompliant(false)]

        Console.WriteLine(Local(args.Length));
        int Local(int x) => x + 1;

        namespace Outer
        {
            [Description("attribute of a type")]
            public class Everything<[Description("attribute of a type parameter")] T> : Base
            {
                [Description("two")]
                private int _first = Math.Abs(-1), _second = Math.Abs(-2), _none;
                private const int Constant = 3 * 4;
                private static readonly Func<int, int> s_lambda = x => Math.Abs(x);

                static Everything() => Console.WriteLine("static");

                public Everything([Description("attribute of a parameter")] int value = 5 + 6)
                    : base(Math.Abs(value))
                {
                    _first = value;
                }

                public Everything(string text) : this(text.Length) => _second = 1;

                ~Everything() => Console.WriteLine(_none);

                [Description("event")]
                public event Action? Simple, Other = () => Console.WriteLine();

                public event Action Full
                {
                    add => Console.WriteLine(value);
                    [Description("attribute of an accessor")]
                    remove { Console.WriteLine(value); }
                }

                [field: Description("attribute of a backing field")]
                public int Auto { get; set; } = Math.Abs(-7);

                public int Arrow => Math.Abs(_first);

                public int Full2
                {
                    get => _second;
                    [Description("setter")]
                    set { _second = value; }
                }

                public int this[int index = 8, string key = "k"] => index + key.Length;

                public int this[long index]
                {
                    get { return (int)index; }
                    init => _first = value;
                }

                [return: Description("attribute of a return value")]
                public int Method<[Description("of a method's type parameter")] TOther>(int a, [Description("b")] int b = 1 + 2)
                {
                    int Inner(int c = 9) => c + a;
                    return Inner() + b;
                }

                public static Everything<T> operator +(Everything<T> left, Everything<T> right) => left;

                public static implicit operator int(Everything<T> value) { return value._first; }

                public void Empty()
                {
                }

                private class Nested
                {
                    private int _deep = Math.Abs(-9);
                }
            }

            public class Base(int value)
            {
                private readonly int _kept = value + 1;
            }

            public class Derived([Description("of a primary constructor")] int value = 10) : Base(Math.Abs(value));

            public record Point(int X, int Y = 11)
            {
                public double Length { get; } = Math.Sqrt(X * X + Y * Y);
            }

            public record struct Pair(int A, int B = 12);

            public record Point3(int X, int Y, int Z) : Point(Math.Abs(X), Y);

            [Description("attribute of an enumeration")]
            public enum Kind
            {
                None,
                [Description("attribute of its member")]
                One = 1 + 0,
            }

            public interface IShape
            {
                int Sides => Math.Abs(-4);

                static abstract int Count([Description("d")] int start = 13);
            }

            [Description("delegate")]
            public delegate int Handler([Description("e")] int a, int b = 14);

            public partial class Split
            {
                [Description("first part")]
                public partial int Compute(int a = 15);
            }

            public partial class Split
            {
                public partial int Compute(int a) => Math.Abs(a);
            }

            public struct Value()
            {
                private int _field = Math.Abs(-16);
            }
        }
        """;

    [Fact]
    public async Task MembersOfEveryKind_AreTheCompilersBlocks()
    {
        Assert.Equal(await Compilers(AllKinds), Ours(AllKinds));
    }

    [Fact]
    public async Task MembersOfRealPrograms_AreTheCompilersBlocks()
    {
        string[] files = Directory.GetFiles(Path.Combine(Path.GetDirectoryName(Here())!, "..", "Corpus"), "*.cs", SearchOption.AllDirectories);

        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            string source = File.ReadAllText(file);
            Assert.Equal(await Compilers(source), Ours(source));
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;

    private static string[] Ours(string source)
    {
        CSharpCompilation compilation = Compile(source);
        var code = new FileCode(compilation.GetSemanticModel(compilation.SyntaxTrees[0]), TorchSharpContext.TryCreate(compilation)!, CancellationToken.None);
        return [.. code.Members.Select(member => Describe(member.Symbol(CancellationToken.None), member.Blocks)).Order(StringComparer.Ordinal)];
    }

    private static async Task<string[]> Compilers(string source)
    {
        var collector = new Collector();
        CSharpCompilation compilation = Compile(source);
        await compilation.WithAnalyzers([collector]).GetAnalyzerDiagnosticsAsync();
        return [.. collector.Blocks.Order(StringComparer.Ordinal)];
    }

    private static string Describe(ISymbol owner, ImmutableArray<IOperation> blocks) =>
        $"{owner.Kind} {owner.ToDisplayString()}: {string.Join(", ", blocks.OrderBy(block => block.Syntax.SpanStart).Select(block => $"{block.Kind} {block.Syntax.Span} in {block.Parent?.Kind}"))}";

    private static CSharpCompilation Compile(string source) => CSharpCompilation.Create(
        "Members", [CSharpSyntaxTree.ParseText(source)], References.All, new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

#pragma warning disable RS1001, RS1036, RS2008 // It is handed to the driver here, and not discovered in an assembly.
    private sealed class Collector : DiagnosticAnalyzer
    {
        private static readonly DiagnosticDescriptor s_none = new("NONE", "None", "None", "None", DiagnosticSeverity.Warning, isEnabledByDefault: true);

        public ConcurrentBag<string> Blocks { get; } = [];

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_none];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
            context.RegisterOperationBlockAction(block =>
            {
                // The compiler lays those of the assembly at the door of whatever the file declares.
                if (!block.OperationBlocks.All(operation => operation.Syntax.Parent is AttributeListSyntax { Target.Identifier.ValueText: "assembly" }))
                {
                    Blocks.Add(Describe(block.OwningSymbol, block.OperationBlocks));
                }
            });
        }
    }
#pragma warning restore RS1001, RS1036, RS2008
}
