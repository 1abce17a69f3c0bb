namespace CharGpt;

/// <summary>The characters that the model knows: printable ASCII, the line feed, and one for all others.</summary>
internal static class Alphabet
{
    public const int Size = Printable + 2;

    private const int Printable = '~' - ' ' + 1, LineFeed = Printable, Other = Printable + 1;

    public static long[] Encode(string text) => [.. text.Where(static letter => letter != '\r').Select(static letter => letter switch
    {
        >= ' ' and <= '~' => (long)letter - ' ',
        '\n' => LineFeed,
        _ => Other,
    })];

    public static char Decode(int code) => code switch
    {
        LineFeed => '\n',
        Other => '\u00b7',
        _ => (char)(code + ' '),
    };
}
