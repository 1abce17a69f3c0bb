namespace ModelGen.Runtime.Tests.Weights;

/// <summary>The command <c>tests/ModelGen.Fuzz</c> runs the same on a million files.</summary>
public sealed class FuzzTests
{
    [Fact]
    public void DamagedFiles_AreRefusedOrReadWithinBounds()
    {
        var mutator = new FuzzMutator(FuzzSeed.All());
        using var trial = new FuzzTrial();
        for (int number = 0; number < 2000; number++)
        {
            string? problem = trial.Run(mutator.File(number), number, TimeSpan.FromSeconds(30));
            Assert.True(problem is null, $"seed {number} ({mutator.SeedOf(number).Name}): {problem}");
        }

        Assert.True(trial.Opened > 100 && trial.Refused > 1000, $"{trial.Opened} files opened, {trial.Refused} refused: the damage is too weak or too strong to find anything.");
        Assert.False(File.Exists(FuzzSeed.Canary));
    }

    [Fact]
    public void UndamagedFiles_AreRead()
    {
        using var trial = new FuzzTrial();
        FuzzSeed[] valid = [.. FuzzSeed.All().Where(static seed => seed.Name is not ("hostile pickle" or "safetensors header"))];
        foreach (FuzzSeed seed in valid)
        {
            Assert.Null(trial.Run(seed.Wrap(seed.Bytes), 4, TimeSpan.FromSeconds(30)));
        }

        Assert.Equal(valid.Length, trial.Opened);
    }
}
