using System.Globalization;

namespace ModelGen.Monitoring;

/// <summary>A line of a chart.</summary>
/// <param name="Name">Name for the legend.</param>
/// <param name="Points">Points in order; a value that is not finite breaks the line.</param>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>
/// Charts as inline SVG. Sizes are chosen so that letters are readable when a chart fills a phone's width; colours are variables of the page's style, which has one set for light
/// and one for dark.
/// </summary>
internal static class Charts
{
    private const double Width = 380;
    private const double Height = 240;
    private const double Right = 12;
    private const double Top = 10;
    private const double Bottom = 40;
    private const int XTicks = 5;
    private const int YTicks = 5;
    private const double LetterWidth = 6.6;

    /// <summary>Lines over one axis, with a legend when there are several; points are marked where each is a result of its own.</summary>
    public static string Lines(string title, string xLabel, string yLabel, IReadOnlyList<Series> series, bool fromZero = false, bool marked = false)
    {
        var markup = new Markup();
        Begin(markup, title, [.. series.Select(static (line, index) => (line.Name, index + 1))]);
        IEnumerable<(double X, double Y)> all = series.SelectMany(static line => line.Points);
        var y = new Axis(all.Select(static point => point.Y).Concat(fromZero ? [0.0] : []), Height - Bottom, Top, YTicks, fitsTicks: true);
        var x = new Axis(all.Select(static point => point.X), LeftOf(y), Width - Right, XTicks, fitsTicks: false, counts: xLabel is "epoch" or "step");
        Svg(markup, title, Height);
        Grid(markup, x, y, xLabel, yLabel);
        for (int i = 0; i < series.Count; i++)
        {
            Line(markup, series[i], x, y, i + 1, marked);
        }

        return End(markup);
    }

    /// <summary>Points over a diagonal that marks equality.</summary>
    public static string Scatter(string title, string xLabel, string yLabel, IReadOnlyList<(double X, double Y)> points)
    {
        var markup = new Markup();
        Begin(markup, title, []);
        double[] values = [.. points.SelectMany(static point => new[] { point.X, point.Y }).Where(double.IsFinite)];
        var y = new Axis(values, Height - Bottom, Top, YTicks, fitsTicks: false);
        var x = new Axis(values, LeftOf(y), Width - Right, XTicks, fitsTicks: false);
        Svg(markup, title, Height);
        Grid(markup, x, y, xLabel, yLabel);
        (double low, double high) = (values.DefaultIfEmpty(0).Min(), values.DefaultIfEmpty(1).Max());
        markup.Empty("line", "class", "reference", "x1", x.At(low), "y1", y.At(low), "x2", x.At(high), "y2", y.At(high));
        foreach ((double px, double py) in points.Where(static point => double.IsFinite(point.X) && double.IsFinite(point.Y)))
        {
            markup.Empty("circle", "class", "dot f1", "cx", x.At(px), "cy", y.At(py), "r", 2.5);
        }

        return End(markup);
    }

    /// <summary>Upright bars of ranges.</summary>
    public static string Histogram(string title, string xLabel, string yLabel, IReadOnlyList<(double From, double To, double Count)> bars)
    {
        var markup = new Markup();
        Begin(markup, title, []);
        var y = new Axis(bars.Select(static bar => bar.Count).Append(0), Height - Bottom, Top, YTicks, fitsTicks: true);
        var x = new Axis(bars.SelectMany(static bar => new[] { bar.From, bar.To }), LeftOf(y), Width - Right, XTicks, fitsTicks: false);
        Svg(markup, title, Height);
        Grid(markup, x, y, xLabel, yLabel);
        foreach ((double from, double to, double count) in bars)
        {
            markup.Empty("rect", "class", "f1", "x", x.At(from) + 0.5, "y", y.At(count), "width", Math.Max(1, x.At(to) - x.At(from) - 1), "height", y.At(0) - y.At(count));
        }

        return End(markup);
    }

