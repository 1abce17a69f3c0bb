using System.Text;

namespace ModelGen.Compiler;

/// <summary>Writes generated text: four spaces a level, line feeds only.</summary>
internal sealed class IndentedWriter
{
    private readonly StringBuilder text = new();
    private int level;

    /// <summary>Writes one line, or several when the text holds line feeds; an empty text gives an empty line.</summary>
    public void Line(string line = "")
    {
        foreach (string part in line.Split('\n'))
        {
            if (part.Length > 0)
            {
                text.Append(' ', level * 4).Append(part);
            }

            text.Append('\n');
        }
    }

    /// <summary>Writes a header and an opening brace; disposing writes the closing one.</summary>
    public Block Braces(string header, string end = "}")
    {
        Line(header);
        Line("{");
        level++;
        return new Block(this, end);
    }

    public override string ToString() => text.ToString();

    internal readonly struct Block(IndentedWriter writer, string end) : IDisposable
    {
        public void Dispose()
        {
            writer.level--;
            writer.Line(end);
        }
    }
}
