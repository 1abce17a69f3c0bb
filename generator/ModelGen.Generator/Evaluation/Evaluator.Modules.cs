using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>TorchSharp's modules: creation, registration, calls.</content>
internal sealed partial class Evaluator
{
    private readonly Dictionary<object, string> modulePaths = [];
    private readonly Dictionary<SymTensor, string> weightPaths = [];
    private readonly List<string> otherNames = [];

    /// <summary>State-dict keys that name a tensor a second time, or one that the generated code computes itself.</summary>
    public IEnumerable<string> OtherNames => otherNames;

    /// <summary>Declares the weights of a finished model in the order of its state dict, and marks the model as unchangeable.</summary>
    /// <returns>Whether the constructor leaves registration to a parent, so that the generated code has to ask for it.</returns>
    public bool Adopt(SymObject root, SyntaxNode at)
    {
        bool unregistered = root is { Module: { Registered: false, Children.Count: 0, Parameters.Count: 0, Buffers.Count: 0 }, Items: null };
        if (unregistered)
        {
            RegisterComponents(root, at);
        }

        Number(root, "", at);
        Freeze(root, [], at);
        foreach (KeyValuePair<SymTensor, string> pair in weightPaths)
        {
            pair.Key.Storage.Owner = $"the model's '{pair.Value}'";
        }

        return unregistered;
    }

    private bool IsTorchModule(INamedTypeSymbol type) => IsTorchModule(type, cache);

