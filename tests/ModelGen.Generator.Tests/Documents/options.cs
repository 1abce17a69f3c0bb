internal static class Example
{
    public static TrainerOptions Options => new()
    {
        // example
    };
}
