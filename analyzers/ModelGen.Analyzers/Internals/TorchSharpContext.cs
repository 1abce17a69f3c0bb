using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>
/// The TorchSharp symbols that rules ask about, resolved once per compilation. Questions are answered by symbol, never by
/// the spelling in the source: users write <c>using static TorchSharp.torch</c> and aliases.
/// </summary>
internal sealed class TorchSharpContext
{
    private static readonly ConditionalWeakTable<Compilation, Lookup> s_known = new();

    private readonly ConditionalWeakTable<SemanticModel, FileCode> _files = new();
    private readonly INamedTypeSymbol _torch;
    private readonly Lazy<bool> _mentionsCuda;
    private readonly INamedTypeSymbol? _generatedCode;
    private readonly INamedTypeSymbol? _autograd;
    private readonly INamedTypeSymbol? _optim;
    private readonly INamedTypeSymbol? _functional;
    private readonly INamedTypeSymbol? _moduleExtensions;
    private readonly INamedTypeSymbol? _dataLoader;
    private readonly INamedTypeSymbol? _tensorExtensions;
    private readonly INamedTypeSymbol? _linalg;
    private readonly INamedTypeSymbol? _cuda;
    private readonly INamedTypeSymbol? _accessor;
    private readonly INamedTypeSymbol? _dataset;
    private readonly INamedTypeSymbol? _special;
    private readonly INamedTypeSymbol? _clipping;
    private readonly INamedTypeSymbol? _nn;
    private readonly INamedTypeSymbol? _scheduler;

    private TorchSharpContext(Compilation compilation, INamedTypeSymbol torch, INamedTypeSymbol tensor, INamedTypeSymbol module, INamedTypeSymbol disposeScope)
    {
        _torch = torch;
        _mentionsCuda = new(() => compilation.SyntaxTrees.Any(tree => tree.GetText().ToString().IndexOf("cuda", StringComparison.OrdinalIgnoreCase) >= 0));
        Tensor = tensor;
        Module = module;
        DisposeScope = disposeScope;
        Assembly = torch.ContainingAssembly;
        _generatedCode = compilation.GetTypeByMetadataName("System.CodeDom.Compiler.GeneratedCodeAttribute");
        _autograd = Find("TorchSharp.torch+autograd");
        _optim = Find("TorchSharp.torch+optim");
        _functional = Find("TorchSharp.torch+nn+functional");
        _moduleExtensions = Find("TorchSharp.ModuleExtensionMethods");
        _dataLoader = Find("TorchSharp.Modules.DataLoader`2");
        _tensorExtensions = Find("TorchSharp.TensorExtensionMethods");
        _linalg = Find("TorchSharp.torch+linalg");
        _cuda = Find("TorchSharp.torch+cuda");
        _accessor = Find("TorchSharp.Utils.TensorAccessor`1");
        _dataset = Find("TorchSharp.torch+utils+data+Dataset`1");
        _special = Find("TorchSharp.torch+special");
        _clipping = Find("TorchSharp.torch+nn+utils");
        _nn = Find("TorchSharp.torch+nn");
        _scheduler = Find("TorchSharp.torch+optim+lr_scheduler+LRScheduler");
        Optimizer = Find("TorchSharp.torch+optim+Optimizer");
        Parameter = Find("TorchSharp.Modules.Parameter");
        ModuleList = Find("TorchSharp.Modules.ModuleList`1");
        ModuleDict = Find("TorchSharp.Modules.ModuleDict`1");
    }

    public IAssemblySymbol Assembly { get; }

    public INamedTypeSymbol Tensor { get; }

    public INamedTypeSymbol Module { get; }

    public INamedTypeSymbol DisposeScope { get; }

    public INamedTypeSymbol? Optimizer { get; }

    public INamedTypeSymbol? Parameter { get; }

    public INamedTypeSymbol? ModuleList { get; }

    public INamedTypeSymbol? ModuleDict { get; }

    /// <summary>True when some source mentions CUDA. Spelling only, and read at the first question: without it, rules about waiting for a GPU stay silent.</summary>
    public bool MentionsCuda => _mentionsCuda.Value;

    /// <summary>The symbols of a compilation, or null when it does not reference TorchSharp. All rules share one instance a compilation.</summary>
    public static TorchSharpContext? TryCreate(Compilation compilation) => s_known.GetValue(compilation, static key => new Lookup(Resolve(key))).Context;

    /// <summary>The sorted members of a file; all rules share one instance a file.</summary>
    public FileCode CodeOf(SemanticModel model, CancellationToken cancellation) =>
        _files.TryGetValue(model, out FileCode file) ? file : Sort(model, cancellation);

