internal static class Example
{
    public static void Run()
    {
        // example
    }
}
