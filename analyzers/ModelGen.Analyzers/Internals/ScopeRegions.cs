using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>Where, in the source of one function, the effect of a <c>using</c> lasts.</summary>
internal static class ScopeRegions
{
    /// <summary>
    /// The spans in which some <c>using</c> whose resource satisfies the predicate is open, outermost first. A using
    /// declaration lasts to the end of its block, a using statement over its body. Nested functions are not entered.
    /// </summary>
    public static ImmutableArray<TextSpan> Find(IOperation function, Func<IOperation, bool> resource)
    {
        ImmutableArray<TextSpan>.Builder regions = ImmutableArray.CreateBuilder<TextSpan>();
        Collect(function, resource, regions);
        return regions.ToImmutable();
    }

    /// <summary>The span in which the operation holds a resource that satisfies the predicate; null when it is no such <c>using</c>.</summary>
    public static TextSpan? Opened(IOperation operation, Func<IOperation, bool> resource) => operation switch
    {
        IUsingOperation @using when resource(@using.Resources) => @using.Body.Syntax.Span,
        IUsingDeclarationOperation { Parent: { } block } declaration when resource(declaration.DeclarationGroup) => TextSpan.FromBounds(declaration.Syntax.Span.End, block.Syntax.Span.End),
        _ => null,
    };

    public static bool Contains(this ImmutableArray<TextSpan> regions, IOperation operation) =>
        regions.Any(region => region.Contains(operation.Syntax.Span));

    /// <summary>True when the resource is, or anywhere contains, a call that satisfies the predicate.</summary>
    public static bool Calls(IOperation resource, Func<IMethodSymbol, bool> method) =>
        resource.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => method(call.TargetMethod));

    private static void Collect(IOperation operation, Func<IOperation, bool> resource, ImmutableArray<TextSpan>.Builder regions)
    {
        foreach (IOperation child in operation.ChildOperations)
        {
            if (child is IAnonymousFunctionOperation or ILocalFunctionOperation)
            {
                continue;
            }

            if (Opened(child, resource) is { } region)
            {
                regions.Add(region);
            }

            Collect(child, resource, regions);
        }
    }
}
