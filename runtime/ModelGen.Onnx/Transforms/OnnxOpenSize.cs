using System.Globalization;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>
/// Makes a model with one open size (mostly the batch) out of two static ones. Where the two differ, the size is at work: sizes of values become <c>N</c> or a multiple of it,
/// shapes that a node reads are computed from the input's, constants that are repeated along the size are expanded. What depends on the size in any other way is refused.
/// </summary>
public static class OnnxOpenSize
{
    /// <summary>Joins two exports of the same model.</summary>
    /// <param name="first">The model for the size <paramref name="firstSize"/>.</param>
    /// <param name="firstSize">A size, best a prime that no other size of the model is a multiple of.</param>
    /// <param name="second">The model for the size <paramref name="secondSize"/>.</param>
    /// <param name="secondSize">Another such size.</param>
    /// <param name="symbol">Name of the open size.</param>
    /// <returns>A model for any size.</returns>
    /// <exception cref="NotSupportedException">Something depends on the size in a way that a graph cannot follow; the message names it.</exception>
    public static OnnxModel Join(OnnxModel first, long firstSize, OnnxModel second, long secondSize, string symbol)
    {
        var joiner = new Joiner(first.Proto.Clone(), firstSize, second.Proto, secondSize, symbol);
        var result = new OnnxModel(joiner.Run());
        result.Validate(result.Proto.Graph.Name);
        return result;
    }

    private sealed class Joiner(ModelProto model, long firstSize, ModelProto second, long secondSize, string symbol)
    {
        private readonly GraphProto graph = model.Graph;
        private readonly Dictionary<string, TensorProto> firstConstants = model.Graph.Initializer.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        private readonly Dictionary<string, TensorProto> secondConstants = second.Graph.Initializer.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        private readonly List<NodeProto> prologue = [];
        private readonly Dictionary<string, string> computed = new(StringComparer.Ordinal);
        private readonly HashSet<string> names =
            [.. model.Graph.Node.SelectMany(static node => node.Output.Append(node.Name)), .. model.Graph.Initializer.Select(static tensor => tensor.Name), .. model.Graph.Input.Select(static input => input.Name)];

        private string? size;

        public ModelProto Run()
        {
            if (graph.Node.Count != second.Graph.Node.Count)
            {
                throw Refuse($"the graph has {graph.Node.Count} nodes for one size and {second.Graph.Node.Count} for another");
            }

            Shapes(graph.Input, second.Graph.Input);
            Shapes(graph.Output, second.Graph.Output);
            Shapes(graph.ValueInfo, second.Graph.ValueInfo);
            for (int i = 0; i < graph.Node.Count; i++)
            {
                Join(graph.Node[i], second.Graph.Node[i]);
            }

            HashSet<string> read = [.. graph.Node.Concat(prologue).SelectMany(static node => node.Input)];
            TensorProto[] kept = [.. graph.Initializer.Where(tensor => read.Contains(tensor.Name))];
            graph.Initializer.Clear();
            graph.Initializer.AddRange(kept);
            for (int i = prologue.Count - 1; i >= 0; i--)
            {
                graph.Node.Insert(0, prologue[i]);
            }

            return model;
        }

        private void Join(NodeProto node, NodeProto other)
        {
            if (node.OpType != other.OpType || !node.Output.SequenceEqual(other.Output) || node.Input.Count != other.Input.Count)
            {
                throw Refuse($"the node '{node.Name}' ({node.OpType}) is '{other.Name}' ({other.OpType}) for another size");
            }

            if (!node.Attribute.Equals(other.Attribute))
            {
                throw Refuse($"an attribute of the node '{node.Name}' ({node.OpType}) depends on it");
            }

            for (int i = 0; i < node.Input.Count; i++)
            {
                (TensorProto? a, TensorProto? b) = (firstConstants.GetValueOrDefault(node.Input[i]), secondConstants.GetValueOrDefault(other.Input[i]));
                if (a is null && b is null && node.Input[i] == other.Input[i])
                {
                    continue;
                }

                if (a is null || b is null || a.DataType != b.DataType)
                {
                    throw Refuse($"operand {i} of the node '{node.Name}' ({node.OpType}) is '{node.Input[i]}' for one size and '{other.Input[i]}' for another");
                }

                if (!a.Dims.Equals(b.Dims) || !TensorBytes.Raw(a).RawData.Equals(TensorBytes.Raw(b).RawData))
                {
                    node.Input[i] = a.DataType == (int)OnnxType.Int64 && a.Dims.Count <= 1 && a.Dims.Equals(b.Dims) ? Vector(node, i, TensorBytes.Longs(a), TensorBytes.Longs(b), a.Dims.Count) : Expanded(node, a, b);
                }
            }
        }

