using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Generator.Tests.Diagnostics;

/// <summary>Every diagnostic: its id, its exact place (between [| and |]) and the numbers in its message.</summary>
public sealed class DiagnosticTests
{
    public static TheoryData<string, string, string[]> Cases => new()
    {
        // Shapes
        { "MG0002", Net("[Linear(4)] private partial Tensor Fc(Tensor x);", "[Shape(\"N\", 3, 8, 8)] Tensor x", "return [|matmul(Fc(x), x)|];"), ["[N, 3, 8, 4]", "[N, 3, 8, 8]", "4", "8", "transpose"] },
        { "MG0002", Net("[Conv2d(8, 3)] private partial Tensor A(Tensor x); [Conv2d(6, 3)] private partial Tensor B(Tensor x);", "[Shape(\"N\", 3, 8, 8)] Tensor x", "return [|A(x) + B(x)|];"), ["[N, 8, 6, 6]", "[N, 6, 6, 6]", "8", "6"] },
        { "MG0002", Net("[Conv2d(8, 9)] private partial Tensor A(Tensor x);", "[Shape(\"N\", 3, 8, 8)] Tensor x", "return [|A(x)|];"), ["window of 9", "height 8", "smaller kernel"] },
        { "MG0002", Net("[Conv2d(8, 3)] private partial Tensor A(Tensor x);", "[Shape(\"N\", 3, 8)] Tensor x", "return [|A(x)|];"), ["[N, C, H, W]", "[N, 3, 8]"] },
        { "MG0002", Net("", "[Shape(\"N\", 3, 8)] Tensor x", "return [|x.view(-1, 7)|];"), ["24 * N", "[N, 3, 8]", "7"] },
        { "MG0002", Net("", "[Shape(\"N\", 3, 8)] Tensor x", "return [|x.reshape(2, 12)|];"), ["[N, 3, 8]", "[2, 12]"] },
        { "MG0002", Net("", "[Shape(\"N\", 3, 8)] Tensor x", "return [|x.transpose(1, 3)|];"), ["no dimension 3", "-3 to 2"] },
        { "MG0002", Net("", "[Shape(\"N\", 3)] Tensor x, [Shape(\"N\", 4)] Tensor y", "return [|cat(new[] { x, y }, 0)|];"), ["[N, 4]", "[N, 3]"] },
        { "MG0002", Net("[Embedding(10, 4)] private partial Tensor E(Tensor x);", "[Shape(\"N\", 5)] Tensor x", "return [|E(x)|];"), ["whole-number indices", "f32[N, 5]", "ElementType.Int64"] },
        { "MG0002", Net("[MultiheadAttention(3)] private partial Tensor A(Tensor x);", "[Shape(\"N\", 5, 8)] Tensor x", "return [|A(x)|];"), ["8", "3 heads"] },
        { "MG0002", Net("[Linear(4)] private partial Tensor Fc(Tensor x);", "[Shape(\"N\", 8)] Tensor x, [Shape(\"N\", 6)] Tensor y", "return Fc(x) + [|Fc(y)|];"), ["[8]", "[6]", "second layer"] },
        { "MG0002", Net("[Conv2d(6, 3, Groups = 4)] private partial Tensor A(Tensor x);", "[Shape(\"N\", 8, 8, 8)] Tensor x", "return [|A(x)|];"), ["8", "6", "Groups = 4"] },
        { "MG0001", Net("[Linear(4)] private partial Tensor Fc(Tensor x);", "[Shape(\"N\", \"C\")] Tensor x", "return [|Fc(x)|];"), ["[N, C]", "number for 'C'"] },

        // Unsupported C#
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "return [|x.logcumsumexp(1)|];"), ["'logcumsumexp' is not known"] },
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "return [|x.relu_()|];"), ["in place", "model input 'x'", "returns a new tensor"] },
        { "MG0001", Net("private int calls;", "[Shape(\"N\", 3)] Tensor x", "[|calls|] = 1; return x;"), ["must not change the model", "another output"] },
        { "MG0010", Net("", "[Shape(\"N\", 3)] Tensor x", "return [|dropout(x, 0.5)|];"), ["stays active in evaluation", "training flag"] },
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "[|goto end;|] end: return x;"), ["goto"] },
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "[|throw new Exception();|]"), ["throw"] },
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "while (true) { [|System.Guid.NewGuid()|]; } return x;"), ["'Guid.NewGuid' cannot be evaluated during the build"] },
        { "MG0001", Net("", "[Shape(\"N\", 3)] Tensor x", "return Deep(x); } private static Tensor Deep(Tensor x) { return [|Deep(x)|];"), ["deeply"] },
        { "MG0008", Net("", "[Shape(\"N\", 3)] Tensor x", "if ([|(bool)(x.sum() > 0)|]) { } return x;"), ["torch.where"] },
        { "MG0008", Net("", "[Shape(\"N\", 3)] Tensor x", "return x * [|x.sum().ToSingle()|];"), ["reads a tensor's values back"] },
        { "MG0008", Net("", "[Shape(\"N\", 3)] Tensor x", "return [|x[x > 0]|];"), ["boolean mask", "torch.where"] },
        { "MG0008", Net("", "[Shape(\"N\", 3)] Tensor x", "if ([|x.shape[0] > 4|]) { return x; } return x + 1;"), ["symbolic size", "N"] },

        // Declarations
        { "MG0003", Net("[Linear(4)] private partial Tensor [|Unused|](Tensor x);", "[Shape(\"N\", 3)] Tensor x", "return x;"), ["'Unused' is never called"] },
        { "MG0004", "[Model] public class [|Net|] { public Tensor Forward([Shape(2)] Tensor x) => x; }", ["'Net' must be declared partial"] },
        { "MG0004", "public class [|Outer|] { [Model] public partial class Net { public Tensor Forward([Shape(2)] Tensor x) => x; } }", ["'Outer'"] },
        { "MG0005", "[Model] public partial class [|Net|] { }", ["needs a method 'Forward'"] },
        { "MG0005", "[Model] public partial class Net { public int [|Forward|]([Shape(2)] Tensor x) => 1; }", ["return a Tensor or a tuple"] },
        { "MG0005", "[Model] public partial class Net { public Tensor [|Forward|]([Shape(2)] Tensor x, int n) => x; }", ["one to six tensors"] },
        { "MG0005", "[Model] public partial class [|Net|] { public Tensor Forward([Shape(2)] Tensor x) => x; public Tensor Forward([Shape(2)] Tensor x, Tensor y) => x; }", ["2 methods named Forward"] },
        { "MG0006", Net("", "[Shape(\"N\", 3)] Tensor x, [|Tensor y|]", "return x + y;"), ["'y' has no [Shape]"] },
        { "MG0006", Net("", "[[|Shape(\"N\", 0)|]] Tensor x", "return x;"), ["'0' is not a size"] },
        { "MG0006", Net("", "[[|Shape(\"2N\", 3)|]] Tensor x", "return x;"), ["'2N' is not a size"] },
        { "MG0007", Net("[Linear(4)] private Tensor [|Fc|](Tensor x) => x;", "[Shape(\"N\", 3)] Tensor x", "return Fc(x);"), ["private partial Tensor Fc(Tensor x);"] },
        { "MG0007", Net("[Linear(4)] private partial Tensor [|Fc|](Tensor x, Tensor y);", "[Shape(\"N\", 3)] Tensor x", "return Fc(x, x);"), ["[Linear]"] },
        { "MG0011", "[Model] public partial class [|Net|](int n) { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x * n; }", ["block"] },

        // Training and memory
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.SGD, Recompute = Recompute.ToBudget)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["needs a budget", "MemoryBudget"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.SGD, ClipNorm = 1, ClipValue = 0.5)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["ClipNorm or ClipValue", "not both"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.SGD, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["QuantizationAware", "[Quantize(QuantizationMode.Static)]"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Dynamic)] [[|Train(Loss.MSE, Optimizer.SGD, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["[Quantize(QuantizationMode.Static)]"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Static)] [[|Train(Loss.MSE, Optimizer.SGD, Precision = Precision.BFloat16, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["two ways", "Float32"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Static)] [[|Train(Loss.MSE, Optimizer.SGD, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["nothing to round"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Static)] [[|Train(Loss.MSE, Optimizer.SGD, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { [Conv2d(4, 3)] private partial Tensor C(Tensor x); [BatchNorm2d] private partial Tensor B(Tensor x); [Dropout(0.5)] private partial Tensor D(Tensor x); public Tensor Forward([Shape(\"N\", 3, 8, 8)] Tensor x) => B(D(C(x))); }", ["between a layer and its batch normalisation"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Static)] [[|Train(Loss.MSE, Optimizer.SGD, QuantizationAware = QuantizationAware.LearnedStepSize)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", \"T\", 3)] Tensor x) => L(x); }", ["sizes that are numbers", "StraightThrough"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.LBFGS, WeightDecay = 0.1)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["no weight decay", "L2"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.LBFGS, ClipNorm = 1)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["clipped gradients", "StrongWolfe"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.LBFGS, HistorySize = 0)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["HistorySize of at least 1"] },
        { "MG0009", "[Model] [Quantize(QuantizationMode.Static)] [[|Train(Loss.MSE, Optimizer.LBFGS, QuantizationAware = QuantizationAware.StraightThrough)|]] public partial class Net { [Linear(2)] private partial Tensor L(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => L(x); }", ["LBFGS", "rounds", "AdamW or SGD"] },
        { "MG0016", Net("[Linear(4)] [[|Initialize(Initialization.XavierNormal, \"bias\")|]] private partial Tensor Fc(Tensor x);", "[Shape(\"N\", 3)] Tensor x", "return Fc(x);"), ["XavierNormal needs at least two dimensions", "'fc.bias' has 1"] },
        { "MG0016", Net("[Parameter(4)] [[|Initialize(Initialization.Orthogonal)|]] private partial Tensor W { get; }", "[Shape(\"N\", 4)] Tensor x", "return x * W;"), ["Orthogonal", "'w' has 1"] },
        { "MG0016", Net("[BatchNorm1d] [[|Initialize(Initialization.Normal)|]] private partial Tensor Norm(Tensor x);", "[Shape(\"N\", 4)] Tensor x", "return Norm(x);"), ["no parameter of at least two dimensions", "\"bias\""] },
        { "MG0016", "[Model] [[|Initialize(Initialization.Ones, \"*.wight\")|]] public partial class Net { [Linear(4)] private partial Tensor Fc(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => Fc(x); }", ["'*.wight'"] },
        { "MG0016", "[Model] [[|Initialize(Initialization.KaimingNormal, Gain = 2)|]] public partial class Net { [Linear(4)] private partial Tensor Fc(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => Fc(x); }", ["does not take Gain", "Mode and Activation"] },
        { "MG0016", "[Model] [[|Initialize(Initialization.Sparse)|]] public partial class Net { [Linear(4)] private partial Tensor Fc(Tensor x); public Tensor Forward([Shape(\"N\", 3)] Tensor x) => Fc(x); }", ["needs Zeros"] },
        { "MG0016", Net("[[|Initialize(Initialization.Ones)|]] private readonly int size = 3;", "[Shape(\"N\", 3)] Tensor x", "return x * size;"), ["'size' is no layer"] },
        { "MG0016", Block("[Linear(\"size\")] [[|Initialize(Initialization.XavierNormal, \"bias\")|]] private partial Tensor Fc(Tensor x);", "return Fc(x);"), ["XavierNormal needs at least two dimensions", "'fc.bias' has 1"] },
        { "MG0016", Block("[Linear(4, Bias = false)] [[|Initialize(Initialization.Zeros, \"bias\")|]] private partial Tensor Fc(Tensor x);", "return Fc(x);"), ["no parameter has a name like 'fc.bias'"] },
        { "MG0016", Block("[BatchNorm1d] [[|Initialize(Initialization.Normal)|]] private partial Tensor Norm(Tensor x);", "return Norm(x);"), ["no parameter of at least two dimensions"] },
        { "MG0016", Torch("[[|Initialize(Initialization.XavierNormal)|]] private readonly TorchSharp.Modules.Linear fc = torch.nn.Linear(4, 2);", "return fc.forward(x);"), ["this.Initialize();", "'Net'"] },
        { "MG0015", "[Model] [[|MemoryBudget(\"plenty\")|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["'plenty' is no amount of memory", "512 MiB"] },
        { "MG0015", Deep("[[|MemoryBudget(\"1 MiB\")|]]", ""), ["a training step with 4096 samples takes", "above the budget of 1 MiB", "Recompute.Full", "BatchSize further"] },
        { "MG0015", Deep("[[|MemoryBudget(\"4 MiB\")|]]", ""), ["above the budget of 4 MiB", "Recompute = Recompute.ToBudget in [Train] makes it fit"] },
        { "MG0015", Deep("[[|MemoryBudget(\"1 MiB\")|]]", ", Recompute = Recompute.ToBudget"), ["above the budget of 1 MiB", "smaller BatchSize"] },
        { "MG0015", "[Model] [[|MemoryBudget(\"4 KiB\")|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3, 40, 40)] Tensor x) => relu(x); }", ["inference with 1 samples takes", "above the budget of 4 KiB", "smaller batch in [ExportOnnx]"] },
        { "MG0015", "[Model] [[|MemoryBudget(\"4 KiB\")|]] public partial class Net { public Tensor Forward([Shape(\"N\", \"T\")] Tensor x) => relu(x); }", ["cannot be planned", "N, T", "numbers"] },

        // Ordinary TorchSharp modules
        { "MG0001", Torch("private Tensor? last;", "[|last|] = x; return x;"), ["must not change the model", "another output"] },
        { "MG0001", Torch("", "return [|x.add_(1)|];"), ["in place", "model input 'x'"] },
        { "MG0001", Torch("", "var v = x * 2; var head = v[0]; v.mul_(2); return [|head|];"), ["may share memory", "clone()"] },
        { "MG0001", Torch("", "return x + [|x.sum(0)|];"), ["element type Byte", "dim: 0"] },
        { "MG0001", Torch("", "return [|tensor((byte)3)|] + x;"), ["Float32, Float64, Int32, Int64 or Bool"] },
        { "MG0001", Torch("", "decimal d = 0.1m; return x * (double)([|d * 3|]);"), ["decimal", "use double"] },
        { "MG0001", Torch("", "double big = 3e9; return x * [|(int)big|];"), ["3000000000", "int", "clamp"] },
        { "MG0001", Torch("", "object n = 3; return [|n is long|] ? x : x * 2;"), ["a number in a variable of type object", "its own type"] },
        { "MG0001", Torch("", "var d = new System.Collections.Generic.Dictionary<string, int> { [\"a\"] = 1, [\"b\"] = 2 }; d.Remove(\"a\"); [|d[\"c\"]|] = 3; return x * d[\"c\"];"), ["after Remove", "new dictionary"] },
        { "MG0001", Torch("", "var d = new System.Collections.Generic.Dictionary<string, int> { [\"a\"] = 1 }; [|d.Add(\"a\", 2)|]; return x * d[\"a\"];"), ["entry of this key already"] },
        { "MG0001", Torch("", "var d = [|new System.Collections.Generic.SortedDictionary<string, int>()|]; return x * d.Count;"), ["SortedDictionary"] },
        { "MG0008", Torch("", "return $\"[|{x.shape[0]}|]\" == \"2\" ? x : x * 2;"), ["text of the symbolic size N", "number in [Shape]"] },
        { "MG0001", Torch("", "object number = 0.1f; return $\"[|{number}|]\".Length > 3 ? x : x * 2;"), ["float or a double"] },
        { "MG0001", Torch("", "int[] a = { 1, 2 }; foreach (var v in [|a|]) { a[1] = 5; x = x * v; } return x;"), ["changes the collection", "ToArray()"] },
        { "MG0001", Torch("", "int[] a = { 1, 2 }; ref int [|r = ref a[0]|]; r = 5; return x * a[0];"), ["(ref)", "element itself"] },
        { "MG0001", Torch("", "int[] a = { 1, 2 }; System.Span<int> s = a; var t = [|s[1..]|]; t[0] = 5; return x * a[1];"), ["shares the memory"] },
        { "MG0001", Torch("private sealed class Made { public Made(out int n) { n = 3; } }", "new Made([|out var n|]); return x * n;"), ["constructor with ref or out"] },
        { "MG0001", Torch("", "[|torch.manual_seed(1)|]; return x;"), ["seed once", "outside of the model"] },
        { "MG0001", Torch("", "return x + [|torch.randn(1, generator: torch.random.manual_seed(1))|];"), ["generator of its own"] },
        { "MG0001", Torch("public static int Width = 4;", "return x * [|Width|];"), ["'Width'", "static readonly"] },
        { "MG0001", Torch("private static class Of<T> { public static readonly int Id = typeof(T) == typeof(int) ? 3 : 4; }", "return x * [|Of<int>.Id|];"), ["generic type 'Of'", "not generic"] },
        { "MG0001", Torch("private static class A { public static readonly int N = B.N + 1; } private static class B { public static readonly int N = [|A.N|] + 1; }", "return x * A.N;"), ["need each other"] },
        { "MG0001", Torch("private bool on = true; public override void train(bool on = true) [|{ base.train(on); this.on = on; }|]", "return on ? x : -x;"), ["'train' of its own", "'training'"] },
        { "MG0008", Torch("", "return [|x.device.type == DeviceType.CUDA|] ? x : x * 2;"), ["where the model runs"] },
        { "MG0001", Torch("private readonly List<Linear> layers = [Linear(4, 4)];", "return [|layers[0].forward(x)|];"), ["not registered", "ModuleList"] },
        { "MG0001", Torch("", "var y = x * 1; var i = arange(2); [|y[i]|] = x; return y;"), ["index_add"] },
        { "MG0008", Torch("", "if ([|(bool)(x.sum() > 0)|]) { return x; } return -x;"), ["torch.where"] },
        { "MG0008", Torch("", "return [|x[x > 0]|];"), ["boolean mask"] },
        { "MG0002", Torch("private readonly Linear fc = Linear(3, 2);", "return [|fc.forward(x)|];"), ["[N, 4]", "3"] },
        { "MG0012", "public sealed class Size; [[|Model|]] public partial class Net : Module<Tensor, Tensor> { public Net(Size size) : base(\"n\") { RegisterComponents(); } public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }", ["Net(Size size)", "Config = nameof(Member)"] },
        { "MG0012", "[[|Model(Config = \"Small\")|]] public partial class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }", ["no static member 'Small'"] },
        { "MG0013", "[Model] public partial class [|Net|] : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => x; }", ["no parameter of its forward method has [Shape]"] },
        { "MG0014", "[Model] public partial class [|Net|] : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; public Tensor Infer(Tensor x) => x; }", ["'Infer'"] },

        // Training and export
        { "MG0009", "[Model] [[|Train(Loss.CrossEntropy, Optimizer.SGD)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x.sum(1); }", ["[N]", "scores [N, classes"] },
        { "MG0009", "[Model] [[|Train(Loss.MSE, Optimizer.SGD, Nesterov = true)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["Momentum above 0"] },
        { "MG0009", "[Model] [[|Train(Loss.CrossEntropy, Optimizer.SGD, LabelSmoothing = 1)|]] public partial class Net { public Tensor Forward([Shape(\"N\", 3)] Tensor x) => x; }", ["LabelSmoothing"] },
        { "MG0010", Net("", "[Shape(\"N\", 3, 7, 7)] Tensor x", "return [|adaptive_max_pool2d(x, new long[] { 2, 2 })|];"), ["[N, 3, 7, 7]", "divides the input"] },
        { "MG0010", Torch("private readonly Linear fc = Linear(4, 4);", "return [|adaptive_max_pool2d(fc.forward(x).view(-1, 1, 1, 4), new long[] { 1, 3 })|];"), ["divides the input"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Diagnostic_IsAtTheExpression(string id, string marked, string[] expected)
    {
        int start = marked.IndexOf("[|", StringComparison.Ordinal);
        int end = marked.IndexOf("|]", StringComparison.Ordinal) - 2;
        string source = marked.Replace("[|", "").Replace("|]", "");
        var (_, diagnostics, _) = GeneratorRun.Run(source);
        Diagnostic diagnostic = Assert.Single(diagnostics);
        Assert.Equal(id, diagnostic.Id);
        TextSpan span = diagnostic.Location.SourceSpan;
        int offset = GeneratorRun.Usings.Length;
        Assert.Equal(source[start..end], source[(span.Start - offset)..(span.End - offset)]);
        Assert.Equal(start, span.Start - offset);
        Assert.All(expected, text => Assert.Contains(text, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.EndsWith("#" + id.ToLowerInvariant(), diagnostic.Descriptor.HelpLinkUri);
    }

    [Fact]
    public void OneFault_DoesNotLeaveTheMembersUnimplemented()
    {
        var (files, diagnostics, errors) = GeneratorRun.Run(Sources.DigitNet.Replace("flatten(Drop(x), 1)", "Drop(x).view(-1, 7)"));
        Assert.Equal("MG0002", Assert.Single(diagnostics).Id);
        Assert.Empty(errors);
        Assert.Equal(["Samples.DigitNet.Model.g.cs", "Samples.DigitNet.Refused.g.cs"], files.Keys.Order());
    }

    [Theory]
    [InlineData("[Quantize(QuantizationMode.Dynamic)]", false)]
    [InlineData("[Quantize(QuantizationMode.WeightOnly)]", false)]
    [InlineData("[Quantize(QuantizationMode.Static)]", true)]
    [InlineData("", true)]
    public void RefusedModel_AsksForSamplesWhereACompiledOneDoes(string quantize, bool needsSamples)
    {
        string Source(string body) => $$"""
            [Model] {{quantize}} public partial class Net { public Tensor Forward([Shape("N", 12)] Tensor x) => {{body}}; }
            public static class Caller { public static void Export(Net net) { net.ExportQuantizedOnnx("net.onnx"); net.ExportQuantizedOnnx("net.onnx", options: null); } }
            """;
        foreach ((string body, bool refused) in new[] { ("relu(x)", false), ("x.view(-1, 7)", true) })
        {
            var (files, _, errors) = GeneratorRun.Run(Source(body));
            Assert.Equal(refused, files.ContainsKey("Net.Refused.g.cs"));
            Assert.Equal(needsSamples ? ["CS7036", "CS7036"] : [], errors.Select(static error => error.Id));
        }
    }

    [Fact]
    public void EveryDiagnostic_HasACaseAndASection()
    {
        string page = File.ReadAllText(Path.Combine(RepositoryRoot(), "generator", "ModelGen.Generator", "Diagnostics", "README.md"));
        string releases = File.ReadAllText(Path.Combine(RepositoryRoot(), "generator", "ModelGen.Generator", "AnalyzerReleases.Unshipped.md"));
        var covered = Cases.Select(static row => (string)row[0]).ToHashSet();
        foreach (DiagnosticDescriptor descriptor in ModelGen.Generator.Diagnostics.Descriptors.All)
        {
            Assert.Contains("## " + descriptor.Id + "\n", page);
            Assert.Contains(descriptor.Id + " |", releases);
            Assert.True(covered.Contains(descriptor.Id) || descriptor.Id == "MG9001", descriptor.Id + " has no case");
        }
    }

    private static string Torch(string members, string body) =>
        $"[Model] public partial class Net : Module<Tensor, Tensor> {{ {members} public Net() : base(\"net\") {{ RegisterComponents(); }} public override Tensor forward([Shape(\"N\", 4)] Tensor x) {{ {body} }} }}";

    /// <summary>Twelve layers whose results of 256 KiB backward reads.</summary>
    private static string Deep(string budget, string settings) => $$"""
        [Model] [Train(Loss.MSE, Optimizer.SGD, BatchSize = 4096{{settings}})] {{budget}} public partial class Net
        {
            [Parameter(16, 16)] private partial Tensor W { get; }
            public Tensor Forward([Shape("N", 16)] Tensor x) { for (int i = 0; i < 12; i++) { x = tanh(matmul(x, W)); } return x; }
        }
        """;

    private static string Net(string members, string parameters, string body) => $$"""
        [Model] public partial class Net { {{members}} public Tensor Forward({{parameters}}) { {{body}} } }
        """;

    /// <summary>A block whose input is not known where it is compiled, and a model that holds it.</summary>
    private static string Block(string members, string body) => $$"""
        [Model] public partial class Part(int size) { private readonly int size = size; {{members}} public Tensor Forward(Tensor x) { {{body}} } }
        [Model] public partial class Net { private readonly Part part = new(4); public Tensor Forward([Shape("N", 4)] Tensor x) => part.Forward(x); }
        """;

    /// <summary>What a block's class says is meant for the blocks that it holds too, whatever its own layers have.</summary>
    [Theory]
    [InlineData("XavierNormal")]
    [InlineData("Ones, \"part.*\"")]
    public void AClassOfABlock_IsNotRefusedForWhatItsBlocksMayHave(string scheme)
    {
        var (_, diagnostics, _) = GeneratorRun.Run($$"""
            [Model] public partial class Part { [Linear(4)] private partial Tensor Fc(Tensor x); public Tensor Forward(Tensor x) => Fc(x); }
            [Model] [Initialize(Initialization.{{scheme}})] public partial class Outer { private readonly Part part = new(); [LayerNorm] private partial Tensor Norm(Tensor x); public Tensor Forward(Tensor x) => part.Forward(Norm(x)); }
            [Model] public partial class Net { private readonly Outer outer = new(); public Tensor Forward([Shape("N", 4)] Tensor x) => outer.Forward(x); }
            """);
        Assert.Empty(diagnostics);
    }

    private static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ModelGen.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
