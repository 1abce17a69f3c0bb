namespace ModelGen.Compiler.Tests;

/// <summary>Rows of theories over a table of cases.</summary>
internal static class TheoryRows
{
    /// <summary>The number and the name of every case: cases themselves cannot travel through the test runner.</summary>
    public static TheoryData<int, string> Of(IEnumerable<string> names)
    {
        var data = new TheoryData<int, string>();
        foreach ((int index, string name) in names.Index())
        {
            data.Add(index, name);
        }

        return data;
    }
}
