using System.Globalization;
using System.Text;

namespace ModelGen.Benchmarks;

/// <summary>
/// Writes a TorchSharp project of any size in memory: models, training programs, data sets, metrics, and the ordinary C# around them. The files differ in names, sizes and numbers; the same
/// size always gives the same text.
/// </summary>
internal static class TorchProject
{
    private static readonly Action<StringBuilder, string, Random>[] s_torch = [Convolutional, Attention, Recurrent, Trainer, Evaluation, Samples, Metrics, Settings, Tokenizer, Report];

    private static readonly Action<StringBuilder, string, Random>[] s_plain = [Metrics, Report, Inventory];

    /// <summary>Files of about 300 to 500 lines each, with at least <paramref name="lines"/> lines together.</summary>
    /// <param name="lines">The size of the project.</param>
    /// <param name="dense">
    /// True for a project in which every file works with tensors, and six of ten classes do little else. False for one in which every other file does not touch TorchSharp at all; of the
    /// lines of this repository, 54 % are in files that do.
    /// </param>
    public static IReadOnlyList<string> Generate(int lines, bool dense)
    {
        var random = new Random(1);
        var files = new List<string>();
        int count = 0;
        for (int number = 0; count < lines; number++)
        {
            string file = Write(number, random, dense || number % 2 == 0 ? s_torch : s_plain);
            files.Add(file);
            count += file.Count(static character => character == '\n');
        }

        return files;
    }

    private static string Write(int number, Random random, Action<StringBuilder, string, Random>[] kinds)
    {
        var text = new StringBuilder("""
            using System;
            using System.Collections.Generic;
            using System.Globalization;
            using System.IO;
            using System.Linq;
            using System.Text;
            using System.Threading.Tasks;
            using TorchSharp;
            using TorchSharp.Modules;
            using static TorchSharp.torch;
            using static TorchSharp.torch.nn;
            using F = TorchSharp.torch.nn.functional;

            """);
        text.Append(CultureInfo.InvariantCulture, $"namespace Project.Part{number};\n\n");
        for (int part = 0; part < 8; part++)
        {
            kinds[random.Next(kinds.Length)](text, $"{number}_{part}", random);
        }

        return text.ToString();
    }

    private static void Convolutional(StringBuilder text, string id, Random random)
    {
        int depth = random.Next(2, 7);
        text.Append($"public sealed class ConvNet{id} : Module<Tensor, Tensor>\n{{\n");
        for (int layer = 0; layer < depth; layer++)
        {
            text.Append($"    private readonly Conv2d _conv{layer};\n    private readonly BatchNorm2d _norm{layer};\n");
        }

        text.Append($"    private readonly Linear _head;\n    private readonly Dropout _dropout;\n\n    public ConvNet{id}(int classes, double dropout = 0.2)\n        : base(nameof(ConvNet{id}))\n    {{\n");
        int width = 3;
        for (int layer = 0; layer < depth; layer++)
        {
            int next = random.Next(2, 9) * 8;
            text.Append($"        _conv{layer} = Conv2d({width}, {next}, 3, padding: 1, bias: false);\n        _norm{layer} = BatchNorm2d({next});\n");
            width = next;
        }

        text.Append($"        _head = Linear({width}, classes);\n        _dropout = Dropout(dropout);\n        RegisterComponents();\n    }}\n\n    public override Tensor forward(Tensor input)\n    {{\n        using var scope = torch.NewDisposeScope();\n        Tensor x = input;\n");
        for (int layer = 0; layer < depth; layer++)
        {
            text.Append(random.Next(2) == 0
                ? $"        x = F.relu(_norm{layer}.forward(_conv{layer}.forward(x)));\n"
                : $"        x = _norm{layer}.forward(_conv{layer}.forward(x)).relu_();\n        if (x.size(2) > {random.Next(2, 9)})\n        {{\n            x = F.max_pool2d(x, 2);\n        }}\n\n");
        }

        text.Append("        x = _dropout.forward(x.mean([2L, 3L]));\n        return _head.forward(x).MoveToOuterDisposeScope();\n    }\n}\n\n");
    }

