using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Schemes that fill a model's parameters before training: <c>model.Initialize("conv*.weight", Initializers.KaimingNormal())</c>. The random numbers are torch's, so
/// <c>torch.random.manual_seed</c> decides them. The schemes are those of PyTorch's <c>torch.nn.init</c>.
/// </summary>
public static class Initializers
{
    /// <summary>Fills the parameters that a pattern names.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pattern">State-dict keys, with <c>*</c> for any characters and <c>?</c> for one.</param>
    /// <param name="scheme">The scheme.</param>
    /// <returns>How many parameters the pattern names.</returns>
    /// <exception cref="ArgumentException">No parameter has such a name, or the scheme needs more dimensions than one has.</exception>
    public static int Initialize(this nn.Module model, string pattern, Action<Tensor> scheme)
    {
        (string Name, Tensor Tensor)[] parameters = [.. model.named_parameters().Select(static pair => (pair.name, (Tensor)pair.parameter))];
        int[] found = NamePattern.Find(pattern, [.. parameters.Select(static pair => pair.Name)]);
        using IDisposable guard = no_grad();
        foreach (int index in found)
        {
            using DisposeScope scope = NewDisposeScope();
            (string name, Tensor parameter) = parameters[index];

            // On a copy: some schemes give the tensor new memory, which a training step would not see.
            Tensor values = parameter.detach().clone();
            try
            {
                scheme(values);
            }
            catch (NeedsMatrixException exception)
            {
                throw new ArgumentException($"'{name}' has {parameter.dim()} dimensions: {exception.Message} Use a pattern such as \"*.weight\" that leaves it out, or another scheme for it.", nameof(pattern), exception);
            }

            parameter.copy_(values).DisposeAliasOf(parameter);
        }

        return found.Length;
    }

    /// <summary>
    /// Fills a model's parameters as the <see cref="InitializeAttribute"/>s of its class and layers say. A TorchSharp module with <c>[Model]</c> calls it at the end of its constructor; models of the
    /// attribute DSL are made so.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InvalidOperationException">The class has no <c>[Model]</c> or no <c>[Initialize]</c>.</exception>
    /// <exception cref="ArgumentException">An attribute names no parameter, or its scheme needs more dimensions than one has.</exception>
    public static void Initialize(this nn.Module model)
    {
        if (model is not IInitialized initialized)
        {
            throw new InvalidOperationException($"{model.GetType().Name} has no [Initialize] that the build has read: put it on a class with [Model] or on its layers, or give a pattern and a scheme to Initialize.");
        }

        initialized.Initialize();
    }

    /// <summary>Fills those of the parameters that a pattern names that have at least two dimensions. Used by generated code.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pattern">State-dict keys, with <c>*</c> for any characters and <c>?</c> for one.</param>
    /// <param name="scheme">The scheme.</param>
    /// <exception cref="ArgumentException">There is no such parameter.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public static void InitializeMatrices(this nn.Module model, string pattern, Action<Tensor> scheme)
    {
        int filled = 0;
        model.Initialize(pattern, tensor =>
        {
            if (tensor.dim() >= 2)
            {
                filled++;
                scheme(tensor);
            }
        });
        if (filled == 0)
        {
            throw new ArgumentException($"'{pattern}' of {model.GetType().Name} names no parameter of at least two dimensions; give [Initialize] a pattern such as \"bias\" for others.", nameof(pattern));
        }
    }

    /// <summary>All the same number.</summary>
    /// <param name="value">The number.</param>
    public static Action<Tensor> Constant(double value) => tensor => nn.init.constant_(tensor, value);

    /// <summary>Evenly distributed numbers.</summary>
    /// <param name="low">Lower bound; default 0.</param>
    /// <param name="high">Upper bound; default 1.</param>
    public static Action<Tensor> Uniform(double low = 0, double high = 1) => tensor => nn.init.uniform_(tensor, low, high);

