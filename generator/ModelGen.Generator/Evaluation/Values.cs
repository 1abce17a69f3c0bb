using Microsoft.CodeAnalysis;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Evaluation;

/// <summary>An instance of a class, struct or record of the user during evaluation.</summary>
internal sealed class SymObject(INamedTypeSymbol type)
{
    public INamedTypeSymbol Type { get; } = type;

    /// <summary>Values of fields, automatic properties and captured primary-constructor parameters, by definition.</summary>
    public Dictionary<ISymbol, object?> Fields { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>What TorchSharp's base class knows of a module; null for other objects and for models of the attribute DSL.</summary>
    public ModuleState? Module { get; set; }

    /// <summary>The items of a class derived from <c>Sequential</c>; null for other objects.</summary>
    public SymContainer? Items { get; set; }

    /// <summary>State-dict path of a model of the attribute DSL, empty for the root.</summary>
    public string Path { get; set; } = "";

    /// <summary>Part of the finished model, so that a call of the model must not change it.</summary>
    public bool Frozen { get; set; }

    /// <summary>The values of all members that this or another object of the class has set; others have their default.</summary>
    public IEnumerable<(ISymbol Member, object? First, object? Second)> Members(SymObject other) => Fields.Keys.Union(other.Fields.Keys, SymbolEqualityComparer.Default).Where(static member => member is not IParameterSymbol).Select(member =>
    {
        object? Value(SymObject instance) => instance.Fields.TryGetValue(member!, out object? value) ? value : Evaluator.Default((member as IFieldSymbol)?.Type ?? (member as IPropertySymbol)?.Type);
        return (member!, Value(this), Value(other));
    });

    /// <summary>A copy, as <c>with</c> and reading a struct make: structs inside are copied too, objects are shared.</summary>
    public SymObject Copy()
    {
        var copy = new SymObject(Type);
        foreach (KeyValuePair<ISymbol, object?> pair in Fields)
        {
            bool isTuple = ((pair.Key as IFieldSymbol)?.Type ?? (pair.Key as IPropertySymbol)?.Type)?.IsTupleType == true;
            copy.Fields.Add(pair.Key, pair.Value is SymObject { Type.IsValueType: true } inner ? inner.Copy() : isTuple && pair.Value is SymList tuple ? new SymList(tuple.Items) : pair.Value);
        }

        return copy;
    }
}

/// <summary>Registered members of a user's module, in order of registration.</summary>
internal sealed class ModuleState
{
    public List<KeyValuePair<string, object>> Children { get; } = [];

    public List<KeyValuePair<string, SymTensor>> Parameters { get; } = [];

    /// <summary>Buffers; complex ones are kept as they were computed.</summary>
    public List<KeyValuePair<string, object>> Buffers { get; } = [];

    /// <summary>The name given to TorchSharp's base class; null when it is not known during the build.</summary>
    public string? Name { get; set; }

    /// <summary>Whether <c>RegisterComponents</c> has run.</summary>
    public bool Registered { get; set; }

    public bool Has(string name) => Children.Exists(pair => pair.Key == name) || Parameters.Exists(pair => pair.Key == name) || Buffers.Exists(pair => pair.Key == name);
}

/// <summary>A container of TorchSharp: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.</summary>
internal sealed class SymContainer(string kind)
{
    public string Kind { get; } = kind;

    public List<KeyValuePair<string, object?>> Items { get; } = [];

    /// <summary>Items that are visible in the state dict. Sequential and the parameter containers register at once, the others with their owner.</summary>
    public List<KeyValuePair<string, object?>> RegisteredItems { get; } = [];

    public bool RegistersAtOnce => Kind is "Sequential" or "ParameterList" or "ParameterDict";

    public bool Registered { get; set; }

    public bool Frozen { get; set; }

    public void Add(string name, object? item)
    {
        Items.Add(new(name, item));
        if (RegistersAtOnce && item is not null)
        {
            RegisteredItems.Add(new(name, item));
        }
    }
}

/// <summary>The protected dictionary in which TorchSharp's base class keeps registered modules.</summary>
internal sealed record SymRegistry(ModuleState State);

/// <summary>A layer of TorchSharp that the compiler does not know; refused when it is called.</summary>
internal sealed record SymUnknownModule(string Name);

/// <summary>A dictionary during evaluation, in order of insertion.</summary>
internal sealed class SymDictionary
{
    public List<KeyValuePair<object, object?>> Items { get; } = [];

    public bool Frozen { get; set; }

    /// <summary>Something was removed: .NET puts the next entry into its place.</summary>
    public bool HasGap { get; set; }

    public bool TryGet(object key, out object? value)
    {
        foreach (KeyValuePair<object, object?> pair in Items)
        {
            if (SameKey(pair.Key, key))
            {
                value = pair.Value;
                return true;
            }
        }

        value = null;
        return false;
    }