    /// <summary>The reliability diagram: accuracy of each bin of confidence against the diagonal, on which it should lie.</summary>
    public static string Reliability(string title, CalibrationCurve calibration)
    {
        var markup = new Markup();
        Begin(markup, title, [("accuracy of the bin", 1), ("samples in the bin", 2)]);
        var y = new Axis([0, 1], Height - Bottom, Top, YTicks, fitsTicks: true);
        var x = new Axis([0, 1], LeftOf(y), Width - Right, XTicks, fitsTicks: true);
        Svg(markup, title, Height);
        Grid(markup, x, y, "confidence", "accuracy");
        double most = Math.Max(1, calibration.Bins.Max(static bin => bin.Count));
        foreach (CalibrationBin bin in calibration.Bins.Where(static bin => bin.Count > 0))
        {
            double width = x.At(bin.High) - x.At(bin.Low);
            markup.Empty("rect", "class", "f1 soft", "x", x.At(bin.Low) + 1, "y", y.At(bin.Accuracy), "width", width - 2, "height", y.At(0) - y.At(bin.Accuracy));
            double share = bin.Count / most * 0.25;
            markup.Empty("rect", "class", "f2", "x", x.At(bin.Low) + (width * 0.35), "y", y.At(share), "width", width * 0.3, "height", y.At(0) - y.At(share));
        }

        markup.Empty("line", "class", "reference", "x1", x.At(0), "y1", y.At(0), "x2", x.At(1), "y2", y.At(1));
        return End(markup);
    }

    /// <summary>Bars to the right, of several parts each, with the name above each bar and the value behind it.</summary>
    public static string Bars(string title, IReadOnlyList<string> parts, IReadOnlyList<(string Name, double[] Values, string Text)> rows)
    {
        const double RowHeight = 34;
        const double BarHeight = 11;
        const double Room = 128;
        var markup = new Markup();
        Begin(markup, title, [.. parts.Select(static (name, index) => (name, index + 1))]);
        double height = (rows.Count * RowHeight) + 6;
        Svg(markup, title, height);
        double most = rows.Select(static row => row.Values.Sum()).DefaultIfEmpty(1).Max();
        for (int i = 0; i < rows.Count; i++)
        {
            double y = i * RowHeight;
            markup.Element("text", Shortened(rows[i].Name, (int)(Width / LetterWidth)), "class", "name", "x", 0, "y", y + 14);
            double x = 0;
            for (int part = 0; part < rows[i].Values.Length; part++)
            {
                double width = rows[i].Values[part] / most * (Width - Room);
                if (width > 0)
                {
                    markup.Empty("rect", "class", $"f{part + 1}", "x", x, "y", y + 19, "width", Math.Max(width, 0.5), "height", BarHeight);
                }

                x += width;
            }

            markup.Element("text", rows[i].Text, "class", "value", "x", x + 5, "y", y + 19 + BarHeight - 1);
        }

        return End(markup);
    }

    /// <summary>A confusion matrix: the darker a cell, the larger its share of the row.</summary>
    public static string Confusion(string title, ConfusionMatrix matrix)
    {
        int classes = matrix.Classes.Count;
        int longest = Math.Min(14, matrix.Classes.Max(static name => name.Length));
        double margin = Math.Max(18, (longest * LetterWidth) + 10);
        double cell = (Width - margin) / classes;
        double height = (cell * classes) + margin + 24;
        var markup = new Markup();
        Begin(markup, title, []);
        Svg(markup, title, height);
        markup.Element("text", "predicted", "class", "axis", "x", margin + (cell * classes / 2), "y", 12, "text-anchor", "middle");
        double top = margin + 20;
        for (int i = 0; i < classes; i++)
        {
            string name = Shortened(matrix.Classes[i], longest);
            double across = margin + ((i + 0.5) * cell);
            bool upright = longest * LetterWidth < cell;
            markup.Element("text", name, upright ? ["class", "tick", "x", across, "y", top - 6, "text-anchor", "middle"] : ["class", "tick", "transform", string.Create(CultureInfo.InvariantCulture, $"translate({across + 4:0.##} {top - 5:0.##}) rotate(-90)")]);
            markup.Element("text", name, "class", "tick", "x", margin - 6, "y", top + ((i + 0.5) * cell) + 4, "text-anchor", "end");
            long sum = Enumerable.Range(0, classes).Sum(j => matrix[i, j]);
            for (int j = 0; j < classes; j++)
            {
                long count = matrix[i, j];
                double share = sum == 0 ? 0 : (double)count / sum;
                markup.Open("rect", "class", i == j ? "f1" : "f2", "x", margin + (j * cell) + 0.5, "y", top + (i * cell) + 0.5, "width", cell - 1, "height", cell - 1, "fill-opacity", count == 0 ? 0.06 : 0.15 + (0.85 * share));
                markup.Element("title", string.Create(CultureInfo.InvariantCulture, $"{matrix.Classes[i]} taken for {matrix.Classes[j]}: {count} of {sum}")).Close();
                string text = count.ToString(CultureInfo.InvariantCulture);
                if (count > 0 && text.Length * LetterWidth < cell - 2)
                {
                    markup.Element("text", text, "class", share > 0.5 ? "cell strong" : "cell", "x", margin + ((j + 0.5) * cell), "y", top + ((i + 0.5) * cell) + 4, "text-anchor", "middle");
                }
            }
        }

        return End(markup);
    }

