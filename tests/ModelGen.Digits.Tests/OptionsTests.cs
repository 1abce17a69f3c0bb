using Digits;

namespace ModelGen.Digits.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void NoArguments_GiveTheDefaults()
    {
        Options options = Options.Parse([]);
        Assert.Equal(new Options(), options);
        Assert.Equal("digits-output", options.OutputFolder);
        Assert.Null(options.DataFolder);
        Assert.Null(options.TrainCount);
    }

    [Fact]
    public void EveryOption_IsRead()
    {
        Options options = Options.Parse(
            ["--data", "d", "--json=j.json", "--out", "o", "--epochs", "2", "--train-count", "100", "--test-count=50", "--seed", "9"]);
        Assert.Equal(
            new Options { DataFolder = "d", JsonFile = "j.json", OutputFolder = "o", Epochs = 2, TrainCount = 100, TestCount = 50, Seed = 9 }, options);
    }

    [Theory]
    [InlineData("--nonsense", "'--nonsense' is not an option.")]
    [InlineData("data", "'data' is not an option.")]
    [InlineData("--data", "--data needs a value.")]
    [InlineData("--data --json x", "--data needs a value.")]
    [InlineData("--data=", "--data needs a value.")]
    [InlineData("--epochs zero", "--epochs must be a whole number from 1 to 1000, not 'zero'.")]
    [InlineData("--epochs 0", "--epochs must be a whole number from 1 to 1000, not '0'.")]
    [InlineData("--seed -1", "--seed must be a whole number from 0 to 2147483647, not '-1'.")]
    [InlineData("--train-count 1.5", "--train-count must be a whole number from 1 to 1000000, not '1.5'.")]
    [InlineData("--out a --out b", "--out is given twice.")]
    public void Mistake_IsToldInOneLine(string commandLine, string message)
    {
        UsageException error = Assert.Throws<UsageException>(() => Options.Parse(commandLine.Split(' ')));
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void Help_WinsOverTheRest()
    {
        Assert.True(Options.Parse(["--epochs", "3", "--help", "--nonsense"]).Help);
    }

    [Theory]
    [InlineData("--data")]
    [InlineData("--json")]
    [InlineData("--out")]
    [InlineData("--epochs")]
    [InlineData("--train-count")]
    [InlineData("--test-count")]
    [InlineData("--seed")]
    [InlineData("--help")]
    public void Usage_NamesEveryOption(string option) => Assert.Contains(option + " ", Options.Usage);
}