    private static void Attention(StringBuilder text, string id, Random random)
    {
        int width = random.Next(2, 9) * 32;
        text.Append($$"""
            public sealed class Attention{{id}} : Module<Tensor, Tensor>
            {
                private readonly Linear _query;
                private readonly Linear _key;
                private readonly Linear _value;
                private readonly Linear _output;
                private readonly LayerNorm _norm;
                private readonly int _heads;

                public Attention{{id}}(int heads = {{random.Next(2, 9)}})
                    : base("attention")
                {
                    _query = Linear({{width}}, {{width}});
                    _key = Linear({{width}}, {{width}});
                    _value = Linear({{width}}, {{width}});
                    _output = Linear({{width}}, {{width}});
                    _norm = LayerNorm({{width}});
                    _heads = heads;
                    RegisterComponents();
                }

                public override Tensor forward(Tensor x)
                {
                    using var scope = torch.NewDisposeScope();
                    var normed = _norm.forward(x);
                    var q = Split(_query.forward(normed));
                    var k = Split(_key.forward(normed));
                    var v = Split(_value.forward(normed));
                    var mixed = F.scaled_dot_product_attention(q, k, v, is_casual: true);
                    var joined = mixed.transpose(1, 2).reshape(x.size(0), x.size(1), -1);
                    return (x + _output.forward(joined)).MoveToOuterDisposeScope();
                }

                private Tensor Split(Tensor x)
                {
                    long batch = x.shape[0];
                    long length = x.shape[1];
                    return x.view(batch, length, _heads, -1).transpose(1, 2);
                }
            }


            """);
    }

    private static void Recurrent(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Tagger{{id}} : Module<Tensor, Tensor>
        {
            private readonly Embedding _embedding;
            private readonly GRU _recurrent;
            private readonly Linear _tags;

            public Tagger{{id}}(int words, int tags)
                : base("tagger")
            {
                _embedding = Embedding(words, {{random.Next(4, 20) * 8}});
                _recurrent = GRU({{random.Next(4, 20) * 8}}, {{random.Next(4, 20) * 8}}, batchFirst: true);
                _tags = Linear({{random.Next(4, 20) * 8}}, tags);
                RegisterComponents();
            }

            public override Tensor forward(Tensor tokens)
            {
                using var embedded = _embedding.forward(tokens);
                var (states, last) = _recurrent.forward(embedded);
                using (states)
                using (last)
                {
                    return _tags.forward(states);
                }
            }

            public IEnumerable<int> Decode(Tensor tokens)
            {
                using var noGrad = torch.no_grad();
                using var scores = forward(tokens);
                using var best = scores.argmax(-1);
                return best.data<long>().ToArray().Select(static tag => (int)tag).ToList();
            }
        }


        """);

    private static void Trainer(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Trainer{{id}}
        {
            private readonly Device _device;
            private readonly List<double> _history = new();
            private double _best = double.MaxValue;

            public Trainer{{id}}(Device device)
            {
                _device = device;
            }

            public IReadOnlyList<double> History => _history;

            public void Run(Module<Tensor, Tensor> model, DataLoader loader, DataLoader validation, string path)
            {
                model.to(_device);
                using var optimizer = torch.optim.AdamW(model.parameters(), {{random.Next(1, 99)}}e-5, weight_decay: 1e-2);
                var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, {{random.Next(1, 9)}}, 0.7);
                for (int epoch = 0; epoch < {{random.Next(3, 200)}}; epoch++)
                {
                    model.train();
                    double total = 0;
                    int step = 0;
                    foreach (var batch in loader)
                    {
                        using var scope = torch.NewDisposeScope();
                        optimizer.zero_grad();
                        var x = batch["data"].to(_device);
                        var y = batch["label"].to(_device);
                        var prediction = model.forward(x);
                        var loss = F.cross_entropy(prediction, y) / {{random.Next(1, 9)}};
                        loss.backward();
                        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                        optimizer.step();
                        total += loss.item<float>();
                        if (++step % {{random.Next(10, 500)}} == 0)
                        {
                            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch} step {step} loss {total / step:F4}"));
                        }
                    }

                    scheduler.step();
                    double score = Validate(model, validation);
                    _history.Add(score);
                    if (score < _best)
                    {
                        _best = score;
                        model.save(Path.Combine(path, $"best-{epoch}.dat"));
                    }
                    else if (_history.Count > {{random.Next(5, 30)}} && _history.Skip(_history.Count - 5).All(value => value > _best))
                    {
                        break;
                    }
                }
            }

            private double Validate(Module<Tensor, Tensor> model, DataLoader loader)
            {
                model.eval();
                using var noGrad = torch.no_grad();
                double total = 0;
                long count = 0;
                foreach (var batch in loader)
                {
                    using var scope = torch.NewDisposeScope();
                    var x = batch["data"].to(_device);
                    var y = batch["label"].to(_device);
                    var output = model.forward(x);
                    total += F.cross_entropy(output, y, reduction: Reduction.Sum).item<float>();
                    count += x.size(0);
                }

                return total / Math.Max(1, count);
            }
        }


        """);

