using System.Runtime.InteropServices;

namespace ModelGen.Build.Tests;

/// <summary>
/// Builds, publishes and runs real projects. What they must do depends on the machine: where its C++ runtime lacks the version, the mend must
/// happen; where not, TorchSharp's file must stay as it is. Either way the program must run.
/// </summary>
public sealed class ConsumerTests : IDisposable
{
    private const string Sum = "sum 6";
    private const string MendMessage = "ModelGen: mended libLibTorchSharp.so";
    private const string PrintSum = """
        System.Console.WriteLine($"sum {TorchSharp.torch.ones(2, 3).sum().item<float>()}");
        """;

    /// <summary>A model, to see that the package brings the generator.</summary>
    private const string Model = """
        System.Console.WriteLine($"{Net.Summary.Parameters} parameters");

        [ModelGen.Model]
        public sealed partial class Net
        {
            [ModelGen.Linear(3)] private partial TorchSharp.torch.Tensor Out(TorchSharp.torch.Tensor x);

            public TorchSharp.torch.Tensor Forward([ModelGen.Shape("N", 4)] TorchSharp.torch.Tensor x) => Out(x);
        }
        """;

    private static readonly bool NeedsMend = MachineNeedsMend();

    private readonly ConsumerProject _project = new();

    [Fact]
    public void PackageReference_BuildsRunsAndExplainsAnUnmendedCopy()
    {
        _project.Pack();
        _project.Add("App", "Exe", $"""<PackageReference Include="ModelGen" Version="{_project.Version}" />""", $"ModelGen.NativeLibraries.EnsureLoaded();\n{PrintSum}\n{Model}");
        byte[] cacheBefore = File.ReadAllBytes(RealLibrary.LibraryPath);

        string first = _project.Dotnet("build", "App", "--nologo");
        string second = _project.Dotnet("build", "App", "--nologo");

        Assert.True(Directory.Exists(Path.Combine(_project.Packages, "modelgen")), "the package under test was not restored from the local feed");
        Assert.Equal(NeedsMend ? 1 : 0, Count(first, MendMessage));
        Assert.Equal(0, Count(second, MendMessage));
        string output = RunApp();
        Assert.Contains(Sum, output, StringComparison.Ordinal);
        Assert.Contains("15 parameters", output, StringComparison.Ordinal);
        Assert.Equal(NeedsMend, !File.ReadAllBytes(_project.NativeFile("App")).SequenceEqual(cacheBefore));
        Assert.Equal(cacheBefore, File.ReadAllBytes(RealLibrary.LibraryPath));

        _project.Dotnet("build", "App", "--nologo", "-p:ModelGenMendTorchSharp=never");
        Assert.Equal(cacheBefore, File.ReadAllBytes(_project.NativeFile("App")));
        if (NeedsMend)
        {
            AssertUnmendedCopyIsExplained();
        }
    }

    [Fact]
    public void Publish_CarriesTheMendIntoEveryForm()
    {
        _project.ImportTargets();
        _project.Add("App", "Exe", """<PackageReference Include="TorchSharp-cpu" Version="0.107.0" />""", PrintSum);
        string[][] forms =
        [
            ["-o", "portable"],
            ["-o", "dependent", "-r", "linux-x64", "--self-contained", "false"],
            ["-o", "contained", "-r", "linux-x64", "--self-contained", "true"],
            ["-o", "single", "-r", "linux-x64", "--self-contained", "false", "-p:PublishSingleFile=true", "-p:IncludeNativeLibrariesForSelfExtract=true"],
        ];
        foreach (string[] form in forms)
        {
            _project.Dotnet(["publish", "App", "--nologo", .. form]);
            string output = CommandLine.Succeed(_project.Root, Path.Combine(_project.Root, form[1], "App"));
            Assert.Contains(Sum, output, StringComparison.Ordinal);
            Directory.Delete(Path.Combine(_project.Root, form[1]), recursive: true);
        }
    }

