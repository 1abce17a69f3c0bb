namespace ModelGen;

/// <summary>Marks a partial class as a model that ModelGen compiles during <c>dotnet build</c>.</summary>
/// <remarks>
/// The class is an ordinary TorchSharp module with <see cref="ShapeAttribute"/> on the inputs of its <c>forward</c>; or it declares its layers with the
/// attributes of this namespace and has a <c>Forward</c> method; or (a block) it does the same without <see cref="ShapeAttribute"/> and is used as a field of another model.
/// The generated members of a TorchSharp module belong to instances made with these constructor arguments: an instance whose weights have other names or
/// shapes is refused when they are used.
/// </remarks>
/// <param name="arguments">Arguments of the constructor of a TorchSharp module; parameters that are left out take their defaults.</param>
/// <example><c>[Model(18, 1000)] public partial class ResNet : Module&lt;Tensor, Tensor&gt;</c></example>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModelAttribute(params object?[] arguments) : Attribute
{
    /// <summary>Arguments of the model's constructor.</summary>
    public IReadOnlyList<object?> Arguments { get; } = arguments;

    /// <summary>
    /// Name of a static field, property or parameterless method of the model class that gives the constructor's argument (a configuration object), its
    /// arguments (a tuple), or the model itself; null to use <see cref="Arguments"/>.
    /// </summary>
    public string? Config { get; set; }
}

/// <summary>States the shape of a model input, one entry per dimension: an integer, or the name of a symbolic size such as <c>"N"</c>.</summary>
/// <example><c>Forward([Shape("N", 1, 28, 28)] Tensor image)</c></example>
/// <param name="dimensions">Sizes in order, <see cref="int"/> for a known size and <see cref="string"/> for a symbolic one.</param>
[AttributeUsage(AttributeTargets.Parameter, Inherited = false)]
public sealed class ShapeAttribute(params object[] dimensions) : Attribute
{
    /// <summary>Sizes in order: <see cref="int"/> for a known size, <see cref="string"/> for a symbolic one.</summary>
    public IReadOnlyList<object> Dimensions { get; } = dimensions;

    /// <summary>Element type of the input; default <see cref="ElementType.Float32"/>. Embedding indices are <see cref="ElementType.Int64"/>.</summary>
    public ElementType Type { get; set; } = ElementType.Float32;

    /// <summary>
    /// How pixels of an image input <c>[N, C, H, W]</c> are normalised before they come here: the mean of each channel, then the standard deviation of each, of pixels in [0, 1]. It changes
    /// nothing in training; a model exported with <c>OnnxExportOptions.RawPixels</c> does it inside the graph. Default null.
    /// </summary>
    public double[]? Normalize { get; set; }
}

/// <summary>Element type of a model input.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 single precision.</summary>
    Float32,

    /// <summary>Signed 64-bit integer (class or token indices).</summary>
    Int64,

    /// <summary>Boolean.</summary>
    Bool,
}