    private static void Evaluation(StringBuilder text, string id, Random random) => text.Append($$"""
        public static class Evaluation{{id}}
        {
            public static (double Accuracy, double[,] Confusion) Run(Module<Tensor, Tensor> model, DataLoader loader, int classes)
            {
                model.eval();
                using var noGrad = torch.inference_mode();
                var confusion = new double[classes, classes];
                long correct = 0;
                long count = 0;
                foreach (var batch in loader)
                {
                    using var scope = torch.NewDisposeScope();
                    var predicted = model.forward(batch["data"]).argmax(1);
                    var truth = batch["label"];
                    correct += predicted.eq(truth).sum().item<long>();
                    count += truth.shape[0];
                    long[] p = predicted.cpu().data<long>().ToArray();
                    long[] t = truth.cpu().data<long>().ToArray();
                    for (int i = 0; i < p.Length; i++)
                    {
                        confusion[t[i], p[i]] += 1;
                    }
                }

                for (int row = 0; row < classes; row++)
                {
                    double sum = 0;
                    for (int column = 0; column < classes; column++)
                    {
                        sum += confusion[row, column];
                    }

                    for (int column = 0; column < classes && sum > 0; column++)
                    {
                        confusion[row, column] /= sum;
                    }
                }

                return ((double)correct / Math.Max(1, count), confusion);
            }

            public static Tensor Normalize(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                var mean = x.mean([0L], keepdim: true);
                var deviation = x.std(0, keepdim: true);
                return ((x - mean) / (deviation + {{random.Next(1, 9)}}e-6)).MoveToOuterDisposeScope();
            }

            public static Tensor Distances(Tensor a, Tensor b)
            {
                using var scope = torch.NewDisposeScope();
                var squares = a.pow(2).sum([1L], keepdim: true) + b.pow(2).sum([1L]).unsqueeze(0);
                return (squares - torch.matmul(a, b.t()) * 2).clamp_min(0).sqrt().MoveToOuterDisposeScope();
            }
        }


        """);

