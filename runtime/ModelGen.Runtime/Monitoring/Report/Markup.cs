using System.Globalization;
using System.Net;
using System.Text;

namespace ModelGen.Monitoring;

/// <summary>Builds HTML and SVG that is well-formed XML too: every element is closed, every text is escaped, numbers do not depend on the culture.</summary>
internal sealed class Markup
{
    private readonly StringBuilder text = new();
    private readonly Stack<string> open = new();

    /// <summary>Opens an element.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="attributes">Names and values in turn.</param>
    public Markup Open(string name, params object[] attributes)
    {
        Start(name, attributes);
        text.Append('>');
        open.Push(name);
        return this;
    }

    /// <summary>Closes the innermost open element.</summary>
    public Markup Close()
    {
        text.Append("</").Append(open.Pop()).Append('>');
        return this;
    }

    /// <summary>Closes the innermost open element and begins a new line.</summary>
    public Markup CloseLine()
    {
        Close();
        text.Append('\n');
        return this;
    }

    /// <summary>An element without content: of SVG, or one of those that HTML never closes, such as <c>img</c>. HTML takes the slash of others for nothing.</summary>
    public Markup Empty(string name, params object[] attributes)
    {
        Start(name, attributes);
        text.Append("/>");
        return this;
    }

    /// <summary>An element with text.</summary>
    public Markup Element(string name, string content, params object[] attributes) => Open(name, attributes).Text(content).Close();

    public Markup Text(string content)
    {
        text.Append(WebUtility.HtmlEncode(content));
        return this;
    }

    /// <summary>Markup that is written already.</summary>
    public Markup Raw(string markup)
    {
        text.Append(markup);
        return this;
    }

    public override string ToString() => open.Count == 0 ? text.ToString() : throw new InvalidOperationException($"<{open.Peek()}> is not closed.");

    private void Start(string name, object[] attributes)
    {
        text.Append('<').Append(name);
        for (int i = 0; i < attributes.Length; i += 2)
        {
            string value = attributes[i + 1] is double number ? Math.Round(number, 2).ToString(CultureInfo.InvariantCulture) : Convert.ToString(attributes[i + 1], CultureInfo.InvariantCulture)!;
            text.Append(' ').Append(attributes[i]).Append("=\"").Append(WebUtility.HtmlEncode(value)).Append('"');
        }
    }
}
