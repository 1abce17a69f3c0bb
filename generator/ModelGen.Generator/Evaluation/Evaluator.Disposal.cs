using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Generator.Evaluation;

/// <content>What happens at the end of <c>using</c>.</content>
internal sealed partial class Evaluator
{
    /// <summary>The values that a <c>using</c> names, in the order of the text.</summary>
    private static IEnumerable<(object? Resource, SyntaxNode At)> Resources(IVariableDeclarationGroupOperation declared, Frame frame) =>
        from declaration in declared.Declarations
        from declarator in declaration.Declarators
        select (frame.TryGet(declarator.Symbol, out object? value) ? value : null, declarator.Syntax);

    /// <summary>Runs <c>Dispose</c> of objects of the user, the last one first. Tensors, layers and objects of .NET have none that matters.</summary>
    private void DisposeAll(IReadOnlyList<(object? Resource, SyntaxNode At)>? resources, Frame frame)
    {
        // A value that `return` computed before stays what it is.
        for (int i = (resources?.Count ?? 0) - 1; i >= 0; i--)
        {
            if (resources![i] is (SymObject { Module: null } instance, var at) && DisposeOf(instance) is { } dispose && FindBody(dispose) is not null)
            {
                if (frame.Yielded is not null)
                {
                    throw Effects(at);
                }

                Invoke(new SymFunction(dispose, instance, null, null), [], at);
            }
        }
    }

    /// <summary>The implementation of <c>IDisposable.Dispose</c>, or the method of that name where C# needs no interface.</summary>
    private IMethodSymbol? DisposeOf(SymObject instance)
    {
        ISymbol? member = cache.TypeOf("System.IDisposable")?.GetMembers("Dispose").FirstOrDefault();
        return (member is null ? null : instance.Type.FindImplementationForInterfaceMember(member) as IMethodSymbol) is not { } implementation
            ? instance.Type.GetMembers("Dispose").OfType<IMethodSymbol>().FirstOrDefault(static method => method.Parameters.IsEmpty)
            : implementation.IsVirtual || implementation.IsAbstract || implementation.IsOverride ? Virtual(instance, implementation) : implementation;
    }
}