    private static void Samples(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Samples{{id}} : torch.utils.data.Dataset
        {
            private readonly Tensor _x;
            private readonly Tensor _y;
            private readonly Dictionary<long, string> _names = new();

            public Samples{{id}}(string path, int columns = {{random.Next(4, 64)}})
            {
                var values = new List<float>();
                var labels = new List<long>();
                foreach (string line in File.ReadLines(path))
                {
                    string[] cells = line.Split(',');
                    if (cells.Length <= columns)
                    {
                        throw new InvalidDataException($"The line '{line}' has {cells.Length} cells.");
                    }

                    for (int column = 0; column < columns; column++)
                    {
                        values.Add(float.Parse(cells[column], CultureInfo.InvariantCulture));
                    }

                    _names[labels.Count] = cells[columns];
                    labels.Add(Math.Abs(cells[columns].GetHashCode(StringComparison.Ordinal)) % {{random.Next(2, 20)}});
                }

                _x = torch.tensor(values.ToArray()).reshape(-1, columns);
                _y = torch.tensor(labels.ToArray());
            }

            public override long Count => _y.size(0);

            public string Name(long index) => _names.TryGetValue(index, out string? name) ? name : "unknown";

            public override Dictionary<string, Tensor> GetTensor(long index) => new()
            {
                ["data"] = _x[index],
                ["label"] = _y[index],
            };

            protected override void Dispose(bool disposing)
            {
                if (disposing)
                {
                    _x.Dispose();
                    _y.Dispose();
                }

                base.Dispose(disposing);
            }
        }


        """);

    private static void Metrics(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Metrics{{id}}
        {
            private readonly Dictionary<string, List<double>> _values = new(StringComparer.Ordinal);
            private readonly int _window;

            public Metrics{{id}}(int window = {{random.Next(5, 200)}})
            {
                _window = window;
            }

            public void Add(string name, double value)
            {
                if (!_values.TryGetValue(name, out List<double>? list))
                {
                    list = new List<double>();
                    _values.Add(name, list);
                }

                list.Add(value);
                if (list.Count > _window)
                {
                    list.RemoveAt(0);
                }
            }

            public double Mean(string name) => _values.TryGetValue(name, out var list) && list.Count > 0 ? list.Average() : double.NaN;

            public double Deviation(string name)
            {
                if (!_values.TryGetValue(name, out var list) || list.Count < 2)
                {
                    return 0;
                }

                double mean = list.Average();
                double sum = 0;
                foreach (double value in list)
                {
                    sum += (value - mean) * (value - mean);
                }

                return Math.Sqrt(sum / (list.Count - 1));
            }

            public IEnumerable<string> Lines()
            {
                foreach (var (name, list) in _values.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"{name,-{{random.Next(10, 30)}}} {list.Count,6} {Mean(name),10:F4} {Deviation(name),10:F4} {list.Min(),10:F4} {list.Max(),10:F4}");
                }
            }
        }


        """);

    private static void Settings(StringBuilder text, string id, Random random)
    {
        text.Append($"public sealed record Settings{id}\n{{\n");
        int count = random.Next(5, 20);
        for (int option = 0; option < count; option++)
        {
            text.Append(random.Next(3) switch
            {
                0 => $"    public int Option{option} {{ get; init; }} = {random.Next(1000)};\n\n",
                1 => $"    public double Rate{option} {{ get; init; }} = {random.Next(1000)}e-4;\n\n",
                _ => $"    public string Path{option} {{ get; init; }} = \"data/{random.Next(1000)}.csv\";\n\n",
            });
        }

        text.Append($$"""
                public static Settings{{id}} Parse(string[] arguments)
                {
                    var settings = new Settings{{id}}();
                    for (int index = 0; index + 1 < arguments.Length; index += 2)
                    {
                        string key = arguments[index].TrimStart('-');
                        string value = arguments[index + 1];
                        switch (key)
                        {
                            case "verbose":
                                Console.WriteLine($"{key} = {value}");
                                break;
                            case "seed" when int.TryParse(value, out int seed):
                                torch.manual_seed(seed);
                                break;
                            default:
                                throw new ArgumentException($"There is no option '{key}'.", nameof(arguments));
                        }
                    }

                    return settings;
                }
            }


            """);
    }

