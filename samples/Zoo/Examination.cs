using ModelGen.Onnx;

namespace ModelGen.Samples.Zoo;

/// <summary>What the examination of a model gave; errors are the largest difference, relative to the largest value.</summary>
internal sealed record Result(string Name, long Parameters, long? Published, long Flops, double BuildMs, double ForwardError, double OnnxError, TrainingErrors Training)
{
    /// <summary>The same training errors of eager code against itself, weights moved by rounding; null where the generated step is within the tolerance and nobody needs to know.</summary>
    public TrainingErrors? OwnOfEager { get; init; }

    /// <summary>Whether every error is within the tolerance, or within what rounding does to eager code itself.</summary>
    public bool IsGood => ForwardError <= Examination.Tolerance && OnnxError <= Examination.Tolerance
        && Training.Gradients <= Limit(OwnOfEager?.Gradients) && Training.Steps <= Limit(OwnOfEager?.Steps);

    private static double Limit(double? own) => Math.Max(Examination.Tolerance, Examination.TimesOwn * (own ?? 0));
}

/// <summary>Errors of a training step: of the gradients of the first step, and of weights and statistics, the largest after any of five steps.</summary>
internal readonly record struct TrainingErrors(double Gradients, double Steps)
{
    public double Worst => Math.Max(Gradients, Steps);

    public static TrainingErrors Max(TrainingErrors a, TrainingErrors b) => new(Math.Max(a.Gradients, b.Gradients), Math.Max(a.Steps, b.Steps));
}

/// <summary>Compares every generated path of a model with its eager code.</summary>
internal static class Examination
{
    /// <summary>Largest error that float32 explains, relative to the largest value.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>How much larger than eager's own error, the largest of <see cref="Draws"/>, an error may be: both are few ReLUs that change sides, so they scatter.</summary>
    public const double TimesOwn = 4;

    private const int Batch = 4;
    private const int Steps = 5;
    private const int Draws = 3;

    /// <summary>Largest relative movement of a weight: what summing some hundred float32 products in another order does to a result.</summary>
    private const double Rounding = 1e-6;

    /// <summary>Seed of weights and inputs.</summary>
    private const int Seed = 22;

    public static Result Run(ZooModel zoo)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(Seed);
        using Module model = zoo.Create();
        Tensor[] inputs = zoo.Inputs(Batch);
        Calibrate(zoo, model);
        double forward = Forward(zoo, model, inputs);
        double onnx = Onnx(zoo, model, zoo.Inputs(1));
        var start = model.state_dict().ToDictionary(static pair => pair.Key, static pair => pair.Value.clone());
        Tensor target = Target(zoo, model, inputs);
        TrainingErrors errors = Train(zoo, model, start, inputs, target, copy => new GeneratedStep(copy));
        var result = new Result(zoo.Name, model.parameters().Sum(static parameter => parameter.numel()), zoo.Published, zoo.Summary().FlopsPerSample, Compilation.Milliseconds(zoo), forward, onnx, errors);
        if (errors.Worst <= Tolerance)
        {
            return result;
        }

        // A ReLU's gradient jumps at zero: where its input lies within rounding of zero two correct programs differ. How much, eager code shows when its weights are moved.
        var own = default(TrainingErrors);
        for (int draw = 0; draw < Draws; draw++)
        {
            int seed = 1000 + draw;
            own = TrainingErrors.Max(own, Train(zoo, model, start, inputs, target, copy => new EagerStep(zoo, copy, seed)));
        }

