using System.Text.RegularExpressions;
using System.Xml.Linq;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Monitoring;
using SkiaSharp;

namespace ModelGen.EndToEnd.Tests.Monitoring;

/// <summary>The report in HTML: what it holds, and how a browser shows it.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-report-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Report_IsWellFormed_NamesNothingOutside_AndHasAllParts()
    {
        string html = File.ReadAllText(Write());
        XElement page = XElement.Parse(html[html.IndexOf("<html", StringComparison.Ordinal)..]);
        Assert.Equal(["curves", "errors", "paths", "model", "profile", "memory", "settings"], page.Descendants("section").Select(static section => section.Attribute("id")!.Value));
        Assert.DoesNotMatch(@"https?://|@import|url\(|<script|<link|<iframe", html);
        Assert.All(page.Descendants("img"), static image => Assert.StartsWith("data:image/png;base64,", image.Attribute("src")!.Value));
        Assert.All(page.Descendants("a"), link => Assert.Contains(link.Attribute("href")!.Value[1..], page.Descendants("section").Select(static section => section.Attribute("id")!.Value)));
        Assert.Equal(8, page.Descendants("img").Count());
        Assert.True(page.Descendants("svg").Count() >= 9, $"{page.Descendants("svg").Count()} charts");
        Assert.All(page.Descendants("svg"), static chart => Assert.False(string.IsNullOrEmpty(chart.Attribute("aria-label")?.Value)));
        Assert.DoesNotContain("NaN", string.Concat(page.Descendants("svg").DescendantsAndSelf().Attributes().Select(static attribute => attribute.Value)));
        Assert.Contains("conv2", page.Value);

        // XML closes these where HTML does not: everything behind them would lie inside.
        Assert.DoesNotMatch(@"<(i|b|p|div|span|td|th|tr|section|figure|figcaption|svg|text|a)\b[^>]*/>", html);
        Assert.Contains("prefers-color-scheme:dark", html);
    }

    [Fact]
    public void Report_EscapesNames()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None });
        string path = Path.Combine(folder, "bare.html");
        trainer.WriteReport(path, new ReportOptions { Title = "<b>\"x\" & y</b>" });
        string html = File.ReadAllText(path);
        Assert.Equal("<b>\"x\" & y</b>", XElement.Parse(html[html.IndexOf("<html", StringComparison.Ordinal)..]).Descendants("h1").Single().Value);
        Assert.Contains("No fit ran", html);
    }

    [BrowserTheory]
    [InlineData(1280)]
    [InlineData(375)]
    public void Browser_ShowsTheReport_WithoutSidewaysScrolling(int width)
    {
        string report = Write();

        // A frame of the width: browsers without a screen have a smallest window, frames do not. The page reports its own size to the frame's parent.
        const string Probe = "<script>onload=()=>parent.postMessage(document.documentElement.scrollWidth+'x'+document.documentElement.scrollHeight,'*')</script>";
        File.WriteAllText(report, File.ReadAllText(report).Replace("</body>", Probe + "</body>", StringComparison.Ordinal));
        string frame = Path.Combine(folder, "frame.html");
        string Frame(int height) => $"<!DOCTYPE html><body style=\"margin:0\"><p id=\"size\"></p><script>onmessage=e=>document.getElementById('size').textContent='size '+e.data</script><iframe src=\"report.html\" style=\"border:0;position:absolute;left:0;top:0;background:#fff\" width=\"{width}\" height=\"{height}\"></iframe></body>";
        File.WriteAllText(frame, Frame(800));
        Match size = Regex.Match(Browser.Run("--dump-dom", "--virtual-time-budget=3000", "--window-size=1400,900", new Uri(frame).AbsoluteUri), @"size (\d+)x(\d+)");
        Assert.True(size.Success, "the page did not load");
        Assert.InRange(int.Parse(size.Groups[1].Value), 1, width);
        int height = int.Parse(size.Groups[2].Value);
        Assert.InRange(height, 1500, 30000);

        File.WriteAllText(frame, Frame(height));
        string picture = Path.Combine(Environment.GetEnvironmentVariable("MODELGEN_SCREENSHOTS") ?? folder, $"report-{width}.png");
        Browser.Run($"--screenshot={picture}", "--hide-scrollbars", "--virtual-time-budget=3000", $"--window-size={width},{height}", new Uri(frame).AbsoluteUri);
        using SKBitmap shown = SKBitmap.Decode(picture);

        // Ink in the colours of the charts' series, and on every part of the page something that is not paper.
        int blue = 0;
        var inked = new bool[15];
        for (int y = 0; y < shown.Height; y += 2)
        {
            for (int x = 0; x < Math.Min(width, shown.Width); x++)
            {
                SKColor color = shown.GetPixel(x, y);
                blue += color is { Red: < 90, Blue: > 180 } ? 1 : 0;
                inked[y * inked.Length / shown.Height] |= color.Red < 150;
            }
        }

        Assert.True(blue > 2000, $"{blue} pixels of charts");
        Assert.All(inked, static part => Assert.True(part));
    }

    private string Write()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, BatchSize = 16, Epochs = 12, LearningRate = 3e-3 });
        Data.TensorDataset data = ProfileTests.Images(200);
        using var monitor = new ResourceMonitor(TimeSpan.FromMilliseconds(20));
        trainer.Fit(data, ProfileTests.Images(80));
        (TorchSharp.torch.Tensor[] inputs, _) = data.ToTensors(0, 64);
        string path = Path.Combine(folder, "report.html");
        trainer.WriteReport(path, new ReportOptions
        {
            Profile = trainer.Profile(data, steps: 5),
            Errors = trainer.AnalyzeErrors(data, new ErrorAnalysisOptions { Worst = 8 }),
            Verification = model.Verify(inputs[0], new VerifyOptions { Calibration = [inputs[0]] }),
            Resources = monitor.Samples,
        });
        return path;
    }
}
