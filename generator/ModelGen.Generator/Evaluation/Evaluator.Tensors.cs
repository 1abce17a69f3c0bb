using Microsoft.CodeAnalysis;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Evaluation;

/// <content>Tensor functions, in-place operators, complex numbers.</content>
internal sealed partial class Evaluator
{
    /// <summary>Functions whose result may be a view of their first operand.</summary>
    private static readonly HashSet<string> Views = new(StringComparer.Ordinal)
    {
        "view", "reshape", "transpose", "permute", "squeeze", "unsqueeze", "flatten", "unflatten", "expand", "expand_as", "broadcast_to", "t", "narrow", "slice", "select", "chunk", "split",
        "tensor_split", "unbind", "contiguous", "detach", "alias", "unfold", "diagonal", "movedim", "moveaxis", "swapaxes", "swapdims", "swap_axes", "view_as", "to", "type_as", "to_type", "type",
        "dropout", "dropout1d", "dropout2d", "dropout3d", "cpu", "cuda", "MoveToOuterDisposeScope", "DetachFromDisposeScope", "MoveToOtherDisposeScope", "AlignTo", "float", "requires_grad_",
        "ravel", "adjoint", "resolve_conj", "resolve_neg", "long", "int", "bool", "double", "half", "bfloat16", "byte", "short", "to_dense", "mT", "mH", "real",
    };

    /// <summary>In-place methods that change how a tensor is read, not its memory.</summary>
    private static readonly HashSet<string> ShapeOnly = new(StringComparer.Ordinal) { "transpose_", "t_", "squeeze_", "unsqueeze_", "swapaxes_", "swapdims_", "detach_", "resize_" };

    private static readonly HashSet<string> HostReads = new(StringComparer.Ordinal)
    {
        "item", "ToSingle", "ToDouble", "ToHalf", "ToInt16", "ToInt32", "ToInt64", "ToByte", "ToSByte", "ToBoolean", "ToScalar", "data", "nonzero", "unique", "unique_consecutive", "masked_select", "allclose", "is_nonzero", "numpy", "ToArray", "print",
    };

    private static readonly HashSet<string> RandomFunctions = new(StringComparer.Ordinal)
    {
        "randn", "rand", "empty", "randint", "normal", "randn_like", "rand_like", "empty_like", "randint_like", "randperm", "bernoulli", "multinomial", "load", "from_file",
    };

    /// <summary>The prefix of TorchSharp functions in <see cref="TensorFunctions"/>; null for other types.</summary>
    private string? Prefix(INamedTypeSymbol? type)
    {
        string name = cache.NameOf(type);
        return name switch
        {
            "TorchSharp.torch" or "TorchSharp.torch.special" => "torch.",
            "TorchSharp.torch.nn.functional" => "F.",
            "TorchSharp.torch.Tensor" or "TorchSharp.TensorExtensionMethods" => "Tensor.",
            "TorchSharp.torch.linalg" or "TorchSharp.torch.fft" => name.Substring("TorchSharp.".Length) + ".",
            _ => null,
        };
    }

    private object? CallTorch(IMethodSymbol method, Dictionary<string, object?> arguments, SyntaxNode at)
    {
        string prefix = Prefix(method.ContainingType)!;
        string key = prefix + method.Name;
        if (prefix == "torch." && Ambient(method.Name, arguments, at, out object? ambient))
        {
            return ambient;
        }

        object? first = arguments.TryGetValue("this", out object? self) ? self : arguments.Values.FirstOrDefault();
        if (prefix == "Tensor." && key is "Tensor.Dispose" or "Tensor.DisposeLater" or "Tensor.retain_grad" or "Tensor.PinMemory" or "Tensor.pin_memory" or "Tensor.share_memory_" or "Tensor.rename_" or "Tensor.rename")
        {
            return first;
        }

        if (key == "Tensor.index" && first is SymTensor or SymComplex && arguments.Values.ElementAtOrDefault(1) is SymList positions)
        {
            return Index(first, [.. positions.Items], at);
        }

        if (key is "Tensor.index_put_" && first is SymTensor target && arguments.TryGetValue("value", out object? written) && arguments.TryGetValue("indices", out object? places) && places is SymList { Items: var where })
        {
            AssignSlice(target, [.. where], written, at);
            return target;
        }

