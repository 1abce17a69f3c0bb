using ModelGen.Data;

namespace ModelGen.EndToEnd.Tests;

/// <summary>
/// What goes wrong in a fit, and that the weights in the end are those of an undisturbed one all the same. A full disk, kills and damaged checkpoints are in <see cref="CheckpointTests"/>, values that
/// are not numbers in <see cref="FitOptionTests"/>, files that vanish in <see cref="ImageFolderTests"/>.
/// </summary>
public sealed class FaultTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-faults-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void AWorkerThatThrows_EndsTheFitWithItsSample_AndTheFitGoesOnOnceItIsMended(int workers)
    {
        TrainerOptions Options(string place) => ResumeFit.Options(Path.Combine(folder, place)) with { Loader = new DataLoaderOptions { Workers = workers } };
        (byte[][] expected, _) = ResumeFit.Run(Options("reference"), start: 7);

        // 52 samples an epoch: somewhere in the third.
        var heard = new Hooks("none", static () => { });
        DataLoadException fault = Assert.Throws<DataLoadException>(() => ResumeFit.Run(Options("faulty") with { Callbacks = [heard] }, start: 7, train: new Faulty(ResumeFit.Train, from: 130)));
        Assert.IsType<InvalidDataException>(fault.InnerException);
        Assert.Contains($"sample {fault.Fault!.Sample} (batch {fault.Fault.Batch} of epoch 3): the cable is loose", fault.Message);
        Assert.Same(fault, heard.Exception);
        Assert.All(Directory.GetFiles(Path.Combine(folder, "faulty")), static path => Assert.Null(Checkpoint.Damage(path)));
        (byte[][] weights, FitResult result) = ResumeFit.Run(Options("faulty"), start: 8);
        Assert.Equal(expected, weights);
        Assert.Equal(6, result.Epochs.Count);
    }

    [Theory]
    [InlineData("fit start")]
    [InlineData("epoch start")]
    [InlineData("step")]
    [InlineData("validation")]
    [InlineData("epoch end")]
    [InlineData("checkpoint")]
    public void Cancellation_AtAnyPoint_LeavesAFitThatGoesOnTheSame(string point)
    {
        (byte[][] expected, _) = ResumeFit.Run(ResumeFit.Options(Path.Combine(folder, "reference")), start: 7);
        TrainerOptions options = ResumeFit.Options(Path.Combine(folder, "cancelled"));
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => ResumeFit.Run(options with { Callbacks = [new Hooks(point, source.Cancel)] }, start: 7, source.Token));
        Assert.Null(Checkpoint.Damage(Checkpoint.Last(Path.Combine(folder, "cancelled"))!));
        Assert.Equal(expected, ResumeFit.Run(options, start: 8).Weights);
    }

    private sealed class Faulty(Dataset data, int from) : Dataset
    {
        private int reads;

        public override int Count => data.Count;

        public override IReadOnlyList<FieldSpec> Inputs => data.Inputs;

        public override FieldSpec Target => data.Target;

        public override void Read(int index, Sample sample)
        {
            if (Interlocked.Increment(ref reads) > from)
            {
                throw new InvalidDataException("the cable is loose");
            }

            data.Read(index, sample);
        }
    }

    /// <summary>Acts at one of the hooks, in the second epoch where it has one.</summary>
    private sealed class Hooks(string point, Action act) : TrainerCallback
    {
        public Exception? Exception { get; private set; }

        public override void OnFitStart(TrainerContext context) => At("fit start", context.Epoch == 0);

        public override void OnEpochStart(TrainerContext context) => At("epoch start", context.Epoch == 2);

        public override void OnStepEnd(TrainerContext context) => At("step", context is { Epoch: 2, StepsInEpoch: 2 });

        public override void OnValidationEnd(TrainerContext context) => At("validation", context.Epoch == 2);

        public override void OnEpochEnd(TrainerContext context) => At("epoch end", context.Epoch == 2);

        public override void OnCheckpointSaved(TrainerContext context, string path) => At("checkpoint", context.Epoch == 2);

        public override void OnException(TrainerContext context, Exception exception) => Exception = exception;

        private void At(string here, bool now)
        {
            if (now && here == point)
            {
                act();
            }
        }
    }
}