    /// <summary>Whether two keys are equal: tuples, records and structs by their contents.</summary>
    public static bool SameKey(object? a, object? b) => (a, b) switch
    {
        (SymList x, SymList y) => x.Items.Count == y.Items.Count && x.Items.Zip(y.Items, SameKey).All(static same => same),
        (SymObject { Type: { IsRecord: true } or { IsValueType: true } or { IsAnonymousType: true } } x, SymObject y) =>
            SymbolEqualityComparer.Default.Equals(x.Type, y.Type) && x.Members(y).All(pair => SameKey(pair.First, pair.Second)),
        _ => Equals(a, b),
    };

    public void Set(object key, object? value)
    {
        int index = Items.FindIndex(pair => SameKey(pair.Key, key));
        if (index < 0)
        {
            Items.Add(new(key, value));
        }
        else
        {
            Items[index] = new(key, value);
        }
    }
}

/// <summary>A query or iterator: its elements are computed anew each time somebody runs through them, as in .NET.</summary>
/// <param name="Run">Gives the elements.</param>
/// <param name="HasEffects">Running through it changes variables, so that it matters when and how far somebody does.</param>
internal sealed record SymSequence(Func<IReadOnlyList<object?>> Run, bool HasEffects);

/// <summary>A function value: a method, local function or lambda with the object and frame it was made in.</summary>
internal sealed record SymFunction(IMethodSymbol Method, object? Receiver, Frame? Captured, SyntaxNode? Body)
{
    /// <summary>The bound body of a lambda; null for methods, which are bound when they are called.</summary>
    public IOperation? Code { get; init; }
}

/// <summary>Takes what a callee left in its <c>ref</c> and <c>out</c> parameters.</summary>
internal delegate void WriteBack(Frame callee, IReadOnlyList<IParameterSymbol> parameters);

/// <summary>A variable, field, property or element whose receiver and indices are evaluated: they are once for reading and writing.</summary>
internal sealed record Place(Func<object?> Read, Func<object?, object?> Write);

/// <summary>A type as a value (<c>typeof</c>); types of one name are equal.</summary>
internal sealed record SymType(string Name, ITypeSymbol? Symbol)
{
    public bool Equals(SymType? other) => other?.Name == Name;

    public override int GetHashCode() => Name.GetHashCode();
}

/// <summary>A value that exists only at run time and whose content the graph does not need: a device, a dispose scope.</summary>
internal sealed record SymOpaque(string What)
{
    /// <summary>Where tensors live; the same for all tensors of a model.</summary>
    public static SymOpaque Device { get; } = new("a device");

    /// <summary>CPU, CUDA and so on: not known during the build.</summary>
    public static SymOpaque DeviceType { get; } = new("the type of the device");

    /// <summary>The outcome of a test of the device's type.</summary>
    public static SymOpaque DeviceTest { get; } = new("whether the model runs on a certain device");
}

/// <summary>A tensor of complex numbers, kept as its two parts.</summary>
internal sealed record SymComplex(SymTensor Real, SymTensor Imaginary);

/// <summary>An index from the end, <c>^1</c>.</summary>
internal sealed record SymFromEnd(Dim Offset);

/// <summary>A range of positions with a step; an absent bound is null.</summary>
internal sealed record SymSlice(object? Start, object? Stop, object? Step);

/// <summary>TensorIndex.Ellipsis and TensorIndex.None.</summary>
internal enum SymIndex
{
    Ellipsis,
    None,
}

/// <summary>Local variables of a call, or of a block of it whose functions keep the variables of each run of the block.</summary>
internal sealed class Frame
{
    private readonly Dictionary<ISymbol, object?> variables = new(SymbolEqualityComparer.Default);
    private readonly Frame? outer;
    private readonly Frame call;
    private object? returned;
    private List<object?>? yielded;

    /// <param name="self">The object that <c>this</c> means.</param>
    /// <param name="outer">The frame that a lambda or local function was made in.</param>
    public Frame(object? self, Frame? outer)
    {
        (This, this.outer, call, TypeArguments) = (self, outer, this, outer?.TypeArguments);
    }

    private Frame(Frame around)
    {
        (This, outer, call, TypeArguments) = (around.This, around, around.call, around.TypeArguments);
    }

    public object? This { get; }

    /// <summary>What the call gives back.</summary>
    public object? Returned
    {
        get => call.returned;
        set => call.returned = value;
    }

    /// <summary>What <c>yield return</c> has given so far; null outside iterators.</summary>
    public List<object?>? Yielded
    {
        get => call.yielded;
        set => call.yielded = value;
    }

    /// <summary>Type arguments of the generic method or class that runs.</summary>
    public Dictionary<ITypeParameterSymbol, ITypeSymbol>? TypeArguments { get; set; }

    /// <summary>A frame for one run of a block of the same call.</summary>
    public Frame Block() => new(this);

    public bool TryGet(ISymbol symbol, out object? value) => variables.TryGetValue(symbol, out value) || (outer is not null && outer.TryGet(symbol, out value));

    public void Declare(ISymbol symbol, object? value) => variables[symbol] = value;

    public void Assign(ISymbol symbol, object? value)
    {
        if (!variables.ContainsKey(symbol) && outer is not null && outer.TryGet(symbol, out _))
        {
            outer.Assign(symbol, value);
        }
        else
        {
            variables[symbol] = value;
        }
    }
}

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
    Return,
}
