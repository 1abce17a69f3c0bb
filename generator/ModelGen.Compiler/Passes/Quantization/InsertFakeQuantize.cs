using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Rounds values, weights and biases of a forward graph as the integer model will (Jacob et al., arXiv:1712.05877): activations to unsigned 8-bit integers, weights to signed ones of 8 or 4
/// bits with a scale per output channel or one for all, biases to multiples of the product of both scales.
/// </summary>
/// <remarks>
/// Scales and zero points of activations are buffers of the model, as are the largest integer of each product's weights and whether they share a scale; scales of weights follow from the
/// weights at hand, by the rule of the exporter's <c>WeightQuantizer</c>. A scale of 0 turns rounding off. Precondition: batch normalisation is folded as in inference.
/// Learned scales (Esser et al., arXiv:1902.08153) are a parameter for each, 1 at first, times the scale of the calibration: plain gradient descent then changes a scale as if it were the
/// parameter itself, and rules that divide by the size of gradients, such as Adam's, change every scale by the same share of it.
/// </remarks>
/// <param name="sites">Where.</param>
/// <param name="inferenceValues">The value of the inference graph that each value becomes.</param>
/// <param name="learns">Whether scales are learned.</param>
internal sealed class InsertFakeQuantize(QuantizationSites sites, int[] inferenceValues, bool learns) : IGraphPass
{
    /// <summary>Names of the buffers: scale and zero point of each site, and of each product the largest integer of its weights, 0 where it runs in float, and whether they share one scale.</summary>
    public const string Scales = "quantization_scales";

    /// <inheritdoc cref="Scales"/>
    public const string ZeroPoints = "quantization_zero_points";

    /// <inheritdoc cref="Scales"/>
    public const string Products = "quantization_products";

    /// <inheritdoc cref="Scales"/>
    public const string Shared = "quantization_shared";

    /// <summary>
    /// Names of the buffers of learned scales: the largest scale of each site, the site whose scale it shares, and of the weights, product by product, the scales after the calibration, the
    /// number of the scale that each channel takes, and by what the gradient of each is multiplied.
    /// </summary>
    public const string Limits = "quantization_limits";

    /// <inheritdoc cref="Limits"/>
    public const string Owners = "quantization_owners";

    /// <inheritdoc cref="Limits"/>
    public const string WeightScales = "quantization_weight_scales";

    /// <inheritdoc cref="Limits"/>
    public const string WeightOwners = "quantization_weight_owners";

    /// <inheritdoc cref="Limits"/>
    public const string WeightRates = "quantization_weight_rates";

    /// <summary>Names of the parameters of learned scales: a factor for each of the scales of activations and of weights.</summary>
    public const string Factors = "quantization_factors";

    /// <inheritdoc cref="Factors"/>
    public const string WeightFactors = "quantization_weight_factors";

    /// <summary>Below the smallest normal number a scale is useless.</summary>
    private const double SmallestScale = 1.17549435e-38;

    /// <summary>A quarter of what 32 bits hold, so that bias plus accumulated products stay inside.</summary>
    private const double LargestBias = 1 << 29;

    public string Name => "insert-fake-quantize";

    public Graph Run(Graph graph) => new Writer(graph, sites, inferenceValues, learns).Run();

    /// <summary>Whether a state-dict key is that of one of the buffers or parameters.</summary>
    public static bool IsOwn(string name) => name is Scales or ZeroPoints or Products or Shared or Limits or Owners or WeightScales or WeightOwners or WeightRates or Factors or WeightFactors;

    private sealed class Writer
    {
        private readonly Graph graph;
        private readonly QuantizationSites sites;
        private readonly int[] inferenceValues;
        private readonly bool learns;
        private readonly GraphBuilder builder;
        private readonly int[] map;
        private readonly int activationScales;
        private readonly int lowest;
        private readonly int highest;
        private readonly int largestWeights;
        private readonly int smallestWeights;
        private readonly int shared;
        private readonly int learnedWeightScales;
        private readonly Dictionary<int, int> siteOf;
        private readonly Dictionary<int, int> productOf;
        private readonly Dictionary<int, (int Product, int Operand)> biasOf;
        private readonly Dictionary<int, (int Scale, int Low, int High)> gridOf = [];
        private readonly Dictionary<int, int> weightScales = [];