/// <summary>Says how the model is trained: the generated training step holds loss, gradients and optimizer for exactly this.</summary>
/// <param name="loss">Loss function between the model's output and the target.</param>
/// <param name="optimizer">Update rule of the parameters.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class TrainAttribute(Loss loss, Optimizer optimizer) : Attribute
{
    /// <summary>Loss function between the model's output and the target.</summary>
    public Loss Loss { get; } = loss;

    /// <summary>Update rule of the parameters.</summary>
    public Optimizer Optimizer { get; } = optimizer;

    /// <summary>Peak learning rate; default 1e-3, for LBFGS 1.</summary>
    public double LearningRate { get; set; } = OptimizerDefaults.LearningRate(optimizer);

    /// <summary>How the learning rate changes over the steps of a fit; default <see cref="Schedule.Constant"/>.</summary>
    public Schedule Schedule { get; set; } = Schedule.Constant;

    /// <summary>Samples per step; default 32.</summary>
    public int BatchSize { get; set; } = 32;

    /// <summary>Passes over the training set; default 10.</summary>
    public int Epochs { get; set; } = 10;

    /// <summary>
    /// Weight decay, PyTorch's defaults: 0.01 for AdamW and 0.1 for Muon (decoupled), 0 for the others: Lion decoupled, the rest an L2 term added to the gradient.
    /// </summary>
    public double WeightDecay { get; set; } = double.NaN;

    /// <summary>Momentum of SGD and RMSProp, default 0, and of Muon, default 0.95.</summary>
    public double Momentum { get; set; } = OptimizerDefaults.Momentum(optimizer);

    /// <summary>Nesterov momentum for SGD; default false. Needs <see cref="Momentum"/> above 0.</summary>
    public bool Nesterov { get; set; }

    /// <summary>Decay of the first moment of Adam and its kin, and of Lion's update; default 0.9.</summary>
    public double Beta1 { get; set; } = 0.9;

    /// <summary>Decay of the second moment of Adam and its kin, default 0.999, and of Lion's momentum, default 0.99.</summary>
    public double Beta2 { get; set; } = OptimizerDefaults.Beta2(optimizer);

    /// <summary>Denominator term; default 1e-8, for Adagrad 1e-10, for Adadelta 1e-6.</summary>
    public double Epsilon { get; set; } = OptimizerDefaults.Epsilon(optimizer);

    /// <summary>Whether Adam and AdamW divide by the largest second moment so far (AMSGrad; Reddi et al., arXiv:1904.09237); default false.</summary>
    public bool AmsGrad { get; set; }

    /// <summary>Decay of the means of RMSProp, default 0.99, and of Adadelta (PyTorch's rho), default 0.9.</summary>
    public double Alpha { get; set; } = OptimizerDefaults.Alpha(optimizer);

    /// <summary>Whether RMSProp subtracts the square of the mean gradient; default false.</summary>
    public bool Centered { get; set; }

    /// <summary>Iterations of a step of LBFGS; default 20.</summary>
    public int MaxIterations { get; set; } = 20;

    /// <summary>Evaluations of loss and gradients after which a step of LBFGS begins no further iteration; 0 (default) for 5/4 of <see cref="MaxIterations"/>, 25.</summary>
    public int MaxEvaluations { get; set; }

    /// <summary>Largest magnitude of a gradient at which a step of LBFGS ends; default 1e-7.</summary>
    public double ToleranceGradient { get; set; } = 1e-7;

    /// <summary>Change of the loss, and largest change of a parameter, below which a step of LBFGS ends; default 1e-9.</summary>
    public double ToleranceChange { get; set; } = 1e-9;

    /// <summary>Pairs of a step and the gradient's change over it that LBFGS remembers; default 100. Each takes twice the memory of the parameters.</summary>
    public int HistorySize { get; set; } = 100;

    /// <summary>How LBFGS finds the length of its steps; default <see cref="LineSearch.None"/>, as in PyTorch.</summary>
    public LineSearch LineSearch { get; set; } = LineSearch.None;

    /// <summary>Label smoothing of <see cref="Loss.CrossEntropy"/>, in [0, 1); default 0.</summary>
    public double LabelSmoothing { get; set; }

    /// <summary>Where <see cref="Loss.SmoothL1"/> turns from quadratic to linear; default 1. Must be positive.</summary>
    public double SmoothL1Beta { get; set; } = 1;

    /// <summary>
    /// Largest L2 norm of all gradients together; larger ones are scaled down to it before the optimizer (Pascanu et al., arXiv:1211.5063), as PyTorch's <c>clip_grad_norm_</c>
    /// does. Default 0, no limit.
    /// </summary>
    public double ClipNorm { get; set; }

    /// <summary>Largest magnitude of a gradient; larger ones are set to it before the optimizer, as PyTorch's <c>clip_grad_value_</c> does. Default 0, no limit.</summary>
    public double ClipValue { get; set; }

    /// <summary>Number format of the operands of matrix products and convolutions; default <see cref="Precision.Float32"/>.</summary>
    public Precision Precision { get; set; } = Precision.Float32;

    /// <summary>What backward computes a second time instead of keeping it since forward (activation checkpointing); default <see cref="Recompute.None"/>.</summary>
    public Recompute Recompute { get; set; } = Recompute.None;

    /// <summary>
    /// Whether the model can be trained as the INT8 model that <c>[Quantize(QuantizationMode.Static)]</c> makes of it, and how: then it has a method <c>Calibrate</c>, after which training
    /// steps and <c>Evaluate</c> round as the integer model does. Default <see cref="QuantizationAware.None"/>.
    /// </summary>
    public QuantizationAware QuantizationAware { get; set; } = QuantizationAware.None;
}

