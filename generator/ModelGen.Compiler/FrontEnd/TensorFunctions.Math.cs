namespace ModelGen.Compiler.FrontEnd;

/// <content>Elementwise mathematics, reductions, indexing, sorting and tensor creation.</content>
internal static partial class TensorFunctions
{
    private static void AddMath(Dictionary<string, Func<CallArguments, object?>> table)
    {
    }
}
