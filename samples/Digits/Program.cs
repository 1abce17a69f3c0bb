using Digits;
using ModelGen.Data;
using TorchSharp;

try
{
    Options options = Options.Parse(args);
    if (options.Help)
    {
        Console.Write(Options.Usage);
        return 0;
    }

    return Run(options) ? 0 : 1;
}
catch (UsageException mistake)
{
    Console.Error.WriteLine($"digits: {mistake.Message} --help lists the options.");
    return 2;
}
catch (Exception fault) when (fault is DataFormatException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"digits: {fault.Message}");
    return 1;
}

static bool Run(Options options)
{
    // Made before training, so that a folder that cannot be written is known now and not in a minute.
    string folder = Directory.CreateDirectory(options.OutputFolder).FullName;
    if (options.JsonFile is { } json)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(json))!);
    }

    DigitData data = DigitData.Load(options);
    Console.WriteLine($"Digits: {data.Source}, {Text.Count(data.Train.Count)} to train, {Text.Count(data.Test.Count)} to test\n");
    torch.random.manual_seed(options.Seed);
    Results results = data.Train.Size switch
    {
        28 => TrainDigitNet(data, options, folder),
        8 => TrainSmallDigitNet(data, options, folder),
        var size => throw new DataFormatException($"{data.Source}: images are {size} x {size}; this sample has a model for 28 x 28 and one for 8 x 8."),
    };
    if (options.JsonFile is not null)
    {
        File.WriteAllText(options.JsonFile, results.ToJson());
    }

    return results.Passed;
}

static Results TrainDigitNet(DigitData data, Options options, string folder)
{
    using var model = new DigitNet();
    return Chain.Run(
        new Generated<DigitNet>(model, DigitNet.Summary)
        {
            CreateTrainer = model.CreateTrainer,
            Verify = model.Verify,
            OpenSession = static path =>
            {
                var session = DigitNet.OpenSession(path);
                return (session.Run, session);
            },
        },
        data,
        options,
        folder);
}

static Results TrainSmallDigitNet(DigitData data, Options options, string folder)
{
    using var model = new SmallDigitNet();
    return Chain.Run(
        new Generated<SmallDigitNet>(model, SmallDigitNet.Summary)
        {
            CreateTrainer = model.CreateTrainer,
            Verify = model.Verify,
            OpenSession = static path =>
            {
                var session = SmallDigitNet.OpenSession(path);
                return (session.Run, session);
            },
        },
        data,
        options,
        folder);
}
