namespace ModelGen.Onnx.Optimization;

/// <summary>A rewriting of a model that keeps its results.</summary>
internal interface IModelPass
{
    /// <summary>Name in reports.</summary>
    string Name { get; }

    /// <summary>Rewrites the graph.</summary>
    /// <returns>Number of places that changed.</returns>
    int Run(ModelGraph graph);
}
