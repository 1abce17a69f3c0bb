namespace ModelGen.EndToEnd.Tests;

/// <summary>The tests' assembly as a program: a fit in a process of its own, which tests kill.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is not ["fit", string folder])
        {
            Console.Error.WriteLine("usage: fit FOLDER. Tests are run by dotnet test.");
            return 2;
        }

        try
        {
            ResumeFit.InProcess(folder);
            return 0;
        }
        catch (CheckpointException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 3;
        }
    }
}