/// <summary>How training learns through the rounding of an INT8 model (Jacob et al., arXiv:1712.05877).</summary>
/// <remarks>
/// Rounded are the activations, weights and biases that the exporter's quantizer turns into integers; batch normalisation is folded into the weights with the running statistics as they are.
/// </remarks>
public enum QuantizationAware
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>
    /// Scales of activations come from the calibration and stay, those of weights follow the largest magnitude of each output channel; gradients pass through the rounding where the integer is
    /// in range, and are 0 elsewhere (Bengio et al., arXiv:1308.3432).
    /// </summary>
    StraightThrough,

    /// <summary>
    /// All scales are parameters of the model, those of activations and those of each output channel of the weights (learned step size quantization; Esser et al., arXiv:1902.08153): they start
    /// from the calibration and learn with the weights, whose gradients are those of <see cref="StraightThrough"/>. Zero points stay. They have no weight decay.
    /// </summary>
    LearnedStepSize,
}

/// <summary>Number formats of training.</summary>
public enum Precision
{
    /// <summary>Everything is float32.</summary>
    Float32,

    /// <summary>
    /// Mixed precision (Kalamkar et al., arXiv:1905.12322): matrix products and convolutions round their operands to bfloat16, forward and backward, and accumulate in float32.
    /// Parameters, gradients, optimizer state, normalisations and losses stay float32, so no loss scaling is needed. On CPUs with AVX512_BF16 and on GPUs of compute capability 8
    /// and above this is faster; elsewhere it is not, and the numbers are the same up to the order of sums.
    /// </summary>
    BFloat16,
}

/// <summary>
/// Limits the memory that is planned for the model, checked during the build: for a training step with <see cref="TrainAttribute.BatchSize"/> samples when the class has
/// <see cref="TrainAttribute"/>, otherwise for inference with the batch of <see cref="ExportOnnxAttribute"/>. Parameters, gradients, optimizer state, inputs and intermediates count.
/// </summary>
/// <param name="budget">A number and a unit: B, KiB, MiB, GiB, or KB, MB, GB for powers of 1000.</param>
/// <example><c>[MemoryBudget("512 MiB")]</c></example>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class MemoryBudgetAttribute(string budget) : Attribute
{
    /// <summary>The limit as written.</summary>
    public string Budget { get; } = budget;
}

/// <summary>What backward computes a second time instead of keeping it since forward (activation checkpointing; Chen et al., arXiv:1604.06174).</summary>
/// <remarks>
/// The results are the same, bit for bit: random numbers are drawn once and running statistics moved once. A full recomputation costs at most one more forward pass,
/// a third of a step.
/// </remarks>
public enum Recompute
{
    /// <summary>Nothing: everything that backward reads is kept.</summary>
    None,

    /// <summary>As much as makes the planned memory smallest.</summary>
    Full,

    /// <summary>As little as fits into <see cref="MemoryBudgetAttribute"/>, which the class needs.</summary>
    ToBudget,
}

/// <summary>Loss functions of the generated training step. All are averaged over the batch (and over elements where the target has the output's shape).</summary>
public enum Loss
{
    /// <summary>Softmax cross-entropy against class indices: output <c>[N, C]</c> (or <c>[N, C, d...]</c>), target int64 <c>[N]</c> (or <c>[N, d...]</c>).</summary>
    CrossEntropy,

    /// <summary>Mean squared error; target of the output's shape.</summary>
    MSE,

    /// <summary>Sigmoid and binary cross-entropy in one, numerically stable; target in [0, 1], of the output's shape.</summary>
    BCEWithLogits,

    /// <summary>Mean absolute error; target of the output's shape.</summary>
    L1,

    /// <summary>Quadratic below <see cref="TrainAttribute.SmoothL1Beta"/>, linear above; target of the output's shape.</summary>
    SmoothL1,
}

/// <summary>Update rules of the generated training step.</summary>
public enum Optimizer
{
    /// <summary>Stochastic gradient descent, with momentum and Nesterov momentum when set.</summary>
    SGD,

    /// <summary>Adam (Kingma and Ba, arXiv:1412.6980), weight decay as an L2 term.</summary>
    Adam,

    /// <summary>AdamW (Loshchilov and Hutter, arXiv:1711.05101), decoupled weight decay.</summary>
    AdamW,

    /// <summary>Adagrad (Duchi et al., JMLR 12, 2011).</summary>
    Adagrad,

    /// <summary>Adadelta (Zeiler, arXiv:1212.5701). Its usual learning rate is 1.</summary>
    Adadelta,

    /// <summary>Adamax, Adam with the infinity norm (Kingma and Ba, arXiv:1412.6980).</summary>
    Adamax,

