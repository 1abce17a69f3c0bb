using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>
/// The operations of one member (a body, an initializer, what is written in attributes and default values), sorted once for all rules. Nearly all rules look for
/// calls of a few methods; asked by name, they do not even see the members that call none of them. All lists are in the order of the source; of the conversions, only those by an operator that
/// a type declares are in them.
/// </summary>
internal sealed class MemberCode
{
    private static readonly OperationKind[] s_sorted =
    [
        OperationKind.Invocation, OperationKind.ObjectCreation, OperationKind.Binary, OperationKind.SimpleAssignment, OperationKind.CompoundAssignment, OperationKind.CoalesceAssignment, OperationKind.DeconstructionAssignment,
        OperationKind.Conversion, OperationKind.PropertyReference, OperationKind.FieldReference, OperationKind.LocalReference, OperationKind.ArrayElementReference, OperationKind.Loop,
        OperationKind.Conditional, OperationKind.Block, OperationKind.Return, OperationKind.YieldReturn, OperationKind.Await, OperationKind.FieldInitializer, OperationKind.PropertyInitializer,
        OperationKind.Using, OperationKind.UsingDeclaration,
    ];

    private static readonly sbyte[] s_slots = Slots();

    private readonly List<IOperation>?[] _byKind = new List<IOperation>?[s_sorted.Length];
    private Dictionary<string, List<IOperation>>? _byMethod;
    private List<IOperation>? _torchCalls;
    private readonly SemanticModel _model;
    private ISymbol? _symbol;
    private ImmutableDictionary<IOperation, ControlFlowGraph> _graphs = ImmutableDictionary<IOperation, ControlFlowGraph>.Empty;

    private MemberCode(SyntaxNode declaration, ImmutableArray<IOperation> blocks, SemanticModel model, TorchSharpContext torch, Stack<IOperation.OperationList.Enumerator> open)
    {
        Declaration = declaration;
        Blocks = blocks;
        _model = model;
        foreach (IOperation block in blocks)
        {
            Sort(block, torch, open);
        }
    }

    /// <summary>What declares the member.</summary>
    public SyntaxNode Declaration { get; }

    /// <summary>The bodies, initializers, default values and attributes, each as one operation; the parent of a body holds all that belongs to the method.</summary>
    public ImmutableArray<IOperation> Blocks { get; }

    /// <summary>The calls of methods that TorchSharp declares.</summary>
    public IReadOnlyList<IOperation> TorchCalls => _torchCalls ?? (IReadOnlyList<IOperation>)[];

    /// <summary>The names of the methods that are called.</summary>
    public IReadOnlyCollection<string> Methods => _byMethod?.Keys ?? (IReadOnlyCollection<string>)[];

    /// <summary>The kinds of operations that occur, of those that are sorted out.</summary>
    public IEnumerable<OperationKind> Kinds
    {
        get
        {
            for (int slot = 0; slot < s_sorted.Length; slot++)
            {
                if (_byKind[slot] is not null)
                {
                    yield return s_sorted[slot];
                }
            }
        }
    }

    /// <summary>The code of a declaration; null when it has none that compiles to operations.</summary>
    /// <param name="declaration">The declaration.</param>
    /// <param name="model">The model of its file.</param>
    /// <param name="torch">The TorchSharp symbols.</param>
    /// <param name="open">An empty stack to work with.</param>
    /// <param name="cancellation">Ends the work early.</param>
    public static MemberCode? Of(
        MemberDeclaration declaration, SemanticModel model, TorchSharpContext torch, Stack<IOperation.OperationList.Enumerator> open, CancellationToken cancellation)
    {
        ImmutableArray<IOperation>.Builder blocks = ImmutableArray.CreateBuilder<IOperation>(declaration.Code.Count);
        foreach (SyntaxNode code in declaration.Code)
        {
            if (model.GetOperation(code, cancellation) is { } operation)
            {
                blocks.Add(operation);
            }
        }

        return blocks.Count > 0 ? new MemberCode(declaration.Declaration, blocks.ToImmutable(), model, torch, open) : null;
    }

    /// <summary>True for a method of the name. Spelling only, which spares asking for the symbols of all others.</summary>
    public bool IsMethod(string name) => Declaration is MethodDeclarationSyntax method && method.Identifier.ValueText == name;

    /// <summary>The method, accessor, field or property that the code belongs to.</summary>
    public ISymbol Symbol(CancellationToken cancellation) => _symbol ??= Declared(cancellation);