        if (HostReads.Contains(method.Name))
        {
            if (first is SymTensor read && method.Name is "item" or "data" or "ToArray" or "ToSingle" or "ToDouble" or "ToInt16" or "ToInt32" or "ToInt64" or "ToScalar" or "ToBoolean" && KnownNumbers(read, at) is { } known)
            {
                return method.Name is "data" or "ToArray" ? known : known.Items.Count == 1 ? known.Items[0] : throw EvaluationException.Unsupported(at, $"'{method.Name}' needs a tensor of one element");
            }

            throw EvaluationException.DataDependent(at, $"'{method.Name}' reads a tensor's values back, and what follows would depend on them; they are known only when the model runs. Keep the calculation in tensors of fixed size");
        }

        foreach (string name in arguments.Keys.ToArray())
        {
            arguments[name] = Checked(name, arguments[name], at);
        }

        if (prefix == "torch." && arguments.Values.All(static value => value is double or Dim { Constant: not null }) && method.Name is "pow" or "sqrt" or "exp" or "log")
        {
            // torch.pow(64, -0.5) converts numbers to tensors of one element; such a tensor is as good as its number.
            object? number = CallMath(char.ToUpperInvariant(method.Name[0]) + method.Name.Substring(1), "System.MathF", [.. arguments.Values], at);
            return arguments.Values.All(static value => value is Dim) && method.Name == "pow" ? (Dim)(long)(double)number! : number;
        }

        if (constructing && (RandomFunctions.Contains(method.Name) || IsRandomInPlace(method.Name)))
        {
            return Random(method.Name, arguments, at);
        }

        if (method.Name is "empty" or "empty_like" or "new_empty")
        {
            // Whatever the memory held: zeros are as good as any.
            return Apply(key.Replace("empty", "zeros"), method.Name, arguments, at);
        }

        if (key is "torch.tensor" or "torch.as_tensor" or "torch.from_array" && !(arguments.TryGetValue("dtype", out object? type) && type is not null) && ElementType(method.Parameters[0].Type) is { } element)
        {
            arguments["dtype"] = new SymEnum("ScalarType", element, null);
        }

        return Complex(key, arguments, at, out object? complex) ? complex
            : method.Name.EndsWith("_", StringComparison.Ordinal) && !method.Name.EndsWith("__", StringComparison.Ordinal) ? InPlace(method.Name, prefix, arguments, at)
            : Apply(key, method.Name, arguments, at);
    }

    /// <summary>The elements of a tensor that is known during the build; null for others.</summary>
    private SymList? KnownNumbers(SymTensor tensor, SyntaxNode at)
    {
        Fresh(tensor, at);
        DType type = graph.TypeOf(tensor.Id).DType;
        return ConstantValues.Of(graph, tensor.Id) is { } numbers
            ? new SymList(numbers.Select(number => type.IsFloat() ? number : type == DType.Bool ? number != 0 : (object?)(Dim)(long)number))
            : null;
    }

    /// <summary>The element type of a tensor made from numbers of a C# type; null where the type does not tell.</summary>
    private static string? ElementType(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => ElementType(array.ElementType),
        INamedTypeSymbol { TypeArguments.Length: 1 } list => ElementType(list.TypeArguments[0]),
        { SpecialType: SpecialType.System_Boolean } => "Bool",
        { SpecialType: SpecialType.System_Byte } => "Byte",
        { SpecialType: SpecialType.System_SByte } => "Int8",
        { SpecialType: SpecialType.System_Int16 } => "Int16",
        { SpecialType: SpecialType.System_Int32 } => "Int32",
        { SpecialType: SpecialType.System_Int64 } => "Int64",
        { SpecialType: SpecialType.System_Single } => "Float32",
        { SpecialType: SpecialType.System_Double } => "Float64",
        _ => null,
    };