        /// <summary>An int64 vector in which some numbers are multiples of the size.</summary>
        private string Vector(NodeProto node, int operand, long[] a, long[] b, int rank)
        {
            long[] factors = [.. a.Select((value, index) => value == b[index] ? 0 : Factor(value, b[index]) ?? throw Refuse($"operand {operand} of the node '{node.Name}' ({node.OpType}) holds {value} for the size {firstSize} and {b[index]} for {secondSize}"))];
            if (node.OpType == "Reshape" && operand == 1 && factors.Count(static factor => factor != 0) == 1 && !a.Contains(-1))
            {
                return Constant([.. a.Select((value, index) => factors[index] != 0 ? -1 : value)]);
            }

            return Computed(factors, a, rank);
        }

        /// <summary>A shape or number that is computed from the input's size.</summary>
        private string Computed(long[] factors, long[] constants, int rank)
        {
            string key = $"{rank}:{string.Join(",", factors.Select((factor, index) => factor != 0 ? symbol + "*" + Text(factor) : Text(constants[index])))}";
            if (computed.TryGetValue(key, out string? known))
            {
                return known;
            }

            size ??= Size();
            string[] parts = [.. factors.Select((factor, index) => factor == 0 ? Constant([constants[index]]) : factor == 1 ? size : Add("Mul", symbol + "_times_" + Text(factor), [1], [size, Constant([factor])]))];
            string result = rank == 0 ? Add("Squeeze", symbol + "_number", [], [parts[0]])
                : parts.Length == 1 ? parts[0]
                : Add("Concat", symbol + "_shape", [parts.Length], parts, OnnxAttribute.Int("axis", 0));
            return computed[key] = result;
        }

        /// <summary>A constant that is the same along each dimension of the open size.</summary>
        private string Expanded(NodeProto node, TensorProto a, TensorProto b)
        {
            NotSupportedException refusal = Refuse($"the values of '{a.Name}', which the node '{node.Name}' ({node.OpType}) reads, depend on it");
            if (a.Dims.Count != b.Dims.Count || TensorBytes.Bits(a.DataType) is not (>= 8 and int bits))
            {
                throw refusal;
            }

            long[] factors = [.. a.Dims.Select((value, index) => value == b.Dims[index] ? 0 : Factor(value, b.Dims[index]) ?? throw refusal)];
            if (Slice(a, factors, bits / 8) is not byte[] one || Slice(b, factors, bits / 8) is not byte[] same || !one.AsSpan().SequenceEqual(same))
            {
                throw refusal;
            }

            string key = "expanded:" + a.Name;
            if (computed.TryGetValue(key, out string? known))
            {
                return known;
            }

            string name = Fresh(a.Name + "_once");
            graph.Initializer.Add(new TensorProto
            {
                Name = name,
                Dims = { a.Dims.Select((value, index) => factors[index] != 0 ? 1 : value) },
                DataType = a.DataType,
                RawData = Google.Protobuf.ByteString.CopyFrom(one),
            });
            string shape = Computed(factors, [.. a.Dims], 1);
            return computed[key] = Add("Expand", a.Name + "_expanded", null, [name, shape]);
        }

