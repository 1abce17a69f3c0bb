using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Follows variables that are assigned again and again, as in <c>x = a(x); x = b(x); return x;</c>.</summary>
internal static class StraightLine
{
    /// <summary>
    /// The value that a local or parameter certainly has where it is mentioned: that of the last assignment before it, when this and the mention are statements of one block, and nothing between
    /// them writes the variable. Everything else stands for itself.
    /// </summary>
    public static IOperation ValueAt(this IOperation mention)
    {
        mention = mention.Unwrap();
        for (int depth = 0; depth < 8 && mention is ILocalReferenceOperation or IParameterReferenceOperation; depth++)
        {
            if (LastValue(mention, mention.NamedVariable()!) is not { } value)
            {
                break;
            }

            mention = value.Unwrap();
        }

        return mention;
    }

    private static IOperation? LastValue(IOperation mention, ISymbol variable)
    {
        IOperation statement = mention;
        while (statement.Parent is { } parent and not IBlockOperation)
        {
            if (parent is IAnonymousFunctionOperation or ILoopOperation or IConditionalOperation or ISwitchOperation or ITryOperation or IUsingOperation)
            {
                return null;
            }

            statement = parent;
        }

        if (statement.Parent is not IBlockOperation block)
        {
            return null;
        }

        for (int index = block.Operations.IndexOf(statement) - 1; index >= 0; index--)
        {
            switch (block.Operations[index])
            {
                case IExpressionStatementOperation { Operation: ISimpleAssignmentOperation assignment } when assignment.Target.Names(variable):
                    return assignment.Value;
                case IVariableDeclarationGroupOperation declarations when Declarator(declarations, variable) is { } declarator:
                    return declarator.GetVariableInitializer()?.Value;
                case IUsingDeclarationOperation { DeclarationGroup: { } declarations } when Declarator(declarations, variable) is { } declarator:
                    return declarator.GetVariableInitializer()?.Value;
                case { } other when other.DescendantsAndSelf().Any(operation => LocalValues.Writes(operation, variable)):
                    return null;
            }
        }

        return null;
    }

    private static IVariableDeclaratorOperation? Declarator(IVariableDeclarationGroupOperation declarations, ISymbol variable) =>
        declarations.Declarations.SelectMany(declaration => declaration.Declarators).FirstOrDefault(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, variable));
}
