namespace ModelGen.Build.Tests;

/// <summary>
/// A project outside the repository, as a user has it. It sees the machine's NuGet cache as a read-only fallback, so that the package under
/// test never enters that cache.
/// </summary>
internal sealed class ConsumerProject : IDisposable
{
    private readonly TempFolder _folder = new();

    public static string Repository { get; } = FindRepository();

    /// <summary>The configuration this test assembly was built in, whose outputs are packed and used.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    public string Root => _folder.Root;

    public string Feed => Path.Combine(Root, "feed");

    public string Packages => Path.Combine(Root, "packages");

    public string NativeFile(string project) =>
        Path.Combine(Root, project, "bin", "Debug", "net10.0", "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    /// <summary>Version of the packed packages: unlike any in the machine's cache, which is a fallback folder of the restore.</summary>
    public string Version { get; } = $"0.1.0.{Environment.ProcessId}";

    public void Pack()
    {
        foreach (string project in (string[])["ModelGen.Kernels", "ModelGen.Onnx", "ModelGen.Runtime"])
        {
            CommandLine.Succeed(Repository, "dotnet", "pack", $"runtime/{project}/{project}.csproj", "-c", Configuration, "--no-build", "--no-restore", "-o", Feed, "--nologo", $"-p:PackageVersion={Version}");
        }
    }

    /// <summary>Adds a project; <paramref name="references"/> are the lines of its item group.</summary>
    public void Add(string name, string outputType, string references, string program)
    {
        _folder.Write($"{name}/{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>{outputType}</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <RestorePackagesPath>{Packages}</RestorePackagesPath>
                <RestoreFallbackFolders>{RealLibrary.PackageFolder}</RestoreFallbackFolders>
                <RestoreAdditionalProjectSources>{Feed}</RestoreAdditionalProjectSources>
              </PropertyGroup>
              <ItemGroup>
                {references}
              </ItemGroup>
            </Project>
            """);
        _folder.Write($"{name}/Program.cs", program);
        Directory.CreateDirectory(Feed);
    }

    /// <summary>Gives every project the targets without the package, as a project of the repository has them.</summary>
    public void ImportTargets() => _folder.Write("Directory.Build.targets", $"""
        <Project>
          <PropertyGroup>
            <ModelGenTaskAssembly>{Repository}/runtime/ModelGen.Build/bin/{Configuration}/netstandard2.0/ModelGen.Build.dll</ModelGenTaskAssembly>
            <ModelGenTaskFactory>TaskHostFactory</ModelGenTaskFactory>
          </PropertyGroup>
          <Import Project="{Repository}/runtime/ModelGen.Runtime/build/ModelGen.targets" />
        </Project>
        """);

    public string Dotnet(params string[] arguments) => CommandLine.Succeed(Root, "dotnet", arguments);

    public void Dispose() => _folder.Dispose();

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "ModelGen.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds ModelGen.sln");
    }
}