    /// <summary>Functions about the surroundings of a calculation, not about tensors.</summary>
    private bool Ambient(string name, Dictionary<string, object?> arguments, SyntaxNode at, out object? result)
    {
        result = new SymOpaque(name);
        switch (name)
        {
            case "NewDisposeScope":
                return true;
            case "manual_seed":
                return constructing ? true : throw EvaluationException.Unsupported(at, "a seed set in forward would make every call draw the same numbers, which the compiled model does not do; seed once, outside of the model");
            case "set_default_dtype":
                return arguments.Values.FirstOrDefault() is SymEnum { Member: "Float32" }
                    ? true
                    : throw EvaluationException.Unsupported(at, "a model is compiled for float32 weights; convert the finished model after it is made");
            case "device" or "get_default_device":
                result = SymOpaque.Device;
                return true;
            case "enable_grad":
                noGrad = 0;
                return true;
            case "no_grad" or "inference_mode":
                noGrad++;
                return true;
            case "set_grad_enabled":
                noGrad = arguments.Values.FirstOrDefault() is false ? noGrad + 1 : 0;
                return true;
            case "get_default_dtype":
                result = new SymEnum("ScalarType", "Float32", null);
                return true;
            case "finfo":
                result = Finfo(arguments.Values.FirstOrDefault() as SymEnum);
                return true;
            case "WrappedTensorDisposeScope":
                result = CallFunction((SymFunction)arguments.Values.First()!, [], at);
                return true;
            default:
                return false;
        }
    }

    private static SymDictionary Finfo(SymEnum? type)
    {
        var info = new SymDictionary();
        (double max, double tiny, double eps) = type?.Member == "Float64" ? (double.MaxValue, 2.2250738585072014e-308, Math.Pow(2, -52)) : (float.MaxValue, 1.1754943508222875e-38, Math.Pow(2, -23));
        info.Set("max", max);
        info.Set("min", -max);
        info.Set("eps", eps);
        info.Set("tiny", tiny);
        info.Set("smallest_normal", tiny);
        return info;
    }

    /// <summary>Refuses arguments that are out of date, and gives the training flag its value where the graph has one mode.</summary>
    private object? Checked(string name, object? value, SyntaxNode at)
    {
        Fresh(value, at);
        if (value is SymList list)
        {
            foreach (object? item in list.Items)
            {
                Fresh(item, at);
            }
        }

        return (value, mode) switch
        {
            (SymTraining, false) => false,
            (true, true) when name is "training" or "train" => new SymTraining(),
            _ => value,
        };
    }

    private object? Apply(string key, string what, Dictionary<string, object?> arguments, SyntaxNode at)
    {
        // A few in-place forms differ from the others by more than where they write.
        bool inPlace = arguments.TryGetValue("inplace", out object? flag) && flag is true;
        if (!(inPlace && TensorFunctions.TryGet(key + "_", out Func<CallArguments, object?> function)) && !TensorFunctions.TryGet(key, out function))
        {
            throw EvaluationException.Unsupported(at, $"'{what}' is not known to the compiler{Suggestion(what)}; docs/supported.md lists what is");
        }

        arguments.Remove("inplace");
        object? result = Guard(at, what, () => function(new CallArguments(graph, arguments)));
        SymTensor? source = (arguments.TryGetValue("this", out object? self) ? self : arguments.Values.FirstOrDefault()) as SymTensor;
        if (source is not null && inPlace && result is SymTensor changed)
        {
            return Overwrite(source, changed.Id, at, what);
        }

        if (source is not null && Views.Contains(what))
        {
            ShareMemory(result, source);
        }

        return StopGradients(result);
    }

    private object? TensorCall(string key, SyntaxNode at, params (string Name, object? Value)[] arguments) =>
        Apply(key, key.Substring(key.IndexOf('.') + 1), arguments.ToDictionary(static pair => pair.Name, static pair => pair.Value), at);

    private static object? ShareMemory(object? result, SymTensor source)
    {
        switch (result)
        {
            case SymTensor view when view != source:
                view.ViewOf(source);
                break;
            case SymList list:
                list.Items.ForEach(item => ShareMemory(item, source));
                break;
        }

        return result;
    }

    private static string Suggestion(string name)
    {
        string? near = TensorFunctions.Names.Select(static key => key.Substring(key.IndexOf('.') + 1)).Distinct()
            .Where(candidate => candidate.StartsWith(name, StringComparison.OrdinalIgnoreCase) || name.StartsWith(candidate, StringComparison.OrdinalIgnoreCase))
            .OrderBy(static candidate => candidate.Length).FirstOrDefault();
        return near is null || near == name ? "" : $" (did you mean '{near}'?)";
    }

