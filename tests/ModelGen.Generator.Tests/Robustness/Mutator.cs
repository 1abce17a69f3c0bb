using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Generator.Tests;

/// <summary>Breaks a source the way editing does: tokens are deleted, doubled, swapped and garbled, members are copied, the end is missing. A seed always gives the same text.</summary>
internal sealed class Mutator
{
    private static readonly string[] Numbers = ["0", "-1", "1", "2", "7", "3.5", "1e308", "1000000", "2147483647", "9223372036854775807L", "null", "true", "\"text\"", "'c'", "default"];
    private static readonly string[] Strings = ["\"\"", "\"N\"", "\"a b\"", "\"{0}\"", "null", "0", "nameof(", "\"\\uD800\""];
    private static readonly string[] Operators = ["+", "-", "*", "/", "%", "<<", "==", "<", ">", "&&", "??", "=", "+=", "=>", ".", "..", "?", "is", "as"];
    private static readonly string[] Words = ["this", "base", "null", "var", "x", "training", "forward", "int", "Tensor", "return", "while", "for", "static", "new", "throw", "await", "yield", "ref", "out", "typeof", "with", "switch", "stackalloc"];

    private readonly string[] tokens;
    private readonly SyntaxKind[] kinds;
    private readonly string[] identifiers;
    private readonly int[] brackets;
    private readonly (int From, int To)[] members;

    public Mutator(string source)
    {
        SyntaxNode root = CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Latest)).GetRoot();
        SyntaxToken[] all = [.. root.DescendantTokens()];
        tokens = [.. all.Select(static token => token.ToFullString())];
        kinds = [.. all.Select(static token => token.Kind())];
        identifiers = [.. all.Where(static token => token.IsKind(SyntaxKind.IdentifierToken)).Select(static token => token.Text).Distinct()];
        brackets = [.. Enumerable.Range(0, all.Length).Where(index => all[index].Text is "{" or "}" or "(" or ")" or "[" or "]" or "<" or ">" or ";" or ",")];
        var places = all.Select(static (token, index) => (token, index)).ToDictionary(static pair => pair.token, static pair => pair.index);
        members = [.. root.DescendantNodes().Where(static node => node is MemberDeclarationSyntax or StatementSyntax).Select(node => (places[node.GetFirstToken()], places[node.GetLastToken()] + 1))];
    }

    /// <summary>The source with one to three changes.</summary>
    public string Variant(int seed)
    {
        var random = new Random(seed);
        List<string> changed = [.. tokens];
        for (int edits = random.Next(1, 4); edits > 0 && changed.Count > 2; edits--)
        {
            Change(changed, random);
        }

        return string.Concat(changed);
    }

    private void Change(List<string> changed, Random random)
    {
        int at = random.Next(changed.Count - 1);
        switch (random.Next(12))
        {
            case 0:
                changed.RemoveAt(at);
                break;
            case 1:
                changed.Insert(at, changed[at]);
                break;
            case 2:
                (changed[at], changed[at + 1]) = (changed[at + 1], changed[at]);
                break;
            case 3:
                changed[at] = changed[random.Next(changed.Count)];
                break;
            case 4:
                changed.RemoveRange(at, Math.Min(random.Next(2, 15), changed.Count - at));
                break;
            case 5 when random.Next(4) == 0:
                // Nothing is typed yet after this point.
                changed.RemoveRange(at, changed.Count - at);
                break;
            case 6:
                int bracket = brackets[random.Next(brackets.Length)];
                if (bracket < changed.Count)
                {
                    changed.RemoveAt(bracket);
                }

                break;
            case 7:
                (int from, int to) = members[random.Next(members.Length)];
                changed.Insert(Math.Min(to, changed.Count), string.Concat(tokens[from..to]));
                break;
            case 8:
                (int first, int last) = members[random.Next(members.Length)];
                if (last <= changed.Count)
                {
                    changed.RemoveRange(first, last - first);
                }

                break;
            default:
                Garble(changed, random);
                break;
        }
    }

    /// <summary>Another token of the same kind in place of one: this is what still compiles most often, and then means something else.</summary>
    private void Garble(List<string> changed, Random random)
    {
        int at = random.Next(Math.Min(kinds.Length, changed.Count));
        string space = " ";
        changed[at] = kinds[at] switch
        {
            SyntaxKind.IdentifierToken => random.Next(5) switch
            {
                0 => changed[at].Trim() + "x" + space,
                1 => Words[random.Next(Words.Length)] + space,
                _ => identifiers[random.Next(identifiers.Length)] + space,
            },
            SyntaxKind.NumericLiteralToken => Numbers[random.Next(Numbers.Length)] + space,
            SyntaxKind.StringLiteralToken or SyntaxKind.InterpolatedStringTextToken => Strings[random.Next(Strings.Length)] + space,
            SyntaxKind.PlusToken or SyntaxKind.MinusToken or SyntaxKind.AsteriskToken or SyntaxKind.SlashToken or SyntaxKind.PercentToken or SyntaxKind.LessThanToken
                or SyntaxKind.GreaterThanToken or SyntaxKind.EqualsToken or SyntaxKind.EqualsEqualsToken or SyntaxKind.DotToken or SyntaxKind.QuestionToken or SyntaxKind.PlusPlusToken
                => space + Operators[random.Next(Operators.Length)] + space,
            _ => Words[random.Next(Words.Length)] + space,
        };
    }
}
