using System.Globalization;
using System.Text.Json;
using ModelGen.Samples.Zoo;

// dotnet run -c Release --project samples/Zoo [-- --only NAME] [--json FILE] [--list]
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int index && index + 1 < args.Length ? args[index + 1] : null;

string? only = Option("--only");
ZooModel[] models = [.. ZooModel.All.Where(model => only is null || model.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
if (models.Length == 0)
{
    Console.Error.WriteLine($"There is no model '{only}'. The zoo has: {string.Join(", ", ZooModel.All.Select(static model => model.Name))}.");
    return 2;
}

if (args.Contains("--list"))
{
    Array.ForEach(models, static model => Console.WriteLine(model.Name));
    return 0;
}

string Error(double value) => value.ToString("0.0e0", CultureInfo.InvariantCulture);
Console.WriteLine($"{"model",-18} {"parameters",12} {"published",10} {"MFLOP",9} {"build ms",9}  {"forward",7} {"gradient",8} {"5 steps",7} {"onnx",7}");
var results = new List<Result>();
bool good = true;
foreach (ZooModel model in models)
{
    Result result = Examination.Run(model);
    results.Add(result);
    string published = result.Published is null ? "-" : result.Published == result.Parameters ? "equal" : "DIFFERS";
    Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{result.Name,-18} {result.Parameters,12:N0} {published,10} {result.Flops / 1e6,9:N1} {result.BuildMs,9:N1}  ")
        + $"{Error(result.ForwardError),7} {Error(result.Training.Gradients),8} {Error(result.Training.Steps),7} {Error(result.OnnxError),7}{(result.IsGood ? "" : "  ABOVE " + Error(Examination.Tolerance))}"
        + (result.OwnOfEager is { } own ? $"  eager itself: {Error(own.Gradients)} {Error(own.Steps)}" : model.Chaotic is null ? "" : " *"));
    good &= result.IsGood && (result.Published is null || result.Published == result.Parameters);
    GC.Collect();
    GC.WaitForPendingFinalizers();
}

foreach (string reason in models.Select(static model => model.Chaotic).OfType<string>().Distinct())
{
    Console.WriteLine($"* {reason}: rounding errors grow from step to step (eager against itself too), so each of the five steps starts from eager's weights.");
}

if (Option("--json") is string file)
{
    File.WriteAllText(file, JsonSerializer.Serialize(
        results.Select(static result => new
        {
            name = result.Name,
            parameters = result.Parameters,
            flops = result.Flops,
            buildMs = result.BuildMs,
            forwardError = result.ForwardError,
            gradientError = result.Training.Gradients,
            stepError = result.Training.Steps,
            eagerGradientError = result.OwnOfEager?.Gradients,
            eagerStepError = result.OwnOfEager?.Steps,
            onnxError = result.OnnxError,
        }),
        new JsonSerializerOptions { WriteIndented = true }));
}

Console.WriteLine(good ? "Every path agrees with eager TorchSharp." : "Some errors are above their tolerance, or a number of parameters differs.");
return good ? 0 : 1;