        return result with { OwnOfEager = own };
    }

    /// <summary>
    /// Gives batch normalisations the statistics of a batch: with the initial ones the activations of a deep network fade away, and its output would be a bias alone.
    /// The batch is four times larger than the one compared, so that no channel has a variance near zero by chance: dividing by it would magnify rounding errors.
    /// </summary>
    public static void Calibrate(ZooModel zoo, Module model)
    {
        BatchNorm[] norms = [.. model.modules().OfType<BatchNorm>()];
        if (norms.Length == 0)
        {
            return;
        }

        double?[] momenta = [.. norms.Select(static norm => norm.momentum)];
        Array.ForEach(norms, static norm => norm.momentum = 1);
        using (no_grad())
        {
            zoo.Eager(model, zoo.Inputs(4 * Batch)).Dispose();
        }

        for (int i = 0; i < norms.Length; i++)
        {
            norms[i].momentum = momenta[i];
        }
    }

    private static double Forward(ZooModel zoo, Module model, Tensor[] inputs)
    {
        model.eval();
        using var guard = no_grad();
        return Error(zoo.Eager(model, inputs), ((ICompiledModel)model).InferBatch(inputs));
    }

    private static double Onnx(ZooModel zoo, Module model, Tensor[] inputs)
    {
        model.eval();
        using var guard = no_grad();
        using var runner = new OnnxRunner(zoo.ToOnnx(model, 1, static options => options));
        var feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: ToOnnx(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value);
        OnnxTensor output = runner.Run(feed)[runner.Outputs[0].Name];
        return Error(zoo.Eager(model, inputs), tensor(output.AsSpan<float>().ToArray(), [.. output.Shape]));
    }

    /// <summary>
    /// Gradients of the first step, and weights and statistics after each of five steps of plain gradient descent. Where the network amplifies rounding errors from step to
    /// step (<see cref="ZooModel.Chaotic"/>), every step starts from eager's weights.
    /// </summary>
    private static TrainingErrors Train(ZooModel zoo, Module model, Dictionary<string, Tensor> start, Tensor[] inputs, Tensor target, Func<Module, IStep> contender)
    {
        using var scope = NewDisposeScope();
        using Module copy = zoo.Create();
        model.load_state_dict(start);
        copy.load_state_dict(start);
        model.train();
        copy.train();
        using IStep other = contender(copy);
        using optim.Optimizer optimizer = Descent(model);
        double gradients = 0;
        double steps = 0;
        for (int i = 0; i < Steps; i++)
        {
            using var inner = NewDisposeScope();
            Backward(zoo, model, optimizer, inputs, target, i);
            random.manual_seed(100 + i);
            other.Run(inputs, target, i);
            if (i == 0)
            {
                gradients = Largest([.. model.named_parameters().Where(static pair => pair.parameter.grad is not null).Select(pair => (pair.parameter.grad!, other.Gradient(pair.name)))]);
            }

            optimizer.step();
            steps = Math.Max(steps, StateError(model.state_dict(), copy.state_dict()));
            if (zoo.Chaotic is not null)
            {
                copy.load_state_dict(model.state_dict());
            }
        }

        return new TrainingErrors(gradients, steps);
    }

    private static optim.Optimizer Descent(Module model) => optim.SGD(model.parameters(), ((ICompiledModel)model).TrainSettings!.LearningRate);

    private static void Backward(ZooModel zoo, Module model, optim.Optimizer optimizer, Tensor[] inputs, Tensor target, int index)
    {
        random.manual_seed(100 + index);
        optimizer.zero_grad();
        Tensor prediction = zoo.Eager(model, inputs);
        Tensor loss = ((ICompiledModel)model).TrainSettings!.Loss == Loss.CrossEntropy ? functional.cross_entropy(prediction, target) : functional.mse_loss(prediction, target);
        loss.backward();
    }

    private static Tensor Target(ZooModel zoo, Module model, Tensor[] inputs)
    {
        using var guard = no_grad();
        model.eval();
        using Tensor output = zoo.Eager(model, inputs);
        random.manual_seed(2);
        return ((ICompiledModel)model).TrainSettings!.Loss == Loss.CrossEntropy ? randint(0, output.shape[1], [output.shape[0], .. output.shape[2..]], dtype: ScalarType.Int64) : randn_like(output);
    }

    /// <summary>A training step that is compared with eager code.</summary>
    private interface IStep : IDisposable
    {
        /// <summary>Computes gradients and updates the weights.</summary>
        void Run(Tensor[] inputs, Tensor target, int index);

        /// <summary>The gradient of a parameter.</summary>
        Tensor Gradient(string name);
    }

    private sealed class GeneratedStep(Module model) : IStep
    {
        private readonly TrainingStep step = LikeEager(model);

        public void Run(Tensor[] inputs, Tensor target, int index) => step.Run(inputs, target);

        public Tensor Gradient(string name) => step.Gradients[step.Gradients.Slices.Select(static slice => slice.Name).ToList().IndexOf(name)];

        public void Dispose() => step.Dispose();

        private static TrainingStep LikeEager(Module model)
        {
            TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!));
            step.DrawsLikeEager = true;
            return step;
        }
    }

    /// <summary>Eager code from weights that are moved by rounding before every step.</summary>
    private sealed class EagerStep(ZooModel zoo, Module model, int seed) : IStep
    {
        private readonly optim.Optimizer optimizer = Descent(model);

        public void Run(Tensor[] inputs, Tensor target, int index)
        {
            using (no_grad())
            {
                random.manual_seed(seed + index);
                foreach (var parameter in model.parameters())
                {
                    parameter.mul_(1 + ((rand_like(parameter) - 0.5) * (2 * Rounding)));
                }
            }

            Backward(zoo, model, optimizer, inputs, target, index);
            optimizer.step();
        }

        public Tensor Gradient(string name) => model.get_parameter(name)!.grad!;

        public void Dispose() => optimizer.Dispose();
    }

    private static double StateError(Dictionary<string, Tensor> expected, Dictionary<string, Tensor> actual) =>
        Largest([.. expected.Select(pair => (pair.Value, actual[pair.Key]))]);

    /// <summary>
    /// The largest error of several tensors. Some gradients are zero in exact arithmetic (of a bias before batch normalisation) and rounding noise in practice, so a
    /// tensor counts relative to its own largest value, but at least to a hundredth of the largest of all.
    /// </summary>
    private static double Largest(IReadOnlyCollection<(Tensor Expected, Tensor Actual)> pairs)
    {
        double floor = pairs.Max(static pair => Magnitude(pair.Expected)) / 100;
        return pairs.Max(pair => Difference(pair.Expected, pair.Actual) / Math.Max(floor, Magnitude(pair.Expected)));
    }

    private static double Error(Tensor expected, Tensor actual) => Difference(expected, actual) / Math.Max(Magnitude(expected), 1e-12);

    private static double Magnitude(Tensor values)
    {
        using var scope = NewDisposeScope();
        return values.detach().to_type(ScalarType.Float64).abs().max().ToDouble();
    }

    private static double Difference(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        return (a.detach().to_type(ScalarType.Float64) - b.detach().to_type(ScalarType.Float64)).abs().max().ToDouble();
    }

    private static OnnxTensor ToOnnx(Tensor input) => input.dtype == ScalarType.Int64
        ? OnnxTensor.From<long>(input.data<long>().ToArray(), input.shape)
        : OnnxTensor.From<float>(input.data<float>().ToArray(), input.shape);
}