    private static bool IsRandomInPlace(string name) => name is "normal_" or "uniform_" or "random_" or "bernoulli_" or "exponential_" or "cauchy_" or "log_normal_" or "geometric_" or "copy_" or "set_";

    /// <summary>Values that differ from run to run: the shape is enough while the model is made.</summary>
    private object? Random(string name, Dictionary<string, object?> arguments, SyntaxNode at)
    {
        object? first = arguments.Values.FirstOrDefault();
        if (first is SymTensor like)
        {
            if (name.EndsWith("_", StringComparison.Ordinal))
            {
                // Weights have values of their own at run time; another tensor is no constant any more.
                return like.Weight != WeightKind.None ? first : name == "copy_" ? InPlace(name, "Tensor.", arguments, at) : Overwrite(like, Opaque(graph.TypeOf(like.Id), at), at, name);
            }

            return new SymTensor(Opaque(graph.TypeOf(like.Id), at));
        }

        object? shape = arguments.TryGetValue("size", out object? size) ? size : arguments.TryGetValue("shape", out object? given) ? given : new SymList(arguments.Where(static pair => pair.Value is Dim && pair.Key is not ("low" or "high" or "max" or "start" or "end")).Select(static pair => pair.Value));
        Dim[] dims = shape switch
        {
            SymList list when list.Items.All(static item => item is Dim) => [.. list.Items.Cast<Dim>()],
            Dim one => [one],
            _ => throw EvaluationException.Unsupported(at, $"the shape of '{name}' is not known during the build"),
        };
        DType type = arguments.TryGetValue("dtype", out object? dtype) && dtype is SymEnum { Member: string member }
            ? Enum.TryParse(member, out DType known) ? known : throw EvaluationException.Unsupported(at, $"tensors of type {member} are not supported; the compiler knows Float32, Float64, Int32, Int64 and Bool")
            : name is "randint" or "randperm" ? DType.Int64 : DType.Float32;
        return new SymTensor(Opaque(new TensorType(type, dims), at));
    }

    private object? InPlace(string name, string prefix, Dictionary<string, object?> arguments, SyntaxNode at)
    {
        object? target = arguments.TryGetValue("this", out object? self) ? self : arguments.Values.FirstOrDefault();
        if (target is not SymTensor tensor)
        {
            throw EvaluationException.Unsupported(at, $"'{name}' on {DescribeValue(target)} is not supported");
        }

        if (name == "requires_grad_")
        {
            tensor.RequiresGrad = !arguments.Any(static pair => pair.Value is false);
            return tensor;
        }

        string plain = name.Substring(0, name.Length - 1);
        if (name is "zero_" or "fill_" or "copy_")
        {
            int id = Guard(at, name, () => Filled(name, tensor, arguments));
            return Overwrite(tensor, id, at, name);
        }

        string key = TensorFunctions.TryGet("Tensor." + name, out _) ? "Tensor." + name : TensorFunctions.TryGet(prefix + plain, out _) ? prefix + plain : "Tensor." + plain;
        if (constructing && (tensor.Weight != WeightKind.None || !TensorFunctions.TryGet(key, out _)))
        {
            // What happens to weights while the model is made shows in their values at run time, not in the graph.
            return tensor.Weight != WeightKind.None ? tensor : Overwrite(tensor, Opaque(graph.TypeOf(tensor.Id), at), at, name);
        }

        if (Apply(key, plain, arguments, at) is not SymTensor result)
        {
            throw EvaluationException.Unsupported(at, $"'{name}' is not supported; write {plain} and assign its result");
        }

        if (ShapeOnly.Contains(name))
        {
            tensor.Id = result.Id;
            return tensor;
        }

        return Overwrite(tensor, result.Id, at, name);
    }

    private int Filled(string name, SymTensor tensor, Dictionary<string, object?> arguments)
    {
        TensorType type = graph.TypeOf(tensor.Id);
        object? value = name == "zero_" ? 0.0 : arguments.Where(static pair => pair.Key != "this").Select(static pair => pair.Value).FirstOrDefault();
        return Broadcast(value, type);
    }