    [Fact]
    public void ProjectReference_GetsTheMendInAParallelBuildWithoutSharingFiles()
    {
        _project.ImportTargets();
        _project.Add("Library", "Library", """<PackageReference Include="TorchSharp-cpu" Version="0.107.0" />""",
            "public static class Sums { public static float Six() => TorchSharp.torch.ones(2, 3).sum().item<float>(); }");
        const string reference = """<ProjectReference Include="../Library/Library.csproj" />""";
        const string program = """System.Console.WriteLine($"sum {Sums.Six()}");""";
        _project.Add("App", "Exe", reference, program);
        _project.Add("Other", "Exe", reference, program);
        File.WriteAllText(Path.Combine(_project.Root, "all.proj"), """
            <Project>
              <Target Name="Restore"><MSBuild Projects="App/App.csproj;Other/Other.csproj" Targets="Restore" Properties="Pass=Restore" /></Target>
              <Target Name="Build"><MSBuild Projects="App/App.csproj;Other/Other.csproj" Targets="Build" BuildInParallel="true" /></Target>
            </Project>
            """);

        string output = _project.Dotnet("msbuild", "all.proj", "-restore", "-t:Build", "-m:2", "-nologo");

        Assert.Contains(Sum, RunApp(), StringComparison.Ordinal);
        if (NeedsMend)
        {
            Assert.All((string[])["App", "Other"], name =>
                Assert.True(File.Exists(Path.Combine(_project.Root, name, "obj", "Debug", "net10.0", "modelgen", "libLibTorchSharp.so")), output));
            Assert.Equal(File.ReadAllBytes(_project.NativeFile("App")), File.ReadAllBytes(_project.NativeFile("Other")));
        }
    }

    [Fact]
    public void AcceleratorWithoutItsPackages_IsAnErrorThatSaysWhatToAdd()
    {
        _project.ImportTargets();
        _project.Add("App", "Exe", """<PackageReference Include="TorchSharp-cpu" Version="0.107.0" />""", PrintSum);

        (int exitCode, string output) = CommandLine.Run(_project.Root, "dotnet", "build", "App", "--nologo", "-p:ModelGenAccelerator=cuda");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("MGB005", output, StringComparison.Ordinal);
        Assert.Contains("TorchSharp-cuda-linux", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ModelGen.Runtime", "cpu", "TorchSharp-cpu", "TorchSharp-cuda-linux")]
    [InlineData("ModelGen.Runtime", "cuda", "TorchSharp-cuda-linux", "TorchSharp-cpu")]
    [InlineData("ModelGen.Onnx", "cpu", "Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData("ModelGen.Onnx", "cuda", "Microsoft.ML.OnnxRuntime.Gpu", "Microsoft.ML.OnnxRuntime")]
    public void Accelerator_ChoosesThePackages(string project, string accelerator, string chosen, string other)
    {
        string items = CommandLine.Succeed(ConsumerProject.Repository, "dotnet", "msbuild", $"runtime/{project}/{project}.csproj",
            "-getItem:PackageReference", $"-p:ModelGenAccelerator={accelerator}", "-p:RuntimeIdentifier=linux-x64");

        Assert.Contains($"\"Identity\": \"{chosen}\"", items, StringComparison.Ordinal);
        Assert.DoesNotContain($"\"Identity\": \"{other}\"", items, StringComparison.Ordinal);
    }

    public void Dispose() => _project.Dispose();

    private string RunApp() => _project.Dotnet(Path.Combine(_project.Root, "App", "bin", "Debug", "net10.0", "App.dll"));

    private void AssertUnmendedCopyIsExplained()
    {
        (int exitCode, string output) = CommandLine.Run(_project.Root, "dotnet", Path.Combine(_project.Root, "App", "bin", "Debug", "net10.0", "App.dll"));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("ModelGen.NativeLoadException", output, StringComparison.Ordinal);
        Assert.Contains("did not mend it", output, StringComparison.Ordinal);
        Assert.Contains("ModelGenMendTorchSharp=always", output, StringComparison.Ordinal);
        Assert.Contains("`GLIBCXX_", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Consolidating native binaries", output, StringComparison.Ordinal);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    // Decided by the loader itself, not by the code under test.
    private static bool MachineNeedsMend()
    {
        Assert.True(OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture == Architecture.X64, "these tests run programs for linux-x64");
        string output = CommandLine.Run("/", "ldd", RealLibrary.LibraryPath).Output;
        return output.Contains("version `GLIBCXX_3.4.32' not found", StringComparison.Ordinal);
    }
}
