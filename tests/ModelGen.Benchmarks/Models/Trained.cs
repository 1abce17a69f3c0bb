namespace ModelGen.Benchmarks.Models;

// The networks that are trained, in float32 and where products dominate with bfloat16 products.

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 64)]
public sealed partial class MnistCnn : MnistCnnNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 64, Precision = Precision.BFloat16)]
public sealed partial class MnistCnnBFloat16 : MnistCnnNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 128)]
public sealed partial class Mlp : MlpNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 128, Precision = Precision.BFloat16)]
public sealed partial class MlpBFloat16 : MlpNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01, Momentum = 0.9, BatchSize = 32)]
public sealed partial class ResNet18 : ResNet18Net;

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01, Momentum = 0.9, BatchSize = 32, Precision = Precision.BFloat16)]
public sealed partial class ResNet18BFloat16 : ResNet18Net;

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01, Momentum = 0.9, BatchSize = 32)]
public sealed partial class MobileNetV2 : MobileNetV2Net;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 4)]
public sealed partial class UNet : UNetNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 4, Precision = Precision.BFloat16)]
public sealed partial class UNetBFloat16 : UNetNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-4, BatchSize = 8)]
public sealed partial class BertSmall : BertSmallNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-4, BatchSize = 8, Precision = Precision.BFloat16)]
public sealed partial class BertSmallBFloat16 : BertSmallNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 32)]
public sealed partial class LstmClassifier : LstmClassifierNet;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 16)]
public sealed partial class Gpt() : GptNet(0);

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 16, Precision = Precision.BFloat16)]
public sealed partial class GptBFloat16() : GptNet(0);

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 16)]
public sealed partial class GptDropout() : GptNet(0.1);

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 16, Precision = Precision.BFloat16)]
public sealed partial class GptDropoutBFloat16() : GptNet(0.1);