    /// <summary>A number or tensor in the shape and type of a region that it overwrites.</summary>
    private int Broadcast(object? value, TensorType type)
    {
        int id = value switch
        {
            SymTensor tensor => graph.Cast(tensor.Id, type.DType),
            Dim { Constant: long whole } => graph.Constant(whole, type.DType),
            double number => graph.Constant(number, type.DType),
            bool flag => graph.Constant(flag ? 1 : 0, type.DType),
            _ => throw new UnsupportedException($"{DescribeValue(value)} cannot be written into a tensor"),
        };
        return graph.TypeOf(id).Shape.Equals(type.Shape) ? id : graph.Add("expand", [id], ("shape", type.Shape));
    }

    /// <summary>Gives a tensor another value in place: tensors that share its memory follow when they are the same view, and are out of date otherwise.</summary>
    private SymTensor Overwrite(SymTensor tensor, int value, SyntaxNode at, string what)
    {
        Fresh(tensor, at);
        if (!constructing && tensor.Storage.Owner is string owner)
        {
            throw EvaluationException.Unsupported(at, $"'{what}' changes {owner} in place, which the caller would see; use the form that returns a new tensor");
        }

        TensorType type = graph.TypeOf(tensor.Id);
        TensorType result = graph.TypeOf(value);
        if (!result.Shape.Equals(type.Shape))
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.ShapeMismatch, at, $"{what}: the result {result.ShapeText()} does not fit into the tensor {type.ShapeText()} that it is written to"));
        }

        value = Guard(at, what, () => graph.Cast(value, type.DType));
        int before = tensor.Id;
        foreach (SymTensor other in tensor.Storage.Members)
        {
            if (other.Id == before)
            {
                other.Id = value;
            }
            else if (other.Stale is null)
            {
                other.Stale = $"this tensor may share memory with one that '{cache.Text(at)}' changed in place, so its value is not certain; use the form that returns a new tensor there, or clone() before";
            }
        }

        return tensor;
    }

    /// <summary>Complex tensors are pairs of real ones: rotary embeddings and the like.</summary>
    private bool Complex(string key, Dictionary<string, object?> arguments, SyntaxNode at, out object? result)
    {
        object? first = arguments.Values.FirstOrDefault();
        string name = key.Substring(key.IndexOf('.') + 1);
        result = null;
        switch (name)
        {
            case "view_as_complex" when first is SymTensor tensor:
                TensorType type = graph.TypeOf(tensor.Id);
                if (type.Rank == 0 || type.Shape[type.Rank - 1].Constant != 2)
                {
                    throw new EvaluationException(DiagnosticInfo.At(Descriptors.ShapeMismatch, at, $"view_as_complex needs a last dimension of size 2, got {type.ShapeText()}"));
                }

                result = Guard(at, name, () => new SymComplex(Part(tensor.Id, 0), Part(tensor.Id, 1)));
                return true;
            case "view_as_real" when first is SymComplex complex:
                result = TensorCall("torch.stack", at, ("tensors", new SymList([complex.Real, complex.Imaginary])), ("dim", (Dim)(-1)));
                return true;
            case "polar" when arguments.Values.ElementAtOrDefault(1) is SymTensor angle && first is SymTensor magnitude:
                result = Guard(at, name, () => new SymComplex(
                    new SymTensor(graph.Times(magnitude.Id, graph.Unary("cos", angle.Id))), new SymTensor(graph.Times(magnitude.Id, graph.Unary("sin", angle.Id)))));
                return true;
            case "complex" when arguments.Values.ElementAtOrDefault(1) is SymTensor imaginary && first is SymTensor real:
                result = new SymComplex(real, imaginary);
                return true;
            case "fft.rfft" when first is SymTensor signal:
                result = Guard(at, name, () => Spectrum(signal, arguments));
                return true;
            case "fft.irfft" when first is SymComplex spectrum:
                result = Guard(at, name, () => Signal(spectrum, arguments));
                return true;
            case "abs" or "absolute" when first is SymComplex polar:
                result = Guard(at, name, () => new SymTensor(graph.Add("complex_abs", [polar.Real.Id, polar.Imaginary.Id])));
                return true;
            case "conj" when first is SymComplex conjugated:
                result = Guard(at, name, () => new SymComplex(conjugated.Real, new SymTensor(graph.Unary("neg", conjugated.Imaginary.Id))));
                return true;
            case "mul" when first is SymComplex || arguments.Values.Any(static value => value is SymComplex):
                result = ComplexTimes(first, arguments.Values.ElementAtOrDefault(1), at);
                return true;
        }

        if (first is not SymComplex parts)
        {
            return false;
        }

        if (!Views.Contains(name) && name is not ("size" or "dim" or "numel" or "repeat" or "repeat_interleave" or "index_select" or "cat" or "clone" or "contiguous"))
        {
            throw EvaluationException.Unsupported(at, $"'{name}' on complex tensors is not supported; the compiler knows view_as_complex, products, views and view_as_real");
        }

        object? Half(SymTensor half) => Apply(key, name, arguments.ToDictionary(static pair => pair.Key, pair => ReferenceEquals(pair.Value, parts) ? half : pair.Value), at);
        object? a = Half(parts.Real);
        result = a is SymTensor left && Half(parts.Imaginary) is SymTensor right ? new SymComplex(left, right) : a;
        return true;
    }

    private SymComplex Spectrum(SymTensor signal, Dictionary<string, object?> arguments)
    {
        TensorType type = graph.TypeOf(signal.Id);
        int axis = Transformed(type, arguments);
        if (arguments.TryGetValue("n", out object? n) && n is Dim length && length.Constant != -1 && !length.Equals(type.Shape[axis]))
        {
            throw new UnsupportedException($"rfft of {length} of {type.Shape[axis]} elements is not known; narrow or pad the signal first");
        }

        int parts = graph.Add("rfft", [signal.Id], ("axis", (long)axis));
        return new SymComplex(Part(parts, 0), Part(parts, 1));
    }

    private SymTensor Signal(SymComplex spectrum, Dictionary<string, object?> arguments)
    {
        TensorType type = graph.TypeOf(spectrum.Real.Id);
        int axis = Transformed(type, arguments);
        Dim length = arguments.TryGetValue("n", out object? n) && n is Dim given && given.Constant != -1 ? given : (type.Shape[axis] - 1) * 2;
        Dim[] single = [.. type.Shape, Dim.One];
        int parts = graph.Add("cat", [graph.Reshape(spectrum.Real.Id, single), graph.Reshape(spectrum.Imaginary.Id, single)], ("axis", (long)type.Rank));
        return new SymTensor(graph.Add("irfft", [parts], ("axis", (long)axis), ("length", new[] { length })));
    }

    /// <summary>The dimension of a Fourier transform.</summary>
    private static int Transformed(TensorType type, Dictionary<string, object?> arguments)
    {
        if (arguments.TryGetValue("norm", out object? norm) && norm is SymEnum { Member: not "Backward" } other)
        {
            throw new UnsupportedException($"the Fourier transform is known with the norm Backward, not {other.Member}; multiply by a factor");
        }

        long axis = arguments.TryGetValue("dim", out object? dim) && dim is Dim { Constant: long chosen } ? chosen : -1;
        return (int)OpContext.Axis("the Fourier transform", axis, type.Rank);
    }

    private SymTensor Part(int tensor, long index)
    {
        TensorType type = graph.TypeOf(tensor);
        return new SymTensor(graph.Reshape(graph.Slice(tensor, type.Rank - 1, index, 1), type.Shape.Take(type.Rank - 1).ToEquatableArray()));
    }

    private SymComplex ComplexTimes(object? left, object? right, SyntaxNode at)
    {
        SymTensor Product(object? a, object? b) => TensorFunctions.Binary(graph, "mul", a, b);
        return Guard(at, "complex product", () => (left, right) switch
        {
            (SymComplex a, SymComplex b) => new SymComplex(
                TensorFunctions.Binary(graph, "sub", Product(a.Real, b.Real), Product(a.Imaginary, b.Imaginary)),
                TensorFunctions.Binary(graph, "add", Product(a.Real, b.Imaginary), Product(a.Imaginary, b.Real))),
            (SymComplex a, _) => new SymComplex(Product(a.Real, right), Product(a.Imaginary, right)),
            (_, SymComplex b) => new SymComplex(Product(left, b.Real), Product(left, b.Imaginary)),
            _ => throw new UnsupportedException("neither operand is complex"),
        });
    }
}
