namespace ModelGen.Analyzers.Tests;

internal static class Snippets
{
    /// <summary>Adds the usual usings, so that a test shows only what it is about.</summary>
    public static string Complete(string source) =>
        """
        using System;
        using System.Collections.Generic;
        using System.Linq;
        using System.Threading.Tasks;
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;


        """.ReplaceLineEndings("\n") + source.ReplaceLineEndings("\n");
}