    /// <summary>NAdam, Adam with Nesterov momentum (Dozat, ICLR workshop 2016).</summary>
    NAdam,

    /// <summary>RAdam, Adam with a rectified learning rate in the first steps (Liu et al., arXiv:1908.03265).</summary>
    RAdam,

    /// <summary>RMSprop (Hinton, lecture 6e of "Neural networks for machine learning"), with momentum and centred when set.</summary>
    RMSProp,

    /// <summary>Averaged gradient descent (Polyak and Juditsky, 1992).</summary>
    ASGD,

    /// <summary>Resilient backpropagation (Riedmiller and Braun, 1993): for full batches. The learning rate is the first step size of every parameter; schedules have no effect.</summary>
    Rprop,

    /// <summary>Lion (Chen et al., arXiv:2302.06675), decoupled weight decay. Its learning rate is 3 to 10 times smaller than AdamW's.</summary>
    Lion,

    /// <summary>
    /// Muon (Jordan, 2024) for parameters of two dimensions, its step scaled to the size of AdamW's (Liu et al., arXiv:2502.16982), and AdamW with the same learning rate for the others.
    /// </summary>
    Muon,

    /// <summary>
    /// Limited-memory BFGS (Liu and Nocedal, 1989), as in PyTorch: each step makes several iterations on its batch, for full or large batches and smooth losses. Set <see cref="LineSearch.StrongWolfe"/>
    /// unless the learning rate is known to be small enough.
    /// </summary>
    LBFGS,
}

/// <summary>How <see cref="Optimizer.LBFGS"/> finds the length of its steps.</summary>
public enum LineSearch
{
    /// <summary>All have the learning rate as their length, the first one aside, which is shorter; nothing keeps the loss from growing.</summary>
    None,

    /// <summary>
    /// The strong Wolfe conditions, by cubic interpolation (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 3.5 and 3.6; PyTorch's <c>strong_wolfe</c>). The learning rate is the first length
    /// that is tried.
    /// </summary>
    StrongWolfe,
}

/// <summary>Learning-rate schedules over the steps of one fit.</summary>
public enum Schedule
{
    /// <summary>The learning rate stays as set.</summary>
    Constant,

    /// <summary>The 1cycle policy (Smith and Topin, arXiv:1708.07120) with cosine annealing: up from 1/25 over the first 30 % of steps, then down to 1/250 000.</summary>
    OneCycle,

    /// <summary>Cosine annealing to zero (Loshchilov and Hutter, arXiv:1608.03983, without restarts).</summary>
    Cosine,

    /// <summary>Linear decay to zero.</summary>
    Linear,
}

/// <summary>Default settings of the generated ONNX export.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ExportOnnxAttribute : Attribute
{
    /// <summary>Static batch size of the exported graph; default 1.</summary>
    public int Batch { get; set; } = 1;

    /// <summary>Further static batch sizes: <c>ExportOnnx</c> writes a file for each beside the first (<c>net.batch8.onnx</c>); default none.</summary>
    public int[] Batches { get; set; } = [];
}

/// <summary>Default settings of the generated INT8 export.</summary>
/// <param name="mode">What is quantized and when the ranges are found.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class QuantizeAttribute(QuantizationMode mode) : Attribute
{
    /// <summary>What is quantized and when the ranges are found.</summary>
    public QuantizationMode Mode { get; } = mode;

    /// <summary>How activation ranges are found from calibration samples; default <see cref="Calibration.MinMax"/>.</summary>
    public Calibration Calibration { get; set; } = Calibration.MinMax;
}

/// <summary>What is quantized and when the ranges are found.</summary>
public enum QuantizationMode
{
    /// <summary>Weights and activations are INT8; activation ranges come from calibration samples before deployment.</summary>
    Static,

    /// <summary>Weights of matrix products are INT8; activations become INT8 for each input with its own range. Needs no samples; convolutions stay float.</summary>
    Dynamic,

    /// <summary>Weights of matrix products are integers of 8 or 4 bits in blocks; activations stay float. Samples are optional.</summary>
    WeightOnly,
}

/// <summary>How activation ranges are found from calibration samples.</summary>
public enum Calibration
{
    /// <summary>Smallest and largest value seen.</summary>
    MinMax,

    /// <summary>The range that holds 99.99 % of all values.</summary>
    Percentile,

    /// <summary>The range that keeps most information: least Kullback-Leibler divergence.</summary>
    Entropy,

    /// <summary>The range with the least mean squared error.</summary>
    Mse,
}
