using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>One loading of weights: compares file and model, then reads and converts what fits, and only then changes the model.</summary>
internal sealed class WeightLoad : IDisposable
{
    private readonly nn.Module model;
    private readonly WeightFile file;
    private readonly WeightLoadOptions options;
    private readonly Dictionary<string, Tensor> state;
    private readonly Dictionary<string, WeightLine> lines = new(StringComparer.Ordinal);
    private readonly List<WeightLine> rest = [];
    private readonly List<(string Key, WeightEntry Entry)> fitting = [];
    private readonly List<(Tensor Target, Tensor Values)> staged = [];
    private readonly DisposeScope scope;

    public WeightLoad(nn.Module model, WeightFile file, WeightLoadOptions options)
    {
        this.model = model;
        this.file = file;
        this.options = options;
        state = ModuleWeights.StateOf(model);
        scope = NewDisposeScope();
    }

    /// <summary>Loads.</summary>
    /// <returns>What became of each tensor.</returns>
    /// <exception cref="WeightFormatException">The file is damaged. The model is unchanged.</exception>
    /// <exception cref="WeightMismatchException">The options do not allow what was found. The model is unchanged.</exception>
    /// <exception cref="InvalidOperationException">A tensor of the model is on the device meta, which holds no values.</exception>
    public WeightLoadReport Run()
    {
        if (state.FirstOrDefault(static pair => pair.Value.device_type == DeviceType.META) is { Key: { } empty })
        {
            throw new InvalidOperationException($"'{empty}' of the model is on the device meta, which holds no values. Make the model on the device where it will run.");
        }

        Compare();
        Demand(Report());
        Read();
        WeightLoadReport report = Report();
        Demand(report);
        using IDisposable guard = no_grad();
        foreach ((Tensor target, Tensor values) in staged)
        {
            target.copy_(values).DisposeAliasOf(target);
        }

        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => scope.Dispose();

    private static string Shown(WeightEntry entry) => $"{entry.Type} {WeightEntry.Shown(entry.Shape)}";

    private static string Shown(Tensor tensor) => $"{tensor.dtype} {WeightEntry.Shown(tensor.shape)}";

    private void Demand(WeightLoadReport report)
    {
        bool allowed = options.Strict
            ? report.Missing.Count == 0 && report.Unexpected.Count == 0 && report.Mismatched.Count == 0
            : options.SkipMismatched || report.Mismatched.Count == 0;
        if (!allowed)
        {
            throw new WeightMismatchException(report);
        }
    }

    /// <summary>Compares keys, shapes and types.</summary>
    private void Compare()
    {
        foreach (WeightEntry entry in file.Entries)
        {
            string? key = options.Rename is { } rename ? rename(entry.Name) : entry.Name;
            if (key is null)
            {
                rest.Add(new WeightLine(WeightState.LeftOut, entry.Name, entry.Name, Shown(entry), null, ""));
            }
            else if (!state.TryGetValue(key, out Tensor? target))
            {
                if (CheckpointFile.IsStateOfFit(file, entry.Name))
                {
                    rest.Add(new WeightLine(WeightState.LeftOut, entry.Name, entry.Name, Shown(entry), null, "state of the fit"));
                    continue;
                }

                rest.Add(new WeightLine(WeightState.Unexpected, entry.Name, entry.Name, Shown(entry), null, key == entry.Name ? "" : $"renamed to '{WeightEntry.Shown(key)}'"));
            }
            else if (lines.TryGetValue(key, out WeightLine? first))
            {
                throw new ArgumentException($"Rename gives the key '{key}' to both '{first.FileKey}' and '{entry.Name}' of the file.");
            }
            else if (Obstacle(entry, target) is { } obstacle)
            {
                lines.Add(key, Line(WeightState.Mismatched, key, entry, obstacle));
            }
            else
            {
                string converted = entry.Type.Scalar() == target.dtype ? "" : "converted";
                lines.Add(key, Line(WeightState.Loaded, key, entry, key == entry.Name ? converted : $"{converted} from '{WeightEntry.Shown(entry.Name)}'".TrimStart()));
                fitting.Add((key, entry));
            }
        }
    }

    private string? Obstacle(WeightEntry entry, Tensor target) =>
        entry.Shape.SequenceEqual(target.shape) ? WeightConversion.Obstacle(entry.Type, target.dtype, options.RequireSameType)
        : entry.Shape.Count == 2 && entry.Shape.Reverse().SequenceEqual(target.shape) ? "another shape; the file has it transposed"
        : "another shape";

    private WeightLine Line(WeightState state, string key, WeightEntry entry, string note) => new(state, key, entry.Name, Shown(entry), Shown(this.state[key]), note);

    /// <summary>Reads and converts what fits; now values can turn out not to.</summary>
    private void Read()
    {
        var first = new Dictionary<IntPtr, (string Key, Tensor Values)>();
        foreach ((string key, WeightEntry entry) in fitting)
        {
            Tensor target = state[key];
            Tensor values = WeightConversion.Convert(file.ReadTensor(entry), target.dtype, out string? obstacle);
            if (obstacle is null && !first.TryAdd(target.Handle, (key, values)) && !TensorBytes.AreSame(first[target.Handle].Values, values))
            {
                obstacle = $"other values than '{WeightEntry.Shown(first[target.Handle].Key)}', which is the same tensor in the model";
            }

            if (obstacle is null)
            {
                staged.Add((target, values));
            }
            else
            {
                lines[key] = Line(WeightState.Mismatched, key, entry, obstacle);
            }
        }
    }

    private WeightLoadReport Report()
    {
        // A tensor may stand under several keys, as tied weights do; one of them in the file is enough.
        var loaded = new Dictionary<IntPtr, string>();
        foreach (WeightLine line in lines.Values.Where(static line => line.State == WeightState.Loaded))
        {
            loaded.TryAdd(state[line.Key].Handle, line.Key);
        }

        string[] missing = [.. state.Where(pair => !lines.ContainsKey(pair.Key) && !loaded.ContainsKey(pair.Value.Handle)).Select(static pair => pair.Key)];
        var near = new NearMatches(missing, [.. rest.Where(static line => line.State == WeightState.Unexpected).Select(static line => line.Key)]);
        IEnumerable<WeightLine> ofModel = state.Select(pair =>
            lines.TryGetValue(pair.Key, out WeightLine? line) ? line
            : loaded.TryGetValue(pair.Value.Handle, out string? tied) ? new WeightLine(WeightState.Loaded, pair.Key, null, null, Shown(pair.Value), $"the same tensor as '{WeightEntry.Shown(tied)}'")
            : new WeightLine(WeightState.Missing, pair.Key, null, null, Shown(pair.Value), near.Note(pair.Key)));
        string place = file.StateDictKey.Length > 0 ? $", state dict '{WeightEntry.Shown(file.StateDictKey)}'" : "";
        return new WeightLoadReport($"{file.Name} ({file.Format}{place}) for {model.GetType().Name}", [.. ofModel, .. rest], near.Hint);
    }
}
