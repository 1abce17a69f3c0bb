using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ModelGen.Generator.Tests;

/// <summary>Code in flux: whatever a user types, the generator neither throws nor reports a fault of its own.</summary>
public sealed class RobustnessTests
{
    [Theory]
    [InlineData(Sources.DigitNet, 1)]
    [InlineData(Sources.ResidualNet, 2)]
    [InlineData(Sources.TextNet, 3)]
    public void DeletedDuplicatedAndSwappedTokens_NeverBreakTheGenerator(string source, int seed)
    {
        var random = new Random(seed);
        string[] tokens = [.. CSharpSyntaxTree.ParseText(source).GetRoot().DescendantTokens().Select(static token => token.ToFullString())];
        for (int i = 0; i < 100; i++)
        {
            List<string> changed = [.. tokens];
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(changed.Count);
                switch (random.Next(3))
                {
                    case 0:
                        changed.RemoveAt(at);
                        break;
                    case 1:
                        changed.Insert(at, changed[at]);
                        break;
                    default:
                        changed[at] = changed[random.Next(changed.Count)];
                        break;
                }
            }

            string text = string.Concat(changed);
            GeneratorDriver driver = GeneratorRun.Driver().RunGenerators(GeneratorRun.Compile(text));
            GeneratorRunResult result = driver.GetRunResult().Results.Single();
            Assert.True(result.Exception is null, $"{result.Exception}\n{text}");
            Assert.True(result.Diagnostics.All(static diagnostic => diagnostic.Id != "MG9001"), $"{result.Diagnostics.FirstOrDefault(static diagnostic => diagnostic.Id == "MG9001")}\n{text}");
        }
    }
}
