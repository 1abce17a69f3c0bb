using System.Text.RegularExpressions;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Tests.Ops;

public sealed partial class OpRegistryTests
{
    public static TheoryData<string> Names => [.. OpRegistry.All.Select(static op => op.Name)];

    [Fact]
    public void Names_AreUniqueAndSnakeCase()
    {
        Assert.Equal(OpRegistry.All.Count, OpRegistry.All.Select(static op => op.Name).Distinct().Count());
        Assert.All(OpRegistry.All, static op => Assert.Matches(SnakeCase(), op.Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AbsentFacets_HaveAReason(string name)
    {
        OpDefinition op = OpRegistry.Get(name);
        Assert.True(op.NotExportable is null ? Overrides(op, nameof(OpDefinition.EmitOnnx)) : op.NotExportable.Length > 10, $"{name} has neither an ONNX form nor a reason");
        Assert.True(op.NotDifferentiable is null or { Length: > 10 });
        Assert.True(Enum.IsDefined(op.Fusion) && Enum.IsDefined(op.Quantization));
        Assert.True(op.Quantization != QuantizationRule.TrainingOnly || op.NotExportable is not null);
    }

    private static bool Overrides(OpDefinition op, string method) => op.GetType().GetMethod(method)!.DeclaringType != typeof(OpDefinition);

    [GeneratedRegex("^[a-z][a-z0-9_]*$")]
    private static partial Regex SnakeCase();
}
