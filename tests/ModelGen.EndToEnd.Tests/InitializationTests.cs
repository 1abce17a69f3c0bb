using ModelGen.EndToEnd.Tests.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Parameters that attributes fill have the values that TorchSharp's functions give after the same layers with the same seed.</summary>
public sealed class InitializationTests
{
    [Fact]
    public void AttributesOfClassesBlocksAndLayers_FillAsTorchSharpsFunctions()
    {
        random.manual_seed(3);
        using var model = new InitializedNet();
        random.manual_seed(3);
        using Conv2d conv = Conv2d(1, 4, 3);
        using BatchNorm2d norm = BatchNorm2d(4);
        using Linear hidden = Linear(64, 5);
        using Linear head = Linear(6, 3);
        using Parameter shift = Parameter(zeros(5));
        using Linear mix = Linear(5, 6);
        var expected = new Dictionary<string, Parameter>
        {
            ["conv.weight"] = conv.weight!,
            ["conv.bias"] = conv.bias!,
            ["norm.weight"] = norm.weight!,
            ["norm.bias"] = norm.bias!,
            ["hidden.weight"] = hidden.weight!,
            ["hidden.bias"] = hidden.bias!,
            ["head.weight"] = head.weight!,
            ["head.bias"] = head.bias!,
            ["shift"] = shift,
            ["block.mix.weight"] = mix.weight!,
            ["block.mix.bias"] = mix.bias!,
        };
        string[] order = [.. model.named_parameters().Select(static pair => pair.name)];
        Assert.Equal(expected.Keys.Order(), order.Order());
        using (no_grad())
        {
            foreach (string name in order.Where(static name => name.EndsWith("weight", StringComparison.Ordinal) && !name.StartsWith("norm", StringComparison.Ordinal)))
            {
                init.kaiming_normal_(expected[name], 0, init.FanInOut.FanIn, init.NonlinearityType.ReLU);
            }

            foreach (string name in order.Where(static name => name.EndsWith(".bias", StringComparison.Ordinal)))
            {
                init.constant_(expected[name], 0.25);
            }

            init.trunc_normal_(mix.weight!, 0, 0.5, -0.75, 0.75);
            init.xavier_uniform_(hidden.weight!, 2);
            init.orthogonal_(head.weight!);
            init.zeros_(head.bias!);
            init.normal_(shift, 1, 0.02);
        }

        Same(expected, model);
        Assert.All(norm.weight!.data<float>().ToArray(), static value => Assert.Equal(1, value));
    }

    [Fact]
    public void AModuleThatCallsInitialize_IsFilledAsItsAttributesSay()
    {
        random.manual_seed(4);
        using var model = new InitializedModule();
        random.manual_seed(4);
        using Linear first = Linear(6, 8);
        using Linear second = Linear(8, 8);
        using Linear third = Linear(8, 4);
        using Parameter scale = Parameter(zeros(4));
        using (no_grad())
        {
            foreach (Linear layer in (Linear[])[first, second, third])
            {
                init.xavier_normal_(layer.weight!);
            }

            foreach (Linear layer in (Linear[])[first, second, third])
            {
                init.ones_(layer.bias!);
            }

            init.kaiming_uniform_(first.weight!, 0, init.FanInOut.FanOut, init.NonlinearityType.Tanh);
            init.sparse_(second.weight!, 0.5);
            init.uniform_(scale, -0.5, 0.5);
        }

        Same(
            new Dictionary<string, Parameter>
            {
                ["first.weight"] = first.weight!, ["first.bias"] = first.bias!, ["second.weight"] = second.weight!, ["second.bias"] = second.bias!, ["third.weight"] = third.weight!, ["third.bias"] = third.bias!, ["scale"] = scale,
            },
            model);
    }

    [Fact]
    public void WithoutAttributes_InitializeSaysSo()
    {
        using var model = new ResumeNet();
        Assert.Contains("no [Initialize]", Assert.Throws<InvalidOperationException>(model.Initialize).Message);
    }

    private static void Same(Dictionary<string, Parameter> expected, Module model)
    {
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            Assert.Equal(expected[name].data<float>().ToArray(), parameter.data<float>().ToArray());
        }
    }
}
