using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ModelGen.Monitoring.Proto;
using SkiaSharp;

namespace ModelGen.Monitoring;

/// <summary>
/// Writes an event file that TensorBoard shows: scalars, histograms, images, text, hyper-parameters and a model's graph. <c>tensorboard --logdir</c> on the folder, or on the one
/// above it to compare runs. Not safe for several threads at once.
/// </summary>
public sealed class TensorBoardWriter : IDisposable
{
    private const int Buckets = 64;
    private const int StringType = 7;
    private const int FloatType = 1;
    private const int TensorClass = 2;

    private static int files;

    private readonly RecordWriter records;

    /// <summary>Creates a new event file in a folder.</summary>
    /// <param name="folder">The run's folder; made when it does not exist. Its name is the run's name in TensorBoard.</param>
    public TensorBoardWriter(string folder)
    {
        Directory.CreateDirectory(folder);
        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds():0000000000}.{Environment.MachineName}.{Environment.ProcessId}.{Interlocked.Increment(ref files) - 1}");
        FilePath = Path.Combine(folder, name);
        records = new RecordWriter(new FileStream(FilePath, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite, bufferSize: 1 << 16));
        Write(new Event { FileVersion = "brain.Event:2" }, 0);
        Flush();
    }

    /// <summary>The event file.</summary>
    public string FilePath { get; }

    /// <summary>A number of a series.</summary>
    /// <param name="tag">Name of the series; what is before the first slash groups series.</param>
    /// <param name="value">The number; TensorBoard keeps it as float32. NaN and infinities are shown as such.</param>
    /// <param name="step">Place on the axis.</param>
    public void AddScalar(string tag, double value, long step) => Write(new Proto.Summary.Types.Value { Tag = tag, SimpleValue = (float)value }, step);

    /// <summary>A distribution, in 64 buckets of one width between the smallest and the largest value.</summary>
    /// <param name="tag">Name of the series.</param>
    /// <param name="values">The values; NaN and infinities are left out of it.</param>
    /// <param name="step">Place on the axis.</param>
    /// <exception cref="ArgumentException">No value is finite.</exception>
    public void AddHistogram(string tag, ReadOnlySpan<float> values, long step)
    {
        var histogram = new Histogram { Min = double.PositiveInfinity, Max = double.NegativeInfinity };
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                histogram.Min = Math.Min(histogram.Min, value);
                histogram.Max = Math.Max(histogram.Max, value);
                histogram.Num++;
                histogram.Sum += value;
                histogram.SumSquares += (double)value * value;
            }
        }

        if (histogram.Num == 0)
        {
            throw new ArgumentException($"A histogram needs at least one finite value; '{tag}' has none among {values.Length}.", nameof(values));
        }

        int buckets = histogram.Max > histogram.Min ? Buckets : 1;
        double width = (histogram.Max - histogram.Min) / buckets;
        var counts = new double[buckets];
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                counts[buckets == 1 ? 0 : Math.Min((int)((value - histogram.Min) / width), buckets - 1)]++;
            }
        }

        histogram.Bucket.Add(counts);
        histogram.BucketLimit.Add(Enumerable.Range(1, buckets).Select(index => index == buckets ? histogram.Max : histogram.Min + (index * width)));
        Write(new Proto.Summary.Types.Value { Tag = tag, Histo = histogram }, step);
    }

    /// <summary>A picture from pixels.</summary>
    /// <param name="tag">Name of the series.</param>
    /// <param name="pixels">Bytes by rows, channels innermost: 0 is dark.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 for grey, 3 for red, green and blue, 4 with opacity.</param>
    /// <param name="step">Place on the axis.</param>
    /// <exception cref="ArgumentException">The sizes do not fit the pixels.</exception>
    public void AddImage(string tag, ReadOnlySpan<byte> pixels, int width, int height, int channels, long step) =>
        AddImage(tag, Png.Encode(pixels, width, height, channels), step);

    /// <summary>A picture from a PNG or JPEG file's bytes.</summary>
    /// <param name="tag">Name of the series.</param>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="step">Place on the axis.</param>
    /// <exception cref="ArgumentException">They are no image that can be decoded.</exception>
    public void AddImage(string tag, byte[] encoded, long step)
    {
        using var data = SKData.CreateCopy(encoded);
        using var codec = SKCodec.Create(data) ?? throw new ArgumentException($"'{tag}': the bytes are no image that can be decoded.", nameof(encoded));
        var image = new Proto.Summary.Types.Image
        {
            Width = codec.Info.Width,
            Height = codec.Info.Height,
            Colorspace = codec.Info.ColorType == SKColorType.Gray8 ? 1 : codec.Info.IsOpaque ? 3 : 4,
            EncodedImageString = ByteString.CopyFrom(encoded),
        };
        Write(new Proto.Summary.Types.Value { Tag = tag, Image = image }, step);
    }

    /// <summary>A text; TensorBoard renders it as Markdown.</summary>
    /// <param name="tag">Name of the series.</param>
    /// <param name="markdown">The text.</param>
    /// <param name="step">Place on the axis.</param>
    public void AddText(string tag, string markdown, long step)
    {
        var tensor = new Proto.Tensor { Dtype = StringType, TensorShape = Shape(1) };
        tensor.StringVal.Add(ByteString.CopyFromUtf8(markdown));
        Write(new Proto.Summary.Types.Value { Tag = tag + "/text_summary", Metadata = Metadata("text", ByteString.Empty), Tensor = tensor }, step);
    }

    /// <summary>The settings of the run, for TensorBoard's table and plots of hyper-parameters over several runs.</summary>
    /// <param name="values">Settings: numbers, booleans and strings; others are written as their text.</param>
    /// <param name="metrics">Tags of scalars that a run is judged by.</param>
    public void AddHyperparameters(IReadOnlyDictionary<string, object> values, IReadOnlyList<string> metrics)
    {
        double now = Now();
        var experiment = new Experiment { TimeCreatedSecs = now };
        var start = new SessionStartInfo { StartTimeSecs = now };
        foreach ((string name, object value) in values)
        {
            (Value shown, int type) = ToValue(value);
            experiment.HparamInfos.Add(new HParamInfo { Name = name, Type = type });
            start.Hparams[name] = shown;
        }

        experiment.MetricInfos.Add(metrics.Select(static tag => new MetricInfo { Name = new MetricName { Tag = tag } }));
        WriteHyperparameters("_hparams_/experiment", new HParamsPluginData { Experiment = experiment });
        WriteHyperparameters("_hparams_/session_start_info", new HParamsPluginData { SessionStartInfo = start });
    }

    /// <summary>Says that the run which <see cref="AddHyperparameters"/> described is over.</summary>
    /// <param name="succeeded">Whether it ended as it should.</param>
    public void EndRun(bool succeeded) =>
        WriteHyperparameters("_hparams_/session_end_info", new HParamsPluginData { SessionEndInfo = new SessionEndInfo { Status = succeeded ? 1 : 2, EndTimeSecs = Now() } });

    /// <summary>The graph of a model: one node a layer, in the nesting of the state-dict paths.</summary>
    /// <param name="summary">The model's <c>Summary</c>.</param>
    public void AddGraph(ModelSummary summary)
    {
        Write(new Event { GraphDef = GraphDefinition.Of(summary).ToByteString() }, 0);
        Flush();
    }

    /// <summary>Hands everything to the system, so that TensorBoard sees it.</summary>
    public void Flush() => records.Flush();

    /// <summary>Flushes and closes the file.</summary>
    public void Dispose() => records.Dispose();

    private static double Now() => (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;

    private static TensorShape Shape(int size)
    {
        var shape = new TensorShape();
        shape.Dim.Add(new TensorShape.Types.Dim { Size = size });
        return shape;
    }

    private static SummaryMetadata Metadata(string plugin, ByteString content) => new()
    {
        PluginData = new SummaryMetadata.Types.PluginData { PluginName = plugin, Content = content },
        DataClass = TensorClass,
    };

    private static (Value Value, int Type) ToValue(object value) => value switch
    {
        bool flag => (Value.ForBool(flag), 2),
        sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal => (Value.ForNumber(Convert.ToDouble(value, CultureInfo.InvariantCulture)), 3),
        _ => (Value.ForString(Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty), 1),
    };

    private void WriteHyperparameters(string tag, HParamsPluginData data)
    {
        var nothing = new Proto.Tensor { Dtype = FloatType, TensorShape = Shape(1) };
        nothing.FloatVal.Add(0);
        Write(new Proto.Summary.Types.Value { Tag = tag, Metadata = Metadata("hparams", data.ToByteString()), Tensor = nothing }, 0);
        Flush();
    }

    private void Write(Proto.Summary.Types.Value value, long step)
    {
        var summary = new Proto.Summary();
        summary.Value.Add(value);
        Write(new Event { Summary = summary }, step);
    }

    private void Write(Event entry, long step)
    {
        entry.WallTime = Now();
        entry.Step = step;
        records.Write(entry.ToByteArray());
    }
}