    private static void Tokenizer(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Tokenizer{{id}}
        {
            private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
            private readonly List<string> _words = new();

            public int Count => _words.Count;

            public int Intern(string word)
            {
                if (_ids.TryGetValue(word, out int id))
                {
                    return id;
                }

                if (_words.Count >= {{random.Next(1000, 60000)}})
                {
                    return 0;
                }

                _ids.Add(word, _words.Count);
                _words.Add(word);
                return _words.Count - 1;
            }

            public List<int> Encode(string text)
            {
                var result = new List<int>();
                var word = new StringBuilder();
                foreach (char character in text)
                {
                    if (char.IsLetterOrDigit(character))
                    {
                        word.Append(char.ToLowerInvariant(character));
                    }
                    else if (word.Length > 0)
                    {
                        result.Add(Intern(word.ToString()));
                        word.Clear();
                    }
                }

                if (word.Length > 0)
                {
                    result.Add(Intern(word.ToString()));
                }

                return result;
            }

            public Tensor EncodeBatch(IReadOnlyList<string> texts, int length)
            {
                long[] tokens = new long[texts.Count * length];
                for (int row = 0; row < texts.Count; row++)
                {
                    List<int> encoded = Encode(texts[row]);
                    for (int column = 0; column < Math.Min(length, encoded.Count); column++)
                    {
                        tokens[row * length + column] = encoded[column];
                    }
                }

                return torch.tensor(tokens).reshape(texts.Count, length);
            }

            public string Decode(IEnumerable<int> ids) => string.Join(' ', ids.Where(id => id > 0 && id < _words.Count).Select(id => _words[id]));
        }


        """);

    private static void Report(StringBuilder text, string id, Random random) => text.Append($$"""
        public static class Report{{id}}
        {
            public static async Task WriteAsync(string path, IReadOnlyDictionary<string, double> values)
            {
                var text = new StringBuilder();
                text.AppendLine("name,value");
                foreach (KeyValuePair<string, double> entry in values.OrderByDescending(entry => entry.Value).Take({{random.Next(5, 100)}}))
                {
                    text.Append(entry.Key).Append(',').AppendLine(entry.Value.ToString("R", CultureInfo.InvariantCulture));
                }

                try
                {
                    await File.WriteAllTextAsync(path, text.ToString());
                }
                catch (IOException problem)
                {
                    Console.Error.WriteLine(problem.Message);
                    throw;
                }
            }

            public static string Histogram(IReadOnlyList<double> values, int bins = {{random.Next(5, 40)}})
            {
                if (values.Count == 0)
                {
                    return string.Empty;
                }

                double low = values.Min();
                double high = values.Max();
                int[] counts = new int[bins];
                foreach (double value in values)
                {
                    int bin = high > low ? (int)((value - low) / (high - low) * (bins - 1)) : 0;
                    counts[bin]++;
                }

                int most = counts.Max();
                return string.Join('\n', counts.Select((count, bin) => $"{low + (high - low) * bin / bins,8:F3} {new string('#', count * 60 / Math.Max(1, most))}"));
            }
        }


        """);

    private static void Inventory(StringBuilder text, string id, Random random) => text.Append($$"""
        public sealed class Inventory{{id}}
        {
            private readonly Dictionary<string, (int Count, double Price, DateTime Added)> _items = new(StringComparer.OrdinalIgnoreCase);

            public event Action<string>? Changed;

            public int Limit { get; init; } = {{random.Next(10, 1000)}};

            public double Total => _items.Values.Sum(item => item.Count * item.Price);

            public void Add(string name, int count, double price)
            {
                if (string.IsNullOrWhiteSpace(name) || count <= 0)
                {
                    throw new ArgumentException($"Nothing to add: '{name}', {count}.", nameof(name));
                }

                _items[name] = _items.TryGetValue(name, out var item) ? (item.Count + count, price, item.Added) : (count, price, DateTime.UtcNow);
                Changed?.Invoke(name);
            }

            public bool Remove(string name, int count)
            {
                if (!_items.TryGetValue(name, out var item) || item.Count < count)
                {
                    return false;
                }

                if (item.Count == count)
                {
                    _items.Remove(name);
                }
                else
                {
                    _items[name] = (item.Count - count, item.Price, item.Added);
                }

                Changed?.Invoke(name);
                return true;
            }

            public IEnumerable<string> Missing(IReadOnlyDictionary<string, int> wanted) =>
                from entry in wanted
                let have = _items.TryGetValue(entry.Key, out var item) ? item.Count : 0
                where have < entry.Value
                orderby entry.Value - have descending
                select $"{entry.Key}: {entry.Value - have} of {entry.Value}";

            public async Task<int> LoadAsync(string path)
            {
                int read = 0;
                foreach (string line in await File.ReadAllLinesAsync(path))
                {
                    string[] cells = line.Split(';', StringSplitOptions.TrimEntries);
                    if (cells.Length == 3 && int.TryParse(cells[1], NumberStyles.Integer, CultureInfo.InvariantCulture, out int count) && double.TryParse(cells[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double price))
                    {
                        Add(cells[0], Math.Min(count, Limit), price);
                        read++;
                    }
                }

                return read;
            }

            public override string ToString()
            {
                var text = new StringBuilder();
                foreach (var (name, item) in _items.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    text.Append(name.PadRight({{random.Next(10, 40)}})).Append(item.Count).Append(' ').AppendLine(item.Price.ToString("F2", CultureInfo.InvariantCulture));
                }

                return text.ToString();
            }
        }


        """);
}