        /// <summary>The values along the other dimensions; null when they differ along those of the open size.</summary>
        private static byte[]? Slice(TensorProto tensor, long[] factors, int width)
        {
            ReadOnlySpan<byte> bytes = TensorBytes.Raw(tensor).RawData.Span;
            long[] dims = [.. tensor.Dims];
            long count = TensorBytes.Count(tensor);
            long kept = dims.Where((_, axis) => factors[axis] == 0).Aggregate(1L, static (product, value) => product * value);
            var result = new byte[kept * width];
            var seen = new bool[kept];
            for (long i = 0; i < count; i++)
            {
                long rest = i;
                long target = 0;
                long stride = 1;
                for (int axis = dims.Length - 1; axis >= 0; axis--)
                {
                    if (factors[axis] == 0)
                    {
                        target += rest % dims[axis] * stride;
                        stride *= dims[axis];
                    }

                    rest /= dims[axis];
                }

                ReadOnlySpan<byte> value = bytes.Slice((int)(i * width), width);
                Span<byte> place = result.AsSpan((int)(target * width), width);
                if (seen[target] && !place.SequenceEqual(value))
                {
                    return null;
                }

                value.CopyTo(place);
                seen[target] = true;
            }

            return result;
        }

        /// <summary>The open size as a vector of one number, from the input that has it undivided.</summary>
        private string Size()
        {
            foreach (ValueInfoProto input in graph.Input)
            {
                for (int axis = 0; axis < input.Type.TensorType.Shape.Dim.Count; axis++)
                {
                    if (input.Type.TensorType.Shape.Dim[axis].DimParam == symbol)
                    {
                        return Add("Shape", symbol, [1], [input.Name], OnnxAttribute.Int("start", axis), OnnxAttribute.Int("end", axis + 1));
                    }
                }
            }

            throw Refuse("no input has it as a size of its own");
        }

        private void Shapes(IEnumerable<ValueInfoProto> values, IEnumerable<ValueInfoProto> others)
        {
            Dictionary<string, ValueInfoProto> known = others.ToDictionary(static value => value.Name, StringComparer.Ordinal);
            foreach (ValueInfoProto value in values)
            {
                if (!known.TryGetValue(value.Name, out ValueInfoProto? other) || other.Type.TensorType.Shape.Dim.Count != value.Type.TensorType.Shape.Dim.Count)
                {
                    throw Refuse($"the rank of '{value.Name}' depends on it");
                }

                for (int axis = 0; axis < value.Type.TensorType.Shape.Dim.Count; axis++)
                {
                    TensorShapeProto.Types.Dimension dim = value.Type.TensorType.Shape.Dim[axis];
                    long there = other.Type.TensorType.Shape.Dim[axis].DimValue;
                    if (dim.DimValue != there)
                    {
                        long factor = Factor(dim.DimValue, there) ?? throw Refuse($"dimension {axis} of '{value.Name}' is {dim.DimValue} for the size {firstSize} and {there} for {secondSize}");
                        dim.DimParam = factor == 1 ? symbol : $"{Text(factor)}*{symbol}";
                    }
                }
            }
        }

        private long? Factor(long a, long b) => a % firstSize == 0 && b % secondSize == 0 && a / firstSize == b / secondSize ? a / firstSize : null;

        private string Constant(long[] values)
        {
            string key = "constant:" + string.Join(",", values.Select(Text));
            if (computed.TryGetValue(key, out string? known))
            {
                return known;
            }

            string name = Fresh($"i64[{string.Join(",", values.Select(Text))}]");
            graph.Initializer.Add(TensorBytes.Tensor<long>(name, [values.Length], values));
            return computed[key] = name;
        }

        private string Add(string op, string name, long[]? shape, string[] inputs, params OnnxAttribute[] attributes)
        {
            string output = Fresh(name);
            prologue.Add(new NodeProto { OpType = op, Name = Fresh($"/{symbol}/{op}"), Input = { inputs }, Output = { output }, Attribute = { attributes.Select(static attribute => attribute.Proto) } });
            if (shape is not null)
            {
                graph.ValueInfo.Add(new ValueInfoProto
                {
                    Name = output,
                    Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)OnnxType.Int64, Shape = new TensorShapeProto { Dim = { shape.Select(static value => new TensorShapeProto.Types.Dimension { DimValue = value }) } } } },
                });
            }

            return output;
        }

        private string Fresh(string wanted)
        {
            string name = wanted;
            for (int i = 1; !names.Add(name); i++)
            {
                name = $"{wanted}_{Text(i)}";
            }

            return name;
        }

        private NotSupportedException Refuse(string reason) => new($"The size '{symbol}' cannot stay open in {graph.Name}: {reason}. Export static sizes instead (OnnxExportOptions.BatchSize).");

        private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
