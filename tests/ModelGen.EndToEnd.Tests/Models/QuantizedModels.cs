using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

[Model]
[Quantize(QuantizationMode.Dynamic)]
public sealed partial class DynamicMlp
{
    [Linear(32)] private partial Tensor Hidden(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 16)] Tensor x) => Classify(relu(Hidden(x)));
}

[Model]
[Quantize(QuantizationMode.WeightOnly)]
public sealed partial class WeightOnlyMlp
{
    [Linear(32)] private partial Tensor Hidden(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 16)] Tensor x) => Classify(relu(Hidden(x)));
}

[Model]
[Quantize(QuantizationMode.Static, Calibration = Calibration.Percentile)]
public sealed partial class PercentileMlp
{
    [Linear(32)] private partial Tensor Hidden(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 16)] Tensor x) => Classify(relu(Hidden(x)));
}
