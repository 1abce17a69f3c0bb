using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Exported models in ONNX Runtime, against eager TorchSharp.</summary>
public sealed class OnnxTests
{
    public static TheoryData<string> Names => [.. Cases.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Onnx_EqualsEager(string name)
    {
        using Case test = Cases.All[name](1);
        test.Module.eval();
        Tensor[] inputs = test.Inputs();
        using Tensor expected = no_grad_(() => test.Eager(inputs));
        OnnxModel model = test.ToOnnx();
        using var runner = new OnnxRunner(model);
        var feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: ToOnnx(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value);
        OnnxTensor output = runner.Run(feed)[runner.Outputs[0].Name];
        using Tensor actual = tensor(output.AsSpan<float>().ToArray(), [.. output.Shape]);
        Compare.Close(expected, actual, 1e-5, name);
    }

    private static Tensor no_grad_(Func<Tensor> function)
    {
        using IDisposable guard = no_grad();
        return function();
    }

    private static OnnxTensor ToOnnx(Tensor tensor) => tensor.dtype == ScalarType.Int64
        ? OnnxTensor.From<long>(tensor.data<long>().ToArray(), tensor.shape)
        : OnnxTensor.From<float>(tensor.data<float>().ToArray(), tensor.shape);
}
