using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
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
    private readonly Dictionary<string, List<IOperation>> _byMethod = [];

    public MemberCode(ImmutableArray<IOperation> blocks, TorchSharpContext torch)
    {
        List<IOperation>? torchCalls = null;
        foreach (IOperation operation in blocks.SelectMany(block => block.DescendantsAndSelf()))
        {
            int slot = Slot(operation.Kind);
            if (slot < 0 || operation is IConversionOperation { OperatorMethod: null })
            {
                continue;
            }

            (_byKind[slot] ??= []).Add(operation);
            if (operation is IInvocationOperation { TargetMethod: { } method })
            {
                if (!_byMethod.TryGetValue(method.Name, out List<IOperation> calls))
                {
                    _byMethod.Add(method.Name, calls = []);
                }

                calls.Add(operation);
                if (torch.Owns(method))
                {
                    (torchCalls ??= []).Add(operation);
                }
            }
        }

        TorchCalls = torchCalls ?? (IReadOnlyList<IOperation>)[];
    }

    /// <summary>The calls of methods that TorchSharp declares.</summary>
    public IReadOnlyList<IOperation> TorchCalls { get; }

    /// <summary>True when the operations of the kind are sorted out; only these can be asked for.</summary>
    public static bool Sorts(OperationKind kind) => Slot(kind) >= 0;

    /// <summary>The operations of a kind.</summary>
    public IReadOnlyList<IOperation> Of(OperationKind kind) => _byKind[s_slots[(int)kind]] ?? (IReadOnlyList<IOperation>)[];

    /// <summary>The calls of methods of a name, whoever declares them.</summary>
    public IReadOnlyList<IOperation> CallsOf(string method) => _byMethod.TryGetValue(method, out List<IOperation> calls) ? calls : [];

    /// <summary>True when a method of one of the names is called.</summary>
    public bool CallsAny(params string[] methods)
    {
        if (_byMethod.Count > 0)
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