    /// <summary>
    /// The layers from first to last, one below the other, with lines between those that read each other: neighbours are joined directly, others around the right side.
    /// </summary>
    public static string Layers(string title, ModelSummary summary)
    {
        const double RowHeight = 46;
        const double BoxHeight = 34;
        const double BoxWidth = 320;
        const double Lane = 9;
        IReadOnlyList<LayerSummary> layers = summary.Layers;
        (int From, int To)[] jumps = [.. layers.SelectMany(static (layer, index) => layer.Inputs.Where(input => input != index - 1).Select(input => (input, index)))];
        int[] lanes = Lanes(jumps);
        double width = Math.Max(Width, BoxWidth + 20 + (Lane * (lanes.DefaultIfEmpty(-1).Max() + 2)));
        var markup = new Markup();
        Begin(markup, title, []);
        markup.Open("svg", "viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width:0.##} {((layers.Count + 1) * RowHeight) + 4:0.##}"), "role", "img", "aria-label", title);
        double Y(int row) => (row + 1) * RowHeight;
        markup.Empty("rect", "class", "box input", "x", 1, "y", Y(-1) + 1, "width", BoxWidth, "height", BoxHeight, "rx", 6);
        string shape = layers.FirstOrDefault(static layer => layer.Inputs.Contains(-1))?.InputShape ?? "";
        markup.Element("text", "inputs", "class", "name", "x", 10, "y", Y(-1) + 22);
        markup.Element("text", shape, "class", "value", "x", BoxWidth - 8, "y", Y(-1) + 22, "text-anchor", "end");
        for (int i = 0; i < layers.Count; i++)
        {
            LayerSummary layer = layers[i];
            if (layer.Inputs.Contains(i - 1))
            {
                markup.Empty("line", "class", "edge", "x1", BoxWidth / 2, "y1", Y(i - 1) + BoxHeight + 1, "x2", BoxWidth / 2, "y2", Y(i));
            }

            string name = layer.Name.Length > 0 ? layer.Name : layer.Type;
            string below = layer.Name.Length > 0 ? layer.Type : "";
            below += layer.Parameters > 0 ? (below.Length > 0 ? ", " : "") + TextTable.Number(layer.Parameters) + " parameters" : "";
            markup.Empty("rect", "class", layer.Parameters > 0 ? "box layer" : "box", "x", 1, "y", Y(i), "width", BoxWidth, "height", BoxHeight, "rx", 6);
            int room = (int)((BoxWidth - 24) / LetterWidth) - layer.OutputShape.Length;
            markup.Element("text", Shortened(name, Math.Max(8, room)), "class", "name", "x", 10, "y", Y(i) + (below.Length > 0 ? 15 : 22));
            if (below.Length > 0)
            {
                markup.Element("text", Shortened(below, (int)((BoxWidth - 24) / LetterWidth)), "class", "value", "x", 10, "y", Y(i) + 28);
            }

            markup.Element("text", layer.OutputShape, "class", "value", "x", BoxWidth - 8, "y", Y(i) + (below.Length > 0 ? 15 : 22), "text-anchor", "end");
        }

