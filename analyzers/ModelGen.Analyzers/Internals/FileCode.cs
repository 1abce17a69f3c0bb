using Microsoft.CodeAnalysis;

namespace ModelGen.Analyzers;

/// <summary>
/// The members with code of one file, sorted by what they contain, once for all rules. A rule that looks for a method asks the file for the members that call it; what else is in the file costs
/// it nothing.
/// </summary>
internal sealed class FileCode
{
    private readonly Dictionary<string, List<MemberCode>> _byMethod = [];
    private readonly Dictionary<OperationKind, List<MemberCode>> _byKind = [];
    private readonly List<MemberCode> _torchCallers = [];
    private readonly List<MemberCode> _members = [];

    public FileCode(SemanticModel model, TorchSharpContext torch, CancellationToken cancellation)
    {
        var open = new Stack<IOperation.OperationList.Enumerator>();
        foreach (MemberDeclaration declaration in MemberDeclarations.Of(model.SyntaxTree.GetRoot(cancellation)))
        {
            if (MemberCode.Of(declaration, model, torch, open, cancellation) is not { } member)
            {
                continue;
            }

            _members.Add(member);
            foreach (string method in member.Methods)
            {
                Add(_byMethod, method, member);
            }

            foreach (OperationKind kind in member.Kinds)
            {
                Add(_byKind, kind, member);
            }

            if (member.TorchCalls.Count > 0)
            {
                _torchCallers.Add(member);
            }
        }
    }

    /// <summary>All members with code, in the order of the source.</summary>
    public IReadOnlyList<MemberCode> Members => _members;

    /// <summary>The members that call a method which TorchSharp declares.</summary>
    public IReadOnlyList<MemberCode> TorchCallers => _torchCallers;

    /// <summary>The members that call a method of the name, whoever declares it.</summary>
    public IReadOnlyList<MemberCode> CallersOf(string method) => _byMethod.TryGetValue(method, out List<MemberCode> members) ? members : [];

    /// <summary>The members that call a method of one of the names, each once.</summary>
    public IEnumerable<MemberCode> CallersOfAny(string[] methods) =>
        methods.Length == 1 ? CallersOf(methods[0])
        : Array.Exists(methods, _byMethod.ContainsKey) ? _members.Where(member => member.CallsAny(methods))
        : [];

    /// <summary>The members that contain an operation of the kind.</summary>
    public IReadOnlyList<MemberCode> With(OperationKind kind) => _byKind.TryGetValue(kind, out List<MemberCode> members) ? members : [];

    private static void Add<TKey>(Dictionary<TKey, List<MemberCode>> index, TKey key, MemberCode member)
    {
        if (!index.TryGetValue(key, out List<MemberCode> members))
        {
            index.Add(key, members = []);
        }

        members.Add(member);
    }
}