    /// <summary>Normally distributed numbers.</summary>
    /// <param name="mean">Mean; default 0.</param>
    /// <param name="deviation">Standard deviation; default 1.</param>
    public static Action<Tensor> Normal(double mean = 0, double deviation = 1) => tensor => nn.init.normal_(tensor, mean, deviation);

    /// <summary>Normally distributed numbers without those beyond two bounds.</summary>
    /// <param name="mean">Mean; default 0.</param>
    /// <param name="deviation">Standard deviation; default 1.</param>
    /// <param name="low">Lower bound; default -2.</param>
    /// <param name="high">Upper bound; default 2.</param>
    public static Action<Tensor> TruncatedNormal(double mean = 0, double deviation = 1, double low = -2, double high = 2) => tensor => nn.init.trunc_normal_(tensor, mean, deviation, low, high);

    /// <summary>Glorot and Bengio's scheme (AISTATS 2010), evenly distributed.</summary>
    /// <param name="gain">Factor; default 1.</param>
    public static Action<Tensor> XavierUniform(double gain = 1) => Matrix(tensor => nn.init.xavier_uniform_(tensor, gain));

    /// <summary>Glorot and Bengio's scheme (AISTATS 2010), normally distributed.</summary>
    /// <param name="gain">Factor; default 1.</param>
    public static Action<Tensor> XavierNormal(double gain = 1) => Matrix(tensor => nn.init.xavier_normal_(tensor, gain));

    /// <summary>He et al.'s scheme (arXiv:1502.01852), evenly distributed, for the activation that follows.</summary>
    /// <param name="mode">Whether the variance is kept forward or backward; default forward.</param>
    /// <param name="activation">The activation; default ReLU.</param>
    public static Action<Tensor> KaimingUniform(nn.init.FanInOut mode = nn.init.FanInOut.FanIn, nn.init.NonlinearityType activation = nn.init.NonlinearityType.ReLU)
        => Matrix(tensor => nn.init.kaiming_uniform_(tensor, 0, mode, activation));

    /// <summary>He et al.'s scheme (arXiv:1502.01852), normally distributed, for the activation that follows.</summary>
    /// <param name="mode">Whether the variance is kept forward or backward; default forward.</param>
    /// <param name="activation">The activation; default ReLU.</param>
    public static Action<Tensor> KaimingNormal(nn.init.FanInOut mode = nn.init.FanInOut.FanIn, nn.init.NonlinearityType activation = nn.init.NonlinearityType.ReLU)
        => Matrix(tensor => nn.init.kaiming_normal_(tensor, 0, mode, activation));

    /// <summary>A matrix with orthogonal rows or columns (Saxe et al., arXiv:1312.6120).</summary>
    /// <param name="gain">Factor; default 1.</param>
    public static Action<Tensor> Orthogonal(double gain = 1) => Matrix(tensor => nn.init.orthogonal_(tensor, gain));

    /// <summary>A matrix whose columns are mostly zero (Martens, ICML 2010).</summary>
    /// <param name="zeros">Share of zeros in each column.</param>
    /// <param name="deviation">Standard deviation of the others; default 0.01.</param>
    public static Action<Tensor> Sparse(double zeros, double deviation = 0.01) => Matrix(tensor => nn.init.sparse_(tensor, zeros, deviation));

    private static Action<Tensor> Matrix(Action<Tensor> scheme) => tensor =>
    {
        if (tensor.dim() < 2)
        {
            throw new NeedsMatrixException();
        }

        scheme(tensor);
    };

    [SuppressMessage("Design", "CA1032", Justification = "Never leaves this class.")]
    private sealed class NeedsMatrixException() : Exception("this scheme needs at least two.");
}

/// <summary>A model or block with <see cref="InitializeAttribute"/>s. Implemented by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IInitialized
{
    /// <summary>Fills the parameters that the attributes name.</summary>
    void Initialize();
}
