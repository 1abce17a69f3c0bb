using ModelGen.Monitoring;
using SkiaSharp;

namespace ModelGen.Runtime.Tests.Monitoring;

/// <summary>Event files, read back by <see cref="EventFileReader"/>. Numbers of fields are those of TensorFlow's event.proto, summary.proto, graph.proto and the hparams plug-in.</summary>
public sealed class TensorBoardWriterTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-events-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Reader_ComputesTheChecksumOfRfc3720()
    {
        // RFC 3720, B.4: 32 bytes of zeroes have the CRC-32C 8a9136aa.
        uint rotated = EventFileReader.Masked(new byte[32]) - 0xA282EAD8;
        Assert.Equal(0x8A9136AAu, (rotated << 15) | (rotated >> 17));
    }

    [Fact]
    public void File_BeginsWithTheVersion_AndHasTensorBoardsName()
    {
        IReadOnlyList<Message> events = Write(static _ => { }, out string path);
        Assert.Equal("brain.Event:2", events[0].Text(3));
        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(path));
        Assert.InRange(events[0].Double(1), DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60);
    }

    [Fact]
    public void Scalar_HasTagValueAndStep()
    {
        Message entry = Write(static writer => writer.AddScalar("train/loss", 0.375, 12345678901))[1];
        Assert.Equal(12345678901, entry.Int(2));
        Message value = entry.Child(5).Children(1).Single();
        Assert.Equal("train/loss", value.Text(1));
        Assert.Equal(0.375f, value.Float(2));
    }

    [Fact]
    public void Histogram_HasMomentsAndBucketsOfTheFiniteValues()
    {
        float[] values = [-1, -0.5f, 0, 0.25f, 3, float.NaN, float.PositiveInfinity];
        Message histogram = Write(writer => writer.AddHistogram("w", values, 7))[1].Child(5).Children(1).Single().Child(5);
        Assert.Equal((-1.0, 3.0, 5.0, 1.75, 10.3125), (histogram.Double(1), histogram.Double(2), histogram.Double(3), histogram.Double(4), histogram.Double(5)));
        (double[] limits, double[] counts) = (histogram.Packed(6), histogram.Packed(7));
        Assert.Equal(limits.Length, counts.Length);
        Assert.Equal(5, counts.Sum());
        Assert.Equal(3, limits[^1]);
        Assert.Equal(limits.Order(), limits);
        Assert.Equal(2, counts.Where((_, index) => limits[index] <= 0).Sum(), 0);
    }

    [Fact]
    public void Histogram_OfEqualValues_IsOneBucket()
    {
        Message histogram = Write(static writer => writer.AddHistogram("w", [2, 2, 2], 0))[1].Child(5).Children(1).Single().Child(5);
        Assert.Equal([2.0], histogram.Packed(6));
        Assert.Equal([3.0], histogram.Packed(7));
    }

    [Fact]
    public void Histogram_WithoutFiniteValue_IsRefused() =>
        Write(static writer => Assert.Contains("'w'", Assert.Throws<ArgumentException>(() => writer.AddHistogram("w", [float.NaN], 0)).Message));

    [Fact]
    public void Image_IsAPngWithThePixels()
    {
        byte[] pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90];
        Message image = Write(writer => writer.AddImage("picture", pixels, width: 3, height: 2, channels: 3, step: 1))[1].Child(5).Children(1).Single().Child(4);
        Assert.Equal((2, 3, 3), (image.Int(1), image.Int(2), image.Int(3)));
        using SKBitmap decoded = SKBitmap.Decode(image.Bytes(4));
        Assert.Equal(new SKColor(0, 255, 0), decoded.GetPixel(1, 0));
        Assert.Equal(new SKColor(70, 80, 90), decoded.GetPixel(2, 1));
    }

    [Fact]
    public void GreyImage_SaysSo_AndWrongSizesAreRefused() => Write(static writer =>
    {
        writer.AddImage("grey", [0, 128, 255, 7], 2, 2, 1, 0);
        Assert.Contains("2 x 2", Assert.Throws<ArgumentException>(() => writer.AddImage("grey", [1, 2, 3], 2, 2, 1, 0)).Message);
        Assert.Throws<ArgumentException>(() => writer.AddImage("no image", [1, 2, 3], 0));
    });

    [Fact]
    public void Text_IsAStringTensorOfTheTextPlugin()
    {
        Message value = Write(static writer => writer.AddText("note", "**good** – ü", 3))[1].Child(5).Children(1).Single();
        Assert.Equal("note/text_summary", value.Text(1));
        Assert.Equal("text", value.Child(9).Child(1).Text(1));
        Message tensor = value.Child(8);
        Assert.Equal(7, tensor.Int(1));
        Assert.Equal(1, tensor.Child(2).Children(2).Single().Int(1));
        Assert.Equal("**good** – ü", tensor.Text(8));
    }

    [Fact]
    public void Hyperparameters_AreTheThreeEntriesOfThePlugin()
    {
        IReadOnlyList<Message> events = Write(static writer =>
        {
            writer.AddHyperparameters(new Dictionary<string, object> { ["lr"] = 0.01, ["epochs"] = 3, ["nesterov"] = true, ["optimizer"] = "SGD" }, ["epoch/loss"]);
            writer.EndRun(succeeded: true);
        });
        Message[] values = [.. events.Skip(1).Select(static entry => entry.Child(5).Children(1).Single())];
        Assert.Equal(["_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"], values.Select(static value => value.Text(1)));
        Assert.All(values, static value => Assert.Equal("hparams", value.Child(9).Child(1).Text(1)));
        Message experiment = values[0].Child(9).Child(1).Child(2).Child(2);
        Assert.Equal([("lr", 3L), ("epochs", 3L), ("nesterov", 2L), ("optimizer", 1L)], experiment.Children(4).Select(static info => (info.Text(1), info.Int(4))));
        Assert.Equal("epoch/loss", experiment.Children(5).Single().Child(1).Text(2));
        Dictionary<string, Message> start = values[1].Child(9).Child(1).Child(2).Child(3).Children(1).ToDictionary(static pair => pair.Text(1), static pair => pair.Child(2));
        Assert.Equal(0.01, start["lr"].Double(2));
        Assert.Equal("SGD", start["optimizer"].Text(3));
        Assert.Equal(1, start["nesterov"].Int(4));
        Assert.Equal(1, values[2].Child(9).Child(1).Child(2).Child(4).Int(1));
    }

    [Fact]
    public void Graph_HasANodeForEachLayer_WithItsInputs()
    {
        LayerSummary[] layers =
        [
            new("stem", "Conv2d", "[N, 3, 8, 8]", "[N, 4, 8, 8]", 112, 10) { Inputs = [-1] },
            new("", "relu", "[N, 4, 8, 8]", "[N, 4, 8, 8]", 0, 10) { Inputs = [0] },
            new("block.conv", "Conv2d", "[N, 4, 8, 8]", "[N, 4, 8, 8]", 148, 10) { Inputs = [1] },
            new("", "add, relu", "[N, 4, 8, 8]", "[N, 4, 8, 8]", 0, 10) { Inputs = [2, 1] },
            new("", "relu", "[N, 4, 8, 8]", "[N, 4, 8, 8]", 0, 10) { Inputs = [3] },
        ];
        Message graph = Write(writer => writer.AddGraph(new ModelSummary("Net", layers, [])))[1].Child(4);
        IReadOnlyList<Message> nodes = graph.Children(1);
        Assert.Equal(["inputs", "stem", "relu", "block/conv", "add_relu", "relu_2"], nodes.Select(static node => node.Text(1)));
        Assert.Equal(["block/conv", "relu"], nodes[4].Texts(3));
        Assert.Equal("Conv2d", nodes[1].Text(2));
        Message shapes = nodes[1].Children(5).Single(static pair => pair.Text(1) == "_output_shapes").Child(2).Child(1);
        Assert.Equal([-1L, 4, 8, 8], shapes.Children(7).Single().Children(2).Select(static size => size.Int(1)));
    }

    private IReadOnlyList<Message> Write(Action<TensorBoardWriter> action) => Write(action, out _);

    private IReadOnlyList<Message> Write(Action<TensorBoardWriter> action, out string path)
    {
        using (var writer = new TensorBoardWriter(folder))
        {
            action(writer);
            path = writer.FilePath;
        }

        return EventFileReader.Read(path);
    }
}