        public Writer(Graph graph, QuantizationSites sites, int[] inferenceValues, bool learns)
        {
            (this.graph, this.sites, this.inferenceValues, this.learns) = (graph, sites, inferenceValues, learns);
            builder = new GraphBuilder(graph.Name);
            map = new int[graph.Values.Count];
            siteOf = sites.Values.Select(static (value, site) => (value, site)).ToDictionary(static pair => pair.value, static pair => pair.site);
            productOf = sites.Products.Select(static (product, index) => (product.Node.Outputs[0], index)).ToDictionary(static pair => pair.Item1, static pair => pair.index);
            biasOf = sites.Products.Select(static (product, index) => (product, index)).Where(static pair => pair.product.BiasNode is not null)
                .ToDictionary(static pair => pair.product.BiasNode!.Outputs[0], static pair => (pair.index, pair.product.Bias));
            for (int i = 0; i < map.Length; i++)
            {
                map[i] = graph.Values[i].Kind == ValueKind.Intermediate ? -1 : builder.AddValue(graph.Values[i].Name, graph.Values[i].Type, graph.Values[i].Kind);
            }

            int count = sites.Values.Count;
            activationScales = Vector(Scales, count, ValueKind.Buffer);
            int zeroPoints = Vector(ZeroPoints, count, ValueKind.Buffer);
            lowest = builder.Minus(0.0, zeroPoints);
            highest = builder.Minus(255.0, zeroPoints);
            largestWeights = Vector(Products, sites.Products.Count, ValueKind.Buffer);
            smallestWeights = builder.Minus(0.0, largestWeights);
            shared = Vector(Shared, sites.Products.Count, ValueKind.Buffer);
            if (!learns)
            {
                return;
            }

            activationScales = LearnedScales(Factors, activationScales, Vector(Limits, count, ValueKind.Buffer), Repeated(1, count), Owners);
            int channels = sites.Channels.Sum();
            learnedWeightScales = LearnedScales(
                WeightFactors, Vector(WeightScales, channels, ValueKind.Buffer), Repeated(float.MaxValue, channels), Vector(WeightRates, channels, ValueKind.Buffer), WeightOwners);
        }

        private int Vector(string name, int count, ValueKind kind) => builder.AddValue(name, new TensorType(DType.Float32, new Dim[] { count }), kind);

        private int Repeated(double value, int count) => builder.Add("expand", [builder.Constant(value, DType.Float32)], ("shape", new Dim[] { count }.ToEquatableArray()));

        /// <summary>The scales that are learned, each where its owner's is wanted.</summary>
        private int LearnedScales(string factors, int references, int limits, int rates, string owners)
        {
            EquatableArray<Dim> shape = builder.TypeOf(references).Shape;
            int own = builder.Add("learned_scale", [Vector(factors, (int)shape[0].Constant!.Value, ValueKind.Parameter), references, limits, rates]);
            int indices = builder.AddValue(owners, new TensorType(DType.Int64, shape), ValueKind.Buffer);
            return builder.Reshape(builder.Add("embedding", [builder.Reshape(own, new Dim[] { shape[0], 1 }), indices]), shape);
        }

        public Graph Run()
        {
            foreach (int input in graph.ValuesOf(ValueKind.Input))
            {
                map[input] = Activation(input, map[input]);
            }

            foreach (Node node in graph.Nodes)
            {
                builder.Layer = node.Layer;
                builder.Source = node.Source;
                int[] inputs = [.. node.Inputs.Select(input => input < 0 ? -1 : map[input])];
                bool isOperator = !InferenceValues.IsDropout(node) && node.Outputs.Count > 0;
                if (isOperator)
                {
                    RoundWeights(node, inputs);
                }

                EquatableArray<int> results = builder.AddNode(node.Op, inputs, node.Attributes);
                for (int i = 0; i < results.Count; i++)
                {
                    builder.NameValue(results[i], graph.Values[node.Outputs[i]].Name);
                    map[node.Outputs[i]] = isOperator ? Activation(node.Outputs[i], results[i]) : results[i];
                }
            }

            return builder.Build([.. graph.Outputs.Select(output => map[output])]);
        }

        private int Activation(int value, int result)
        {
            if (!siteOf.TryGetValue(inferenceValues[value], out int site))
            {
                return result;
            }

            (int scale, int low, int high) = Grid(site);
            int rounded = Round(result, scale, low, high, ScaleFactor(builder.TypeOf(result).Shape.Skip(1)));
            builder.NameValue(rounded, graph.Values[value].Name.Length > 0 ? graph.Values[value].Name + "_rounded" : "");
            return rounded;
        }