        for (int i = 0; i < jumps.Length; i++)
        {
            double right = BoxWidth + 14 + (Lane * lanes[i]);
            (double start, double end) = (Y(jumps[i].From) + (BoxHeight * 0.7), Y(jumps[i].To) + (BoxHeight * 0.35));
            markup.Empty("path", "class", "edge", "fill", "none", "d", string.Create(CultureInfo.InvariantCulture, $"M{BoxWidth + 1:0.##} {start:0.##} H{right - 5:0.##} Q{right:0.##} {start:0.##} {right:0.##} {start + 5:0.##} V{end - 5:0.##} Q{right:0.##} {end:0.##} {right - 5:0.##} {end:0.##} H{BoxWidth + 2:0.##}"));
            markup.Empty("circle", "class", "f1", "cx", BoxWidth + 3.0, "cy", end, "r", 2.5);
        }

        return End(markup);
    }

    /// <summary>A text cut to a number of characters.</summary>
    public static string Shortened(string text, int most) => text.Length <= most ? text : text[..Math.Max(1, most - 1)] + "…";

    /// <summary>Lanes for spans so that those which overlap lie beside each other: first fit by length, the short ones inside.</summary>
    private static int[] Lanes((int From, int To)[] spans)
    {
        var lanes = new int[spans.Length];
        var placed = new List<int>();
        foreach (int index in Enumerable.Range(0, spans.Length).OrderBy(index => spans[index].To - spans[index].From))
        {
            int lane = 0;
            while (placed.Any(other => lanes[other] == lane && spans[other].From < spans[index].To && spans[index].From < spans[other].To))
            {
                lane++;
            }

            lanes[index] = lane;
            placed.Add(index);
        }

        return lanes;
    }

    private static void Begin(Markup markup, string title, IReadOnlyList<(string Name, int Color)> legend)
    {
        markup.Open("figure", "class", "chart").Element("figcaption", title);
        if (legend.Count > 1)
        {
            markup.Open("div", "class", "legend");
            foreach ((string name, int color) in legend)
            {
                markup.Open("span").Open("i", "class", "b" + color.ToString(CultureInfo.InvariantCulture)).Close().Text(name).Close();
            }

            markup.Close();
        }
    }

    private static void Svg(Markup markup, string title, double height) =>
        markup.Open("svg", "viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {Width} {height:0.##}"), "role", "img", "aria-label", title);

    private static string End(Markup markup) => markup.Close().CloseLine().ToString();

    /// <summary>Left edge of the plot: the texts of the vertical axis and its label have room before it.</summary>
    private static double LeftOf(Axis y) => 30 + (LetterWidth * y.Ticks().Max(static tick => tick.Text.Length));

    private static void Grid(Markup markup, Axis x, Axis y, string xLabel, string yLabel)
    {
        double left = LeftOf(y);
        foreach ((double value, string text) in y.Ticks())
        {
            markup.Empty("line", "class", "grid", "x1", left, "y1", y.At(value), "x2", Width - Right, "y2", y.At(value));
            markup.Element("text", text, "class", "tick", "x", left - 6, "y", y.At(value) + 4, "text-anchor", "end");
        }

        foreach ((double value, string text) in x.Ticks())
        {
            markup.Element("text", text, "class", "tick", "x", x.At(value), "y", Height - Bottom + 16, "text-anchor", "middle");
        }

        markup.Element("text", xLabel, "class", "axis", "x", (left + Width - Right) / 2, "y", Height - 6, "text-anchor", "middle");
        markup.Element("text", yLabel, "class", "axis", "text-anchor", "middle", "transform", string.Create(CultureInfo.InvariantCulture, $"translate(11 {(Height - Bottom + Top) / 2:0.##}) rotate(-90)"));
    }

    private static void Line(Markup markup, Series series, Axis x, Axis y, int color, bool marked)
    {
        var path = new System.Text.StringBuilder();
        bool draws = false;
        foreach ((double px, double py) in series.Points)
        {
            if (!double.IsFinite(py))
            {
                draws = false;
                continue;
            }

            path.Append(CultureInfo.InvariantCulture, $"{(draws ? 'L' : 'M')}{x.At(px):0.##} {y.At(py):0.##}");
            draws = true;
        }

        string name = color.ToString(CultureInfo.InvariantCulture);
        markup.Empty("path", "class", "line s" + name, "d", path.ToString());

        foreach ((double px, double py) in marked ? series.Points.Where(static point => double.IsFinite(point.Y)) : [])
        {
            markup.Empty("circle", "class", "f" + name, "cx", x.At(px), "cy", y.At(py), "r", 3.0);
        }
    }
}
