using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Models that draw random numbers: the same seed gives the numbers of the eager model.</summary>
public sealed class RandomTests
{
    public static TheoryData<string> Models => [nameof(TorchVae), nameof(TorchNoise)];

    [Theory]
    [MemberData(nameof(Models))]
    public void Inference_DrawsWhatEagerDraws_AndOtherNumbersAtEveryCall(string name)
    {
        using IDisposable scope = NewDisposeScope();
        (Module model, Func<Tensor, Tensor[]> eager, Func<Tensor, Tensor[]> infer) = Create(name);
        model.eval();
        using IDisposable guard = no_grad();
        Tensor x = randn(17, name == nameof(TorchVae) ? 8 : 6);
        random.manual_seed(5);
        Tensor[] expected = eager(x);
        random.manual_seed(5);
        Tensor[] actual = infer(x);
        Tensor[] next = infer(x);
        for (int i = 0; i < expected.Length; i++)
        {
            Compare.Close(expected[i], actual[i], 1e-6, "output " + i);
        }

        Assert.False(actual[0].allclose(next[0]));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Training_DrawsWhatEagerDraws(string name)
    {
        using IDisposable scope = NewDisposeScope();
        (Module model, Func<Tensor, Tensor[]> eager, _) = Create(name);
        (Module copy, _, _) = Create(name);
        copy.load_state_dict(model.state_dict());
        long width = name == nameof(TorchVae) ? 8 : 6;
        Tensor x = randn(17, width);
        Tensor target = randn(17, width);
        using TrainingStep step = ((ICompiledModel)copy).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0.01));
        step.DrawsLikeEager = true;
        using optim.Optimizer optimizer = optim.SGD(model.parameters(), 0.01);
        for (int i = 0; i < 3; i++)
        {
            random.manual_seed(i);
            optimizer.zero_grad();
            Tensor loss = functional.mse_loss(eager(x)[0], target);
            loss.backward();
            optimizer.step();
            random.manual_seed(i);
            step.Run([x], target);
            Compare.Close(loss.detach(), step.Loss, 1e-6, "loss");
        }

        Dictionary<string, Tensor> expected = model.state_dict();
        Assert.All(copy.state_dict(), pair => Compare.Close(expected[pair.Key], pair.Value, 1e-5, pair.Key));
    }

    [Fact]
    public void Onnx_DrawsAtEveryRun()
    {
        using var model = new TorchVae(5);
        using var runner = new OnnxRunner(model.ToOnnx());
        var feed = new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>(new float[8], [1, 8]) };
        IReadOnlyDictionary<string, OnnxTensor> first = runner.Run(feed);
        IReadOnlyDictionary<string, OnnxTensor> second = runner.Run(feed);
        string output = runner.Outputs[0].Name;
        string mean = runner.Outputs[1].Name;
        Assert.NotEqual(first[output].AsSpan<float>().ToArray(), second[output].AsSpan<float>().ToArray());
        Assert.Equal(first[mean].AsSpan<float>().ToArray(), second[mean].AsSpan<float>().ToArray());
    }

    [Fact]
    public void DropoutThatStaysActive_RefusesTheExport()
    {
        using var model = new TorchNoise();
        Assert.Contains("stays active in evaluation", Assert.Throws<NotSupportedException>(() => model.ToOnnx()).Message);
    }

    private static (Module Model, Func<Tensor, Tensor[]> Eager, Func<Tensor, Tensor[]> Infer) Create(string name)
    {
        if (name == nameof(TorchNoise))
        {
            var noise = new TorchNoise();
            return (noise, x => [noise.forward(x)], x => [noise.Infer(x)]);
        }

        var vae = new TorchVae(5);
        return (vae, x => Parts(vae.forward(x)), x => Parts(vae.Infer(x)));
    }

    private static Tensor[] Parts((Tensor, Tensor, Tensor) parts) => [parts.Item1, parts.Item2, parts.Item3];
}
