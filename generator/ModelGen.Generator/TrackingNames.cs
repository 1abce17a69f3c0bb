namespace ModelGen.Generator;

/// <summary>Names of the pipeline's steps, which the caching tests look at.</summary>
internal static class TrackingNames
{
    public const string Parse = nameof(Parse);

    public const string Model = nameof(Model);

    public const string Compile = nameof(Compile);

    public const string Diagnostics = nameof(Diagnostics);
}
