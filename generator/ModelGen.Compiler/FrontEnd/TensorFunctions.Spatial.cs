namespace ModelGen.Compiler.FrontEnd;

/// <content>Convolutions, pooling, padding, resampling and normalisation.</content>
internal static partial class TensorFunctions
{
    private static void AddSpatial(Dictionary<string, Func<CallArguments, object?>> table)
    {
    }
}
