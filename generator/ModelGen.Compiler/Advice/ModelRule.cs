namespace ModelGen.Compiler.Advice;

/// <summary>What a rule has to say of one node.</summary>
/// <param name="Node">Index of the node in the graph.</param>
/// <param name="Text">The whole message.</param>
/// <param name="LeftToAnalyzerWith">
/// Index of a second node; where one expression runs both, as the forward of a Sequential does, the analyzers see the two
/// layers side by side in the code and report them themselves. -1 for none.
/// </param>
internal sealed record Finding(int Node, string Text, int LeftToAnalyzerWith = -1);

/// <summary>A rule about models that needs what the compiler knows: shapes, costs, what follows what. Each has a page in <c>analyzers/rules</c>.</summary>
internal abstract class ModelRule
{
    public abstract string Id { get; }

    public abstract IEnumerable<Finding> Check(ReviewedModel model);
}
