namespace ModelGen.Compiler.Codegen;

/// <summary>Unique C# identifiers made from the user's names.</summary>
internal sealed class NameAllocator(params string[] reserved)
{
    private static readonly HashSet<string> Keywords = new(
        ("abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern false finally fixed float for "
        + "foreach goto if implicit in int interface internal is lock long namespace new null object operator out override params private protected public readonly ref return sbyte sealed "
        + "short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual void volatile while").Split(' '), StringComparer.Ordinal);

    private readonly HashSet<string> used = new(reserved, StringComparer.Ordinal);

    public static bool IsKeyword(string name) => Keywords.Contains(name);

    /// <summary>An unused identifier close to the wanted text.</summary>
    public string Unique(string wanted)
    {
        string name = Identifier(wanted);
        string unique = name;
        for (int i = 2; !used.Add(unique); i++)
        {
            unique = name + "_" + Invariant.Text(i);
        }

        return Keywords.Contains(unique) ? "@" + unique : unique;
    }

    /// <summary>An unused name that may hold any characters (ONNX names).</summary>
    public string UniqueText(string wanted)
    {
        string unique = wanted;
        for (int i = 2; !used.Add(unique); i++)
        {
            unique = wanted + "_" + Invariant.Text(i);
        }

        return unique;
    }

    private static string Identifier(string text)
    {
        char[] characters = [.. text.Select(static character => char.IsLetterOrDigit(character) ? character : '_')];
        string name = new string(characters).Trim('_');
        return name.Length == 0 ? "value" : char.IsDigit(name[0]) ? "_" + name : name;
    }
}