    /// <summary>The control-flow graph of the function that a block is the body of; made once for all rules.</summary>
    public ControlFlowGraph Graph(IOperation block, CancellationToken cancellation) => ImmutableInterlocked.GetOrAdd(ref _graphs, block.Root(), root => root switch
    {
        IMethodBodyOperation body => ControlFlowGraph.Create(body, cancellation),
        IConstructorBodyOperation body => ControlFlowGraph.Create(body, cancellation),
        IBlockOperation body => ControlFlowGraph.Create(body, cancellation),
        IFieldInitializerOperation initializer => ControlFlowGraph.Create(initializer, cancellation),
        IPropertyInitializerOperation initializer => ControlFlowGraph.Create(initializer, cancellation),
        IParameterInitializerOperation initializer => ControlFlowGraph.Create(initializer, cancellation),
        IAttributeOperation attribute => ControlFlowGraph.Create(attribute, cancellation),
        _ => throw new ArgumentException($"An operation of the kind {root.Kind} is no body, so it has no control-flow graph.", nameof(block)),
    });

    /// <summary>True when the operations of the kind are sorted out; only these can be asked for.</summary>
    public static bool Sorts(OperationKind kind) => Slot(kind) >= 0;

    /// <summary>The operations of a kind.</summary>
    public IReadOnlyList<IOperation> Of(OperationKind kind) => _byKind[s_slots[(int)kind]] ?? (IReadOnlyList<IOperation>)[];

    /// <summary>The calls of methods of a name, whoever declares them.</summary>
    public IReadOnlyList<IOperation> CallsOf(string method) => _byMethod is not null && _byMethod.TryGetValue(method, out List<IOperation> calls) ? calls : [];

    /// <summary>True when a method of one of the names is called.</summary>
    public bool CallsAny(params string[] methods)
    {
        if (_byMethod is not null)
        {
            foreach (string method in methods)
            {
                if (_byMethod.ContainsKey(method))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Walks all operations with a stack of its own, because expressions can be nested deeper than the stack of the thread allows.</summary>
    private void Sort(IOperation block, TorchSharpContext torch, Stack<IOperation.OperationList.Enumerator> open)
    {
        Add(block, torch);
        open.Push(block.ChildOperations.GetEnumerator());
        while (open.Count > 0)
        {
            IOperation.OperationList.Enumerator children = open.Pop();
            if (children.MoveNext())
            {
                IOperation child = children.Current;
                Add(child, torch);
                open.Push(children);
                if (!IsLeaf(child.Kind))
                {
                    open.Push(child.ChildOperations.GetEnumerator());
                }
            }
        }
    }

    /// <summary>Half of all operations are of these kinds, which never contain others.</summary>
    private static bool IsLeaf(OperationKind kind) =>
        kind is OperationKind.Literal or OperationKind.LocalReference or OperationKind.ParameterReference or OperationKind.InstanceReference or OperationKind.TypeOf or OperationKind.DefaultValue;

    private void Add(IOperation operation, TorchSharpContext torch)
    {
        int slot = Slot(operation.Kind);
        if (slot < 0 || operation.Kind == OperationKind.Conversion && ((IConversionOperation)operation).OperatorMethod is null)
        {
            return;
        }

        (_byKind[slot] ??= []).Add(operation);
        if (operation.Kind == OperationKind.Invocation)
        {
            IMethodSymbol method = ((IInvocationOperation)operation).TargetMethod;
            if (!(_byMethod ??= []).TryGetValue(method.Name, out List<IOperation> calls))
            {
                _byMethod.Add(method.Name, calls = []);
            }

            calls.Add(operation);
            if (torch.Owns(method))
            {
                (_torchCalls ??= []).Add(operation);
            }
        }
    }

    /// <summary>A type stands for its primary constructor, where the code is that constructor's.</summary>
    private ISymbol Declared(CancellationToken cancellation)
    {
        ISymbol symbol = Declaration is ArrowExpressionClauseSyntax getter
            ? ((IPropertySymbol)_model.GetDeclaredSymbol(getter.Parent!, cancellation)!).GetMethod!
            : _model.GetDeclaredSymbol(Declaration, cancellation)!;
        return symbol is INamedTypeSymbol type && Blocks[0] is not IAttributeOperation ? type.InstanceConstructors.First(constructor => constructor.DeclaringSyntaxReferences.Any(reference => reference.Span == Declaration.Span)) : symbol;
    }

    private static int Slot(OperationKind kind) => (int)kind < s_slots.Length ? s_slots[(int)kind] : -1;

    private static sbyte[] Slots()
    {
        sbyte[] slots = [.. Enumerable.Repeat((sbyte)-1, s_sorted.Max(static kind => (int)kind) + 1)];
        for (int slot = 0; slot < s_sorted.Length; slot++)
        {
            slots[(int)s_sorted[slot]] = (sbyte)slot;
        }

        return slots;
    }
}
