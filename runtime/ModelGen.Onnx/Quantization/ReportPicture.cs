using System.Globalization;
using System.Text;

namespace ModelGen.Onnx.Quantization;

/// <summary>Draws a report as bars.</summary>
internal static class ReportPicture
{
    private const int Left = 260;
    private const int Width = 520;
    private const int Row = 18;

    public static string Draw(QuantizationReport report)
    {
        var bars = new List<(string Label, double Share, string Value, string Colour)>
        {
            ("size, float", 1, TextTable.Bytes(report.FloatBytes), "#8a94a6"),
            ("size, quantized", report.QuantizedBytes / Math.Max(1.0, Math.Max(report.FloatBytes, report.QuantizedBytes)), TextTable.Bytes(report.QuantizedBytes), "#2f6fde"),
        };
        if (report.FloatMilliseconds is double before && report.QuantizedMilliseconds is double after)
        {
            double longest = Math.Max(before, after);
            bars.Add(("latency, float", before / longest, Show(before) + " ms", "#8a94a6"));
            bars.Add(("latency, quantized", after / longest, Show(after) + " ms", "#2f6fde"));
        }

        HashSet<string> integer = [.. report.Nodes.Where(static node => node.IsInteger).Select(static node => node.Name)];
        foreach (LayerError layer in report.Layers)
        {
            bars.Add(($"{layer.OpType} {layer.Node}", Math.Clamp(layer.Decibel / 60, 0, 1), Show(layer.Decibel) + " dB", integer.Contains(layer.Node) ? "#2f9e57" : "#c9a227"));
        }

        int height = ((bars.Count + 1) * Row) + 16;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Left + Width + 100}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n");
        text.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"8\" y=\"16\">Signal to quantization noise of each value (60 dB is the full width); green runs in integers, yellow in float</text>\n");
        for (int i = 0; i < bars.Count; i++)
        {
            int top = ((i + 1) * Row) + 6;
            text.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 6}\" y=\"{top + 11}\" text-anchor=\"end\">{Escaped(bars[i].Label)}</text>");
            text.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left}\" y=\"{top}\" width=\"{bars[i].Share * Width:0.0}\" height=\"{Row - 5}\" fill=\"{bars[i].Colour}\"/>");
            text.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left + (bars[i].Share * Width) + 5:0.0}\" y=\"{top + 11}\">{bars[i].Value}</text>\n");
        }

        return text.Append("</svg>\n").ToString();
    }

    private static string Show(double value) => value.ToString("0.0##", CultureInfo.InvariantCulture);

    private static string Escaped(string text) => System.Security.SecurityElement.Escape(text.Length <= 44 ? text : "…" + text[^43..]);
}