    private FileCode Sort(SemanticModel model, CancellationToken cancellation) => _files.GetValue(model, key => new FileCode(key, this, cancellation));

    /// <summary>True for a symbol that is marked as generated, itself or by what it is declared in.</summary>
    public bool IsGenerated(ISymbol symbol)
    {
        for (ISymbol? current = symbol; current is not (null or INamespaceSymbol); current = current.ContainingSymbol)
        {
            if (_generatedCode is not null && current.GetAttributes().Any(attribute => SymbolEqualityComparer.Default.Equals(attribute.AttributeClass, _generatedCode)))
            {
                return true;
            }
        }

        return false;
    }

    private static TorchSharpContext? Resolve(Compilation compilation)
    {
        return compilation.GetTypeByMetadataName("TorchSharp.torch") is { } torch
            && compilation.GetTypeByMetadataName("TorchSharp.torch+Tensor") is { } tensor
            && compilation.GetTypeByMetadataName("TorchSharp.torch+nn+Module") is { } module
            && compilation.GetTypeByMetadataName("TorchSharp.DisposeScope") is { } scope
            ? new TorchSharpContext(compilation, torch, tensor, module, scope)
            : null;
    }

    public bool IsTensor(ITypeSymbol? type) => DerivesFrom(type, Tensor);

    public bool IsModule(ITypeSymbol? type) => DerivesFrom(type, Module);

    public bool IsParameter(ITypeSymbol? type) => DerivesFrom(type, Parameter);

    public bool IsOptimizer(ITypeSymbol? type) => DerivesFrom(type, Optimizer);

    /// <summary>A schedule of learning rates.</summary>
    public bool IsScheduler(ITypeSymbol? type) => DerivesFrom(type, _scheduler);

    public bool IsDataLoader(ITypeSymbol? type) => DerivesFrom(type, _dataLoader);

    public bool IsDataset(ITypeSymbol? type) => DerivesFrom(type, _dataset);

    /// <summary>What <c>Tensor.data&lt;T&gt;()</c> returns: a view of a tensor's elements on the host.</summary>
    public bool IsAccessor(ITypeSymbol? type) => DerivesFrom(type, _accessor);

