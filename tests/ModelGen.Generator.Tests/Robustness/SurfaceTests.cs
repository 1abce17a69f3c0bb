namespace ModelGen.Generator.Tests;

/// <summary>Moments of typing: whatever is not finished, the generated members stay, so that completion does.</summary>
public sealed class SurfaceTests
{
    [Theory]
    [InlineData("[Model] public partial class Net : Modul { public Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net : Module<Tensor, Tens { }")]
    [InlineData("[Model] public partial class Net : Part { } public abstract class Part : Modu<Tensor, Tensor> { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Sha Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor, Tensor>(\"net\") { public override Tensor ")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x.")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", ] Tensor x) => x; }")]
    [InlineData("[Model(] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] [Train(Loss., Optimizer.SGD)] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] [Train] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] [Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net { } [Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public class Net { } [Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor x, [Shape(\"N\", 4)] Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net() : Module<Tensor, Tensor>(\"net\") { public override Tensor forward([Shape(\"N\", 4)] Tensor) => x; }")]
    public void UnfinishedModel_KeepsItsMembers(string source)
    {
        Trial trial = Trial.Fair(source, TimeSpan.FromSeconds(5));
        Assert.Null(trial.Problem);
        Assert.NotEqual(0, trial.Surfaces);
    }
}
