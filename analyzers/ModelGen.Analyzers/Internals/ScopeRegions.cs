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

    public static bool Contains(this ImmutableArray<TextSpan> regions, IOperation operation) =>
        regions.Any(region => region.Contains(operation.Syntax.Span));

    /// <summary>True when the resource is, or anywhere contains, a call that satisfies the predicate.</summary>
    public static bool Calls(IOperation resource, Func<IMethodSymbol, bool> method) =>
        resource.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => method(call.TargetMethod));

    private static void Collect(IOperation operation, Func<IOperation, bool> resource, ImmutableArray<TextSpan>.Builder regions)
    {
        foreach (IOperation child in operation.ChildOperations)
        {
            switch (child)
            {
                case IAnonymousFunctionOperation or ILocalFunctionOperation:
                    continue;
                case IUsingOperation @using when resource(@using.Resources):
                    regions.Add(@using.Body.Syntax.Span);
                    break;
                case IUsingDeclarationOperation declaration when declaration.Parent is { } block && resource(declaration.DeclarationGroup):
                    regions.Add(TextSpan.FromBounds(declaration.Syntax.Span.End, block.Syntax.Span.End));
                    break;
            }

            Collect(child, resource, regions);
        }
    }
}