    /// <summary>True for symbols that TorchSharp itself declares.</summary>
    public bool Owns(ISymbol? symbol) => symbol is not null && SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, Assembly);

    /// <summary>A class of the user's that derives from <c>nn.Module</c>.</summary>
    public bool IsUserModule(ITypeSymbol? type) => type is INamedTypeSymbol { TypeKind: TypeKind.Class } && IsModule(type) && !Owns(type);

    /// <summary>A static function of <c>torch</c> itself.</summary>
    public bool IsTorchFunction(IMethodSymbol method) => method.IsStatic && IsIn(method, _torch);

    /// <summary>A method of <c>Tensor</c>, an extension method of TorchSharp's included.</summary>
    public bool IsTensorMethod(IMethodSymbol method) => !method.IsStatic && IsIn(method, Tensor) || IsIn(method, _tensorExtensions);

    /// <summary>A tensor operation by name, as a method of <c>Tensor</c> or as a function of <c>torch</c>.</summary>
    public bool IsOperation(IMethodSymbol method, string name) => method.Name == name && (IsTensorMethod(method) || IsTorchFunction(method));

    public bool IsLinalg(IMethodSymbol method) => IsIn(method, _linalg);

    public bool IsCuda(IMethodSymbol method) => IsIn(method, _cuda);

    /// <summary><c>step</c> of an optimizer.</summary>
    public bool IsStep(IMethodSymbol method) => method.Name == "step" && IsOptimizer(method.ContainingType);

    /// <summary>
    /// The methods that take tensors out of a dispose scope: those of the scope itself, and the Move/Detach family of the tensors.
    /// </summary>
    public bool IsScopeTransfer(IMethodSymbol method) =>
        Owns(method)
        && (SymbolEqualityComparer.Default.Equals(method.ContainingType, DisposeScope)
            || (method.Name.EndsWith("DisposeScope", StringComparison.Ordinal) && !IsNewDisposeScope(method) && method.Name != "WrappedTensorDisposeScope"));

    public bool IsNewDisposeScope(IMethodSymbol method) => method.Name == "NewDisposeScope" && IsIn(method, _torch);

    /// <summary>The functions that switch gradient recording until their result is disposed.</summary>
    public bool IsGradMode(IMethodSymbol method) =>
        method.Name is "no_grad" or "inference_mode" or "enable_grad" or "set_grad_enabled" && IsIn(method, _torch);

    /// <summary><c>backward</c> in any of its forms, or <c>autograd.grad</c>.</summary>
    public bool IsBackward(IMethodSymbol method) =>
        (method.Name == "backward" && (IsIn(method, Tensor) || IsIn(method, _autograd)))
        || (method.Name == "grad" && IsIn(method, _autograd));

    /// <summary>A function of <c>torch.optim</c> that makes an optimizer.</summary>
    public bool IsOptimizerFactory(IMethodSymbol method) => IsIn(method, _optim) && IsOptimizer(method.ReturnType);

    public bool IsFunctional(IMethodSymbol method) => IsIn(method, _functional);

    /// <summary>A function of <c>torch</c>, <c>torch.special</c> or <c>torch.nn.functional</c>.</summary>
    public bool IsTensorFunction(IMethodSymbol method) => IsIn(method, _torch) || IsIn(method, _functional) || IsIn(method, _special);

    /// <summary><c>clip_grad_norm_</c> or <c>clip_grad_value_</c>.</summary>
    public bool IsGradientClipping(IMethodSymbol method) => method.Name is "clip_grad_norm_" or "clip_grad_value_" && IsIn(method, _clipping);

    /// <summary>A function of <c>torch.nn</c> that makes a layer, named after it, such as <c>nn.Linear</c>.</summary>
    public bool IsLayerFactory(IMethodSymbol method) => IsIn(method, _nn) && IsModule(method.ReturnType);

    /// <summary><c>nn.Parameter(...)</c>, or the constructor of <c>Parameter</c>.</summary>
    public bool IsParameterCreation(IOperation operation) => operation switch
    {
        IInvocationOperation call => call.TargetMethod.Name == "Parameter" && IsIn(call.TargetMethod, _nn),
        IObjectCreationOperation creation => SymbolEqualityComparer.Default.Equals(creation.Type, Parameter),
        _ => false,
    };

    /// <summary>True when the call makes a tensor out of no other tensor: <c>torch.randn</c>, <c>torch.tensor</c> and the like.</summary>
    public bool IsFactory(IInvocationOperation call) =>
        IsTorchFunction(call.TargetMethod) && IsTensor(call.Type) && call.TargetMethod.Parameters.Any(parameter => parameter.Name == "requires_grad")
        && !call.Arguments.Any(argument => IsTensor(argument.Value.Unwrap().Type));

    /// <summary>True for a factory that is told to make a leaf which requires gradients.</summary>
    public bool MakesTrainableLeaf(IOperation operation) =>
        operation is IInvocationOperation call && IsFactory(call)
        && call.Arguments.Any(argument => argument.Parameter?.Name == "requires_grad" && argument.Value.ConstantValue is { HasValue: true, Value: true });

    /// <summary>A member of <c>nn.Module</c> itself, whatever class of the hierarchy declares it.</summary>
    public bool IsModuleMember(IMethodSymbol method) => Owns(method) && IsModule(method.ContainingType);

    /// <summary>The extension methods <c>to</c>, <c>cuda</c>, <c>half</c> ... that replace a module's parameters.</summary>
    public bool IsModuleMove(IMethodSymbol method) => IsIn(method, _moduleExtensions);

    /// <summary><c>forward</c> or <c>call</c>, TorchSharp's or an override of it.</summary>
    public bool IsForward(IMethodSymbol method) => method.Name is "forward" or "call" && IsModule(method.ContainingType);

    private static bool IsIn(IMethodSymbol method, INamedTypeSymbol? type) =>
        type is not null && SymbolEqualityComparer.Default.Equals((method.ReducedFrom ?? method).ContainingType.OriginalDefinition, type);

    /// <summary>True for the ancestor itself too, and for a type parameter that is constrained to such a type.</summary>
    public static bool DerivesFrom(ITypeSymbol? type, INamedTypeSymbol? ancestor)
    {
        if (ancestor is null)
        {
            return false;
        }

        if (type is ITypeParameterSymbol parameter)
        {
            return parameter.ConstraintTypes.Any(constraint => DerivesFrom(constraint, ancestor));
        }

        for (ITypeSymbol? current = type; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, ancestor))
            {
                return true;
            }
        }

        return false;
    }

    private sealed class Lookup(TorchSharpContext? context)
    {
        public TorchSharpContext? Context { get; } = context;
    }

    private INamedTypeSymbol? Find(string metadataName) => Assembly.GetTypeByMetadataName(metadataName);
}
