using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Files of weights and compiled models: generated steps and prepared inference keep to the tensors that a load writes into.</summary>
public sealed class WeightTests
{
    [Theory]
    [InlineData("safetensors")]
    [InlineData("dat")]
    public void LoadedWeights_AreThoseOfInferenceAndOfTheNextStep(string extension)
    {
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-weights-{Guid.NewGuid():N}.{extension}");
        random.manual_seed(3);
        using NormalizedCnn saved = new(), loaded = new();
        using Tensor images = randn(4, 3, 8, 8), noise = randn(4, 3, 8, 8), labels = randint(0, 5, [4]);
        try
        {
            using Trainer<NormalizedCnn> first = saved.CreateTrainer(), second = loaded.CreateTrainer();
            first.Step.Run([images], labels);
            second.Step.Run([noise], labels);
            Prediction(loaded, images).Dispose();
            saved.SaveWeights(path);
            loaded.LoadWeights(path);
            AssertSame(saved, loaded, images);

            // The optimizers have other momenta, so only what a new one does is the same.
            using Trainer<NormalizedCnn> third = saved.CreateTrainer(), fourth = loaded.CreateTrainer();
            third.Step.Run([images], labels);
            fourth.Step.Run([images], labels);
            AssertSame(saved, loaded, images);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void AssertSame(NormalizedCnn saved, NormalizedCnn loaded, Tensor images)
    {
        using Tensor expected = Prediction(saved, images), actual = Prediction(loaded, images);
        Assert.True(expected.equal(actual).all().ToBoolean());
    }

    private static Tensor Prediction(NormalizedCnn model, Tensor images)
    {
        using IDisposable guard = no_grad();
        model.eval();
        Tensor prediction = model.Infer(images);
        model.train();
        return prediction;
    }
}