    /// <summary>Whether a class derives from TorchSharp's module class.</summary>
    public static bool IsTorchModule(INamedTypeSymbol type, OperationCache cache)
    {
        for (INamedTypeSymbol? current = type.BaseType; current is not null; current = current.BaseType)
        {
            if (IsModuleBase(cache.NameOf(current)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives modules and weights their state-dict paths; the first path of a shared one counts.</summary>
    private void Number(object? module, string path, SyntaxNode at)
    {
        CheckStack(at);
        string prefix = path.Length == 0 ? "" : path + ".";
        bool first = module is not null && !modulePaths.ContainsKey(module);
        if (first)
        {
            modulePaths.Add(module!, path);
        }

        switch (module)
        {
            case SymModule layer:
                foreach (KeyValuePair<string, SymTensor?> pair in layer.Tensors)
                {
                    DeclareWeight(pair.Value, prefix + pair.Key);
                }

                break;
            case SymTensor tensor:
                DeclareWeight(tensor, path);
                break;
            case SymContainer container:
                foreach (KeyValuePair<string, object?> pair in container.RegisteredItems)
                {
                    Number(pair.Value, prefix + pair.Key, at);
                }

                break;
            case SymObject { Module: { } state }:
                state.Parameters.ForEach(pair => DeclareWeight(pair.Value, prefix + pair.Key));
                foreach (KeyValuePair<string, object> pair in state.Buffers)
                {
                    if (pair.Value is SymTensor buffer)
                    {
                        DeclareWeight(buffer, prefix + pair.Key);
                    }
                    else
                    {
                        otherNames.Add(prefix + pair.Key);
                    }
                }

                foreach (KeyValuePair<string, object?> child in Children(module))
                {
                    Number(child.Value, prefix + child.Key, at);
                }

                break;
        }
    }

    private void DeclareWeight(SymTensor? tensor, string path)
    {
        if (tensor is null)
        {
            return;
        }

        if (weightPaths.ContainsKey(tensor))
        {
            otherNames.Add(path);
            return;
        }

        weightPaths.Add(tensor, path);
        tensor.Id = graph.AddValue(path, graph.TypeOf(tensor.Id), tensor is { Weight: WeightKind.Parameter, RequiresGrad: true } ? ValueKind.Parameter : ValueKind.Buffer);
    }

    /// <summary>A layer, container or parameter, by the name of its factory in <c>torch.nn</c> or its class.</summary>
    private object? CreateModule(string name, IMethodSymbol factory, object?[] arguments, SyntaxNode at)
    {
        if (!constructing && name != "Parameter")
        {
            throw EvaluationException.Unsupported(at, $"'{name}' is made in forward, with new parameters at every call; make layers in the constructor");
        }

        switch (name)
        {
            case "Sequential" or "ModuleList" or "ModuleDict" or "ParameterList" or "ParameterDict":
                var container = new SymContainer(name);
                foreach (object? item in arguments.SelectMany(argument => argument is SymList or SymDictionary ? Elements(argument, at) : argument is null ? [] : [argument]))
                {
                    Append(container, item, null, at);
                }

                return container;
            case "Parameter":
                return arguments[0] is SymTensor data
                    ? new SymTensor(constructing ? Opaque(graph.TypeOf(data.Id), at) : data.Id) { Weight = WeightKind.Parameter, RequiresGrad = arguments.Length < 2 || arguments[1] is not false }
                    : throw EvaluationException.Unsupported(at, "the initial value of a parameter must be a tensor whose shape is known during the build");
        }

        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (int i = 0; i < factory.Parameters.Length; i++)
        {
            values[factory.Parameters[i].Name] = arguments[i];
        }

        if (ModuleRegistry.Find(name) is not { } definition)
        {
            return new SymUnknownModule(name);
        }

        var module = new SymModule(definition, new Arguments(values));
        if (values.TryGetValue("dtype", out object? dtype) && dtype is SymEnum { Member: not "Float32" } other)
        {
            throw EvaluationException.Unsupported(at, $"layers of type {other.Member} are not supported: weights are float32 during the build; convert the finished model with .to(...)");
        }

        foreach (ModuleTensor tensor in Guard(at, name, () => definition.Tensors(module.Settings).ToArray()))
        {
            module.Tensors[tensor.Name] = new SymTensor(Opaque(tensor.Type, at)) { Weight = tensor.Kind == ValueKind.Parameter ? WeightKind.Parameter : WeightKind.Buffer };
        }

        // Layers made over existing parameters (`Linear(weight, bias)`) share them.
        foreach (KeyValuePair<string, object?> pair in values)
        {
            if (pair.Value is SymTensor given && module.Tensors.ContainsKey(pair.Key))
            {
                module.Tensors[pair.Key] = given;
            }
        }

        return module;
    }

    /// <summary>A tensor whose values exist only at run time.</summary>
    private int Opaque(TensorType type, SyntaxNode at) => Guard(at, "tensor", () => graph.Add("opaque", [], ("shape", type.Shape), ("dtype", type.DType)));

    /// <summary>Adds an item to a container, as its constructor, <c>Add</c> and <c>append</c> do.</summary>
    private void Append(SymContainer container, object? item, string? name, SyntaxNode at)
    {
        if (container.Frozen)
        {
            throw EvaluationException.Unsupported(at, StateWrite);
        }

        if (item is SymList { Items: [string key, var named] })
        {
            (name, item) = (key, named);
        }

        container.Add(name ?? Invariant.Text(container.Items.Count), item);
    }

    /// <summary><c>RegisterComponents</c> as TorchSharp 0.107 runs it: fields of the class, then of its bases, whatever their access.</summary>
    private void RegisterComponents(object? module, SyntaxNode at)
    {
        CheckStack(at);
        switch (module)
        {
            case SymContainer { Registered: false } container:
                container.Registered = true;
                if (!container.RegistersAtOnce)
                {
                    foreach (KeyValuePair<string, object?> pair in container.Items)
                    {
                        container.RegisteredItems.Add(pair);
                        RegisterComponents(pair.Value, at);
                    }
                }

                break;
            case SymObject { Module: { Registered: false } } instance when Override(instance, "RegisterComponents", 0) is { } own:
                Invoke(new SymFunction(own, instance, null, null), [], at);
                break;
            case SymObject { Module: { Registered: false } state } instance:
                RegisterFields(instance, state, at);
                break;
        }
    }

    private void RegisterFields(SymObject instance, ModuleState state, SyntaxNode at)
    {
        // Sequential's own RegisterComponents registers nothing, and a class derived from it inherits that.
        for (INamedTypeSymbol? type = instance.Items is null ? instance.Type : null; type is { DeclaringSyntaxReferences.Length: > 0 }; type = type.BaseType)
        {
            foreach (IFieldSymbol field in type.OriginalDefinition.GetMembers().OfType<IFieldSymbol>().Where(static field => !field.IsStatic))
            {
                string name = ComponentName(field);
                if (state.Has(name))
                {
                    continue;
                }

                ISymbol key = field.AssociatedSymbol ?? field;
                if (instance.Fields.TryGetValue(key, out object? value))
                {
                    Register(instance, name, value, at);
                }
            }
        }

        state.Registered = true;
    }

    private static string ComponentName(IFieldSymbol field) =>
        field.GetAttributes().FirstOrDefault(static attribute => attribute.AttributeClass?.Name == "ComponentNameAttribute")?.NamedArguments.FirstOrDefault(static argument => argument.Key == "Name").Value.Value as string ?? field.Name;

    private void Register(SymObject instance, string name, object? value, SyntaxNode at)
    {
        ModuleState state = instance.Module!;
        switch (value)
        {
            case SymTensor { Weight: WeightKind.Parameter } parameter:
                state.Parameters.Add(new(name, parameter));
                break;
            case SymTensor or SymComplex:
                RegisterBuffer(state, name, value);
                break;
            case SymModule or SymUnknownModule or SymContainer or SymObject { Module: not null }:
                RegisterComponents(value, at);
                state.Children.RemoveAll(pair => pair.Key == name);
                state.Children.Add(new(name, value));
                break;
        }
    }

    private static void RegisterBuffer(ModuleState state, string name, object value)
    {
        if (value is SymTensor { Weight: WeightKind.None } plain)
        {
            plain.Weight = WeightKind.Buffer;
        }

        state.Buffers.Add(new(name, value));
    }

    /// <summary>The most derived source of a method of TorchSharp's module class.</summary>
    private IMethodSymbol? Override(SymObject instance, string name, int parameters)
    {
        if (instance.Module is not null)
        {
            return OverrideOfLibrary(instance, name, parameters);
        }

        for (INamedTypeSymbol? type = instance.Type; type is { DeclaringSyntaxReferences.Length: > 0 }; type = type.BaseType)
        {
            if (type.GetMembers(name).OfType<IMethodSymbol>().FirstOrDefault(method => !method.IsStatic && !method.IsAbstract && method.Parameters.Length == parameters) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private IMethodSymbol ForwardOf(SymObject model, SyntaxNode at) =>
        model.Type.GetMembers("Forward").OfType<IMethodSymbol>().FirstOrDefault()
        ?? throw EvaluationException.Unsupported(at, $"'{model.Type.Name}' has no Forward method");

    private static EvaluationException Unknown(SymUnknownModule module, SyntaxNode at) => EvaluationException.Unsupported(
        at,
        $"the layer {module.Name} is not known to the compiler; write the calculation with the layers and functions listed in docs/supported.md, or keep this class eager");

    /// <summary>Calls a module: a layer of TorchSharp, a container, or a class of the user.</summary>
    private object? CallModule(object? module, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at)
    {
        CheckStack(at);
        switch (module)
        {
            case SymUnknownModule unknown:
                throw Unknown(unknown, at);
            case SymModule layer:
                return CallLayer(layer, arguments, at);
            case SymContainer { Kind: "Sequential" } sequence:
                object? value = arguments[0].Value;
                IReadOnlyList<KeyValuePair<string, object?>> passed = arguments;
                foreach (KeyValuePair<string, object?> item in sequence.Items)
                {
                    value = CallModule(item.Value, passed, at);
                    passed = [new("input", value)];
                }

                return value;
            case SymObject instance when Override(instance, "forward", arguments.Count) is { } forward:
                return Invoke(new SymFunction(forward, instance, null, null), [.. arguments.Select(static argument => argument.Value)], at);
            case SymObject { Items: { } items }:
                return CallModule(items, arguments, at);
            case SymObject instance when LayerMembers.IsModel(instance.Type):
                return Invoke(new SymFunction(ForwardOf(instance, at), instance, null, null), [.. arguments.Select(static argument => argument.Value)], at);
            default:
                throw EvaluationException.Unsupported(at, $"{DescribeValue(module)} cannot be called as a layer here");
        }
    }

    private object? CallLayer(SymModule layer, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at)
    {
        foreach (SymTensor? tensor in layer.Tensors.Values)
        {
            if (tensor is not null && !weightPaths.ContainsKey(tensor) && !constructing)
            {
                throw EvaluationException.Unsupported(
                    at,
                    $"this {layer.Definition.Name} is not registered with the model, so it is neither trained nor saved: assign it to a field before RegisterComponents(), or hold it in a ModuleList instead of a list or array (MG4003)");
            }
        }

        if (layer.Definition.Name.Contains("Dropout") || layer.Definition.Name.Contains("BatchNorm") || layer.Definition.Name.Contains("InstanceNorm"))
        {
            CheckMode(layer, layer.Definition.Name, at);
        }

        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (KeyValuePair<string, object?> argument in arguments)
        {
            named[argument.Key] = Fresh(argument.Value, at);
        }

        SymTensor? input = arguments.Count > 0 ? arguments[0].Value as SymTensor : null;
        if (input is not null && !named.Keys.Any(static name => name is "input" or "query" or "src"))
        {
            named["input"] = input;
        }

        string path = modulePaths.TryGetValue(layer, out string known) ? known : "";
        string outer = graph.Layer;
        graph.Layer = path;
        try
        {
            object? result = Guard(at, layer.Definition.Name, () => layer.Definition.Apply(new ModuleCall(graph, layer, new CallArguments(graph, named), [.. arguments.Select(static argument => argument.Value)])));
            if (path.Length > 0)
            {
                layerTypes[path] = layer.Definition.Name;
            }

            if (input is not null && result is SymTensor output)
            {
                if (layer.Settings["inplace"] is true)
                {
                    return Overwrite(input, output.Id, at, layer.Definition.Name);
                }

                if (MayShareMemory(layer.Definition.Name))
                {
                    output.ViewOf(input);
                }
            }

            return StopGradients(result);
        }
        finally
        {
            graph.Layer = outer;
        }
    }

    /// <summary>Refuses layers that behave differently in training and that <c>eval()</c> does not reach.</summary>
    private void CheckMode(object module, string name, SyntaxNode at)
    {
        if (!constructing && (Registers || !modulePaths.ContainsKey(module)))
        {
            throw EvaluationException.Unsupported(
                at,
                Registers
                    ? $"the constructor never calls RegisterComponents(), so eval() does not reach this {name} and it stays in training mode; call RegisterComponents() at the end of the constructor (MG4001)"
                    : $"this {name} is not registered with the model, so eval() does not reach it and it stays in training mode: assign it to a field before RegisterComponents(), or hold it in a ModuleList instead of a list or array (MG4003)");
        }
    }

    private static bool MayShareMemory(string module) => module is "Identity" or "Flatten" or "Unflatten" or "Dropout" or "Dropout1d" or "Dropout2d" or "Dropout3d" or "AlphaDropout" or "FeatureAlphaDropout";

    /// <summary>Methods of TorchSharp's module classes, called on modules of any kind.</summary>
    private object? ModuleMethod(object? receiver, IMethodSymbol method, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at)
    {
        object? Value(int index) => index < arguments.Count ? arguments[index].Value : null;
        switch (method.Name)
        {
            case "forward" or "call":
                return CallModule(receiver, arguments, at);
            case "RegisterComponents":
                // Called on the class's own base: not the override that may be running.
                if (receiver is SymObject { Module: { Registered: false } own } self)
                {
                    RegisterFields(self, own, at);
                }
                else
                {
                    RegisterComponents(receiver, at);
                }

                return null;
            case "register_module" or "add_module" or "register_parameter" or "register_buffer" when receiver is SymObject { Module: not null, Frozen: false } instance && Value(0) is string name:
                if (instance.Items is not null)
                {
                    throw EvaluationException.Unsupported(at, "a class derived from Sequential lists only its items: parameters and layers registered beside them are neither trained nor saved; derive from Module and hold the Sequential in a field");
                }

                if (method.Name == "register_buffer" && Value(1) is SymTensor or SymComplex)
                {
                    RegisterBuffer(instance.Module, name, Value(1)!);
                }
                else
                {
                    Register(instance, name, Value(1), at);
                }

                return null;
            case "append" or "Add" or "add" or "extend" or "Insert" when ((receiver as SymObject)?.Items ?? receiver) is SymContainer container:
                AppendAll(container, method.Name, arguments, at);
                return receiver;
            case "apply" or "train" or "eval" or "to" or "cuda" or "cpu" or "type" or "float" or "zero_grad" or "Dispose" or "load" or "load_state_dict" or "half" or "double" or "bfloat16":
                if (method.Name is "half" or "double" or "bfloat16" || arguments.Any(static argument => argument.Value is SymEnum { Type: "ScalarType", Member: not "Float32" }))
                {
                    throw EvaluationException.Unsupported(at, "a model is compiled for float32 weights; convert the finished model after it is made");
                }

                if (method.Name == "apply" && Value(0) is SymFunction initialization)
                {
                    ApplyToAll(receiver, initialization, at);
                }

                // What these do to values and devices happens at run time; names and shapes stay.
                return receiver;
            case "parameters" or "named_parameters" or "buffers" or "named_buffers" or "children" or "named_children" or "modules" or "named_modules":
                return Enumerate(receiver, method.Name, at);
            case "get_parameter" or "get_buffer" or "get_submodule" when Value(0) is string wanted:
                return Find(receiver, method.Name, wanted, at);
            case "has_parameter" or "has_buffer" when Value(0) is string wanted:
                return Find(receiver, method.Name.Replace("has", "get"), wanted, at) is not null;
            case "GetName":
                return receiver switch
                {
                    SymModule layer => NativeName(layer.Definition.Name),
                    SymContainer container => NativeName(container.Kind),
                    SymObject { Module.Name: string given } => given,
                    _ => throw EvaluationException.Unsupported(at, $"the name of {DescribeValue(receiver)} is not known during the build"),
                };
            default:
                throw EvaluationException.Unsupported(at, $"'{method.Name}' of {DescribeValue(receiver)} cannot be evaluated during the build");
        }
    }

    private void AppendAll(SymContainer container, string method, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at)
    {
        if (arguments.Count == 2 && arguments[0].Value is string name)
        {
            Append(container, arguments[1].Value, name, at);
        }
        else if (method == "Insert" || arguments.Count != 1)
        {
            throw EvaluationException.Unsupported(at, $"'{method}' with these arguments cannot be evaluated during the build");
        }
        else if (arguments[0].Value is SymList list && list.Items is not [string, _])
        {
            list.Items.ForEach(item => Append(container, item, null, at));
        }
        else
        {
            Append(container, arguments[0].Value, null, at);
        }
    }

    private SymList Enumerate(object? module, string what, SyntaxNode at)
    {
        var weights = new List<(string Name, SymTensor Tensor)>();
        var modules = new List<(string Name, object Module)>();
        Collect(module, "", weights, modules, at);
        return what switch
        {
            "parameters" => new SymList(weights.Where(static pair => pair.Tensor.Weight == WeightKind.Parameter).Select(static pair => pair.Tensor).Distinct()),
            "named_parameters" => new SymList(weights.Where(static pair => pair.Tensor.Weight == WeightKind.Parameter).Select(static pair => new SymList([pair.Name, pair.Tensor]))),
            "buffers" => new SymList(weights.Where(static pair => pair.Tensor.Weight == WeightKind.Buffer).Select(static pair => pair.Tensor)),
            "modules" => new SymList(modules.Select(static pair => pair.Module)),
            "named_modules" => new SymList(modules.Select(static pair => new SymList([pair.Name, pair.Module]))),
            "children" => new SymList(Children(module).Select(static pair => pair.Value)),
            "named_children" => new SymList(Children(module).Select(static pair => new SymList([pair.Key, pair.Value]))),
            _ => throw EvaluationException.Unsupported(at, $"'{what}' cannot be evaluated during the build"),
        };
    }

    /// <summary>What <c>GetName</c> of a layer gives in TorchSharp 0.107.</summary>
    private static string NativeName(string layer) => layer switch
    {
        "Sequential" or "Embedding" or "EmbeddingBag" or "RNN" or "LSTM" or "GRU" or "RNNCell" or "LSTMCell" or "GRUCell" or "TransformerEncoderLayer" or "TransformerEncoder"
            or "TransformerDecoderLayer" or "TransformerDecoder" or "Transformer" => $"torch::nn::{layer}Impl",
        "MultiheadAttention" => "torch::nn::MultiheadAttention",
        "BatchNorm2d" or "BatchNorm3d" => "BatchNorm1d",
        "InstanceNorm2d" => "InstanceNorm1d",
        "AlphaDropout" => "Dropout1d",
        _ => layer,
    };

    /// <summary>A parameter, buffer or module by its path; null when there is none.</summary>
    private static object? Find(object? module, string method, string path, SyntaxNode at)
    {
        string[] names = path.Split('.');
        foreach (string name in method == "get_submodule" ? names : names.Take(names.Length - 1))
        {
            module = name.Length == 0 ? module : Children(module).FirstOrDefault(pair => pair.Key == name).Value;
        }

        string last = names[names.Length - 1];
        return method == "get_submodule" ? module ?? throw EvaluationException.Unsupported(at, $"there is no module '{path}'") : module switch
        {
            SymModule layer => layer.Tensors.TryGetValue(last, out SymTensor? tensor) && tensor is not null && (tensor.Weight == WeightKind.Parameter) == (method == "get_parameter") ? tensor : null,
            SymObject { Module: { } state } when method == "get_parameter" => state.Parameters.FirstOrDefault(pair => pair.Key == last).Value,
            SymObject { Module: { } state } => state.Buffers.FirstOrDefault(pair => pair.Key == last).Value,
            _ => null,
        };
    }

    private static IEnumerable<KeyValuePair<string, object?>> Children(object? module) => module switch
    {
        SymContainer container => container.RegisteredItems,
        SymObject { Module: { } state, Items: var items } => (items?.RegisteredItems ?? []).Concat(state.Children.Select(static pair => new KeyValuePair<string, object?>(pair.Key, pair.Value))),
        _ => [],
    };

    private static void Collect(object? module, string path, List<(string Name, SymTensor Tensor)> weights, List<(string Name, object Module)> modules, SyntaxNode at)
    {
        CheckStack(at);
        string prefix = path.Length == 0 ? "" : path + ".";
        switch (module)
        {
            case SymTensor tensor:
                weights.Add((path, tensor));
                return;
            case SymModule layer:
                modules.Add((path, layer));
                foreach (KeyValuePair<string, SymTensor?> pair in layer.Tensors)
                {
                    if (pair.Value is not null)
                    {
                        weights.Add((prefix + pair.Key, pair.Value));
                    }
                }

                return;
            case SymObject { Module: { } state }:
                modules.Add((path, module));
                weights.AddRange(state.Parameters.Select(pair => (prefix + pair.Key, pair.Value)));
                weights.AddRange(state.Buffers.Where(static pair => pair.Value is SymTensor).Select(pair => (prefix + pair.Key, (SymTensor)pair.Value)));
                break;
            case SymContainer:
                modules.Add((path, module));
                break;
        }

        foreach (KeyValuePair<string, object?> child in Children(module))
        {
            Collect(child.Value, prefix + child.Key, weights, modules, at);
        }
    }

    /// <summary>Runs a function on all modules, children first, as <c>apply</c> does. It usually sets values, which do not matter here; what else it does must be known.</summary>
    private void ApplyToAll(object? module, SymFunction function, SyntaxNode at)
    {
        foreach (object? child in Elements(Enumerate(module, "children", at), at))
        {
            ApplyToAll(child, function, at);
        }

        try
        {
            CallFunction(function, [module], at);
        }
        catch (EvaluationException) when (OnlySetsValues(function))
        {
            // Its calls cannot be followed, and without an assignment they change nothing but values.
        }
    }

    private bool OnlySetsValues(SymFunction function)
    {
        SyntaxNode? body = function.Code?.Syntax ?? function.Body ?? FindBody(function.Method);
        return body is not null && body.DescendantNodesAndSelf().All(static node =>
            node is not (AssignmentExpressionSyntax { Left: not IdentifierNameSyntax } or PostfixUnaryExpressionSyntax { OperatorToken.Text: "++" or "--" } or PrefixUnaryExpressionSyntax { OperatorToken.Text: "++" or "--" })
            && node is not IdentifierNameSyntax { Identifier.Text: "requires_grad_" or "register_module" or "register_buffer" or "register_parameter" or "Add" or "append" or "Insert" });
    }
}