        private void RoundWeights(Node node, int[] inputs)
        {
            int value = inferenceValues[node.Outputs[0]];
            if (productOf.TryGetValue(value, out int number))
            {
                QuantizedWeights product = sites.Products[number];
                int weight = inputs[product.WeightOperand];
                int bias = product.BiasNode == product.Node ? inputs[product.Bias] : -1;
                int scale = weightScales[number] = learns ? LearnedWeightScale(weight, product) : WeightScale(weight, bias, product, number);
                inputs[product.WeightOperand] = Round(weight, scale, Element(smallestWeights, number), Element(largestWeights, number), learns ? 1 : null);
            }

            if (biasOf.TryGetValue(value, out (int Product, int Operand) known))
            {
                QuantizedWeights product = sites.Products[known.Product];
                int vector = builder.Reshape(weightScales[known.Product], builder.TypeOf(inputs[known.Operand]).Shape);
                int scale = builder.Times(Grid(product.InputSite).Scale, vector);
                inputs[known.Operand] = Round(inputs[known.Operand], scale, builder.Constant(int.MinValue, DType.Float32), builder.Constant(int.MaxValue, DType.Float32), null);
            }
        }

        /// <summary>Scales of a product's own; lookups in one table share those of the first of them, as the integer model has the table once.</summary>
        private int LearnedWeightScale(int weight, QuantizedWeights product)
        {
            QuantizedWeights owner = product.Node.Op != "embedding" ? product
                : sites.Products.First(other => other.Node.Op == "embedding" && other.Node.Inputs[0] == product.Node.Inputs[0]);
            int offset = sites.Channels.Take(sites.Products.ToList().IndexOf(owner)).Sum();
            EquatableArray<Dim> shape = builder.TypeOf(weight).Shape;
            int scales = builder.Slice(learnedWeightScales, 0, offset, shape[product.ChannelAxis]);
            return builder.Reshape(scales, shape.Select((dim, axis) => axis == product.ChannelAxis ? dim : Dim.One).ToEquatableArray());
        }

        /// <summary>
        /// By what the gradient of an activation's scale is multiplied: one over the square root of the numbers that share it, in one sample, times the largest integer (section 2.2 of the
        /// paper); null where it has none. Those of weights are in <see cref="WeightRates"/>.
        /// </summary>
        private double? ScaleFactor(IEnumerable<Dim> numbers)
        {
            if (!learns)
            {
                return null;
            }

            Dim count = numbers.Aggregate(Dim.One, static (product, dim) => product * dim);
            return count.Constant is long known
                ? 1 / Math.Sqrt(known * 255.0)
                : throw new OpException($"QuantizationAware.LearnedStepSize needs sizes that are numbers, but for the batch: a value has {count} numbers a sample; write numbers in [Shape], or use QuantizationAware.StraightThrough");
        }

        /// <summary>The largest magnitude of a channel, or of all, becomes the largest integer, unless the bias would then not fit into 32 bits; 0 for a product that runs in float.</summary>
        private int WeightScale(int weight, int bias, QuantizedWeights product, int number)
        {
            int axis = product.ChannelAxis;
            EquatableArray<Dim> shape = builder.TypeOf(weight).Shape;
            long[] others = [.. Enumerable.Range(0, shape.Count).Where(other => other != axis).Select(static other => (long)other)];
            int largest = builder.Add("amax", [builder.Unary("abs", weight)], ("axes", others), ("keep", true));
            int scale = builder.Over(largest, Element(largestWeights, number));
            if (bias >= 0)
            {
                int needed = builder.Over(builder.Unary("abs", bias), builder.Times(Grid(product.InputSite).Scale, LargestBias));
                scale = builder.Add("maximum", [scale, builder.Reshape(needed, builder.TypeOf(scale).Shape)]);
            }

            long[] all = [.. Enumerable.Range(0, shape.Count).Select(static axis => (long)axis)];
            int ofAll = builder.Add("amax", [scale], ("axes", all), ("keep", true));
            scale = builder.Add("where", [IsPositive(Element(shared, number)), ofAll, scale]);
            int useless = builder.Add("lt", [scale, builder.Constant(SmallestScale, DType.Float32)]);
            scale = builder.Add("where", [useless, builder.Constant(1, DType.Float32), scale]);
            return builder.Add("where", [IsPositive(Element(largestWeights, number)), scale, builder.Constant(0, DType.Float32)]);
        }

        private int IsPositive(int x) => builder.Add("gt", [x, builder.Constant(0, DType.Float32)]);

        private (int Scale, int Low, int High) Grid(int site)
        {
            if (!gridOf.TryGetValue(site, out (int, int, int) grid))
            {
                gridOf.Add(site, grid = (Element(activationScales, site), Element(lowest, site), Element(highest, site)));
            }

            return grid;
        }

        private int Element(int buffer, int index) => builder.Reshape(builder.Slice(buffer, 0, index, 1), Array.Empty<Dim>());

        private int Round(int x, int scale, int low, int high, double? scaleFactor) => scaleFactor is double factor
            ? builder.Add("fake_quantize", [x, scale, low, high], ("scale_factor", factor))
            : builder.Add("fake_quantize", [x, scale, low, high]);
    }
}
