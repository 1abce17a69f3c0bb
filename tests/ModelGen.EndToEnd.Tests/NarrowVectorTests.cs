using System.Diagnostics;
using System.Globalization;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>
/// Training steps with the vectors of smaller machines: another process of these tests, told to leave the wide ones alone, must come to the same losses. Kernel tests run every
/// width, but not the code that a machine without the wide ones compiles.
/// </summary>
public sealed class NarrowVectorTests
{
    private const string File = "MODELGEN_TEST_LOSSES";

    private static readonly string[] Models = [nameof(NormalizedCnn), nameof(TorchGpt)];

    [Theory]
    [InlineData("DOTNET_EnableAVX512", 256)]
    [InlineData("DOTNET_EnableAVX2", 128)]
    public async Task LossesOfNarrowVectors_AreThoseOfThisMachine(string setting, int bits)
    {
        string path = Path.GetTempFileName();
        var start = new ProcessStartInfo("dotnet", ["test", typeof(NarrowVectorTests).Assembly.Location, "--filter", $"FullyQualifiedName={typeof(NarrowVectorTests).FullName}.{nameof(WritesLosses_WhenAsked)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [setting] = "0", [File] = path },
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync(limit.Token);
        string[] lines = await System.IO.File.ReadAllLinesAsync(path);
        System.IO.File.Delete(path);
        Assert.True(lines.Length > 1, await output + await errors);
        Assert.True(int.Parse(lines[0], CultureInfo.InvariantCulture) <= bits, $"{lines[0]} bits in spite of {setting}=0");
        double[] expected = Losses();
        double[] actual = [.. lines.Skip(1).Select(static line => double.Parse(line, CultureInfo.InvariantCulture))];
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), static pair => Assert.Equal(pair.First, pair.Second, 1e-5 * (1 + Math.Abs(pair.First))));
    }

    /// <summary>What the other process does; here it has nothing to do.</summary>
    [Fact]
    public void WritesLosses_WhenAsked()
    {
        if (Environment.GetEnvironmentVariable(File) is { Length: > 0 } path)
        {
            System.IO.File.WriteAllLines(path, [Hardware.VectorBits.ToString(CultureInfo.InvariantCulture), .. Losses().Select(static loss => loss.ToString("R", CultureInfo.InvariantCulture))]);
        }
    }

    private static double[] Losses()
    {
        using IDisposable scope = NewDisposeScope();
        var losses = new List<double>();
        foreach (string model in Models)
        {
            random.manual_seed(9);
            using Case test = Cases.All[model](5);
            test.Module.train();
            using TrainingStep step = test.Compiled.CreateTrainingStep(test.Optimizer with { Kind = Optimizer.SGD, LearningRate = 0.01 });
            Assert.IsAssignableFrom<KernelStep>(step);
            step.DrawsLikeEager = true;
            random.manual_seed(9);
            for (int i = 0; i < 3; i++)
            {
                step.Run(test.Inputs(), test.Target());
                losses.Add(step.Loss.ToSingle());
            }
        }

        return [.. losses];
    }
}
