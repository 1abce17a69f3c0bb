using System.Runtime.InteropServices;
using ModelGen.Native;
using ModelGen.Testing;

namespace ModelGen.Runtime.Tests.Native;

public sealed class DoctorTests
{
    [Fact]
    public void HealthyMachine_HasNothingToDo()
    {
        DoctorReport report = Examination.Of(new FakeMachine());

        Assert.True(report.IsHealthy, report.ToString());
        Assert.Equal("GLIBCXX_3.4.30", report.NewestCppRuntimeVersion);
        Assert.Equal(FakeMachine.CppRuntime, report.CppRuntimePath);
        Assert.Equal($"{FakeMachine.Folder}/libgomp-98b21ff3.so.1", report.OpenMpPath);
        Assert.All(report.Libraries, library => Assert.Empty(library.Lacks));
    }

    [Fact]
    public void UnmendedLibrary_IsToldToBuildWithTheMend()
    {
        var machine = new FakeMachine();
        machine.Files[$"{FakeMachine.Folder}/libLibTorchSharp.so"] = FakeMachine.Binding("GLIBCXX_3.4.32", isUsed: false);

        DoctorReport report = Examination.Of(machine);

        Assert.Contains("GLIBCXX_3.4.30", report.Finding, StringComparison.Ordinal);
        Assert.Contains("did not mend", report.Finding, StringComparison.Ordinal);
        Assert.Contains("ModelGenMendTorchSharp=always", report.Action, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.32 of libstdc++.so.6 (asked for but not used)", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void VersionThatIsReallyUsed_AsksForANewerRuntime()
    {
        var machine = new FakeMachine();
        machine.Files[$"{FakeMachine.Folder}/libLibTorchSharp.so"] = FakeMachine.Binding("GLIBCXX_3.4.32", isUsed: true);

        DoctorReport report = Examination.Of(machine);

        Assert.Contains("Install a newer libstdc++6", report.Action, StringComparison.Ordinal);
        Assert.DoesNotContain("ModelGenMendTorchSharp", report.Action, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingLibtorch_NamesThePackage()
    {
        var machine = new FakeMachine();
        machine.Files.Remove($"{FakeMachine.Folder}/libtorch_cpu.so");

        DoctorReport report = Examination.Of(machine);

        Assert.Contains("libtorch_cpu.so is in none of the folders", report.Finding, StringComparison.Ordinal);
        Assert.Contains("dotnet add package TorchSharp-cpu", report.Action, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingBinding_NamesTheProjectThatIsRun()
    {
        var machine = new FakeMachine();
        machine.Files.Remove($"{FakeMachine.Folder}/libLibTorchSharp.so");

        Assert.Contains("the project that is run", Examination.Of(machine).Action, StringComparison.Ordinal);
    }

    [Fact]
    public void OldGlibc_NamesBothVersions()
    {
        var machine = new FakeMachine { GlibcVersion = "2.31" };
        machine.Files[FakeMachine.Libc] = new ElfBuilder().Defines("GLIBC_2.2.5", "GLIBC_2.29", "GLIBC_2.31").Build();

        DoctorReport report = Examination.Of(machine);

        Assert.Equal("glibc 2.31 is too old: TorchSharp's native files need GLIBC_2.34.", report.Finding);
    }

    [Fact]
    public void Musl_IsToldToChangeTheImage()
    {
        DoctorReport report = Examination.Of(new FakeMachine { GlibcVersion = null });

        Assert.Contains("musl", report.Finding, StringComparison.Ordinal);
        Assert.Contains("alpine", report.Action, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LINUX", Architecture.Arm64, "linux-arm64", "linux/amd64")]
    [InlineData("OSX", Architecture.X64, "osx-x64", "Apple silicon")]
    [InlineData("WINDOWS", Architecture.X86, "32-bit", "PlatformTarget")]
    public void SystemWithoutPackage_SaysWhereToRun(string platform, Architecture architecture, string finding, string action)
    {
        DoctorReport report = Examination.Of(new FakeMachine { Platform = OSPlatform.Create(platform), Architecture = architecture });

        Assert.Contains(finding, report.Finding, StringComparison.Ordinal);
        Assert.Contains(action, report.Action, StringComparison.Ordinal);
    }

    [Fact]
    public void LibraryOfAnotherProcessor_IsToldToPublishForThisOne()
    {
        var machine = new FakeMachine();
        machine.Files[$"{FakeMachine.Folder}/libtorch_cpu.so"] = new ElfBuilder { Machine = 183 }.Links("libc.so.6").Build();

        Assert.Equal("Build or publish again with -r linux-x64.", Examination.Of(machine).Action);
    }

    [Fact]
    public void DamagedLibrary_IsToldToRestore()
    {
        var machine = new FakeMachine();
        machine.Files[$"{FakeMachine.Folder}/libtorch_cpu.so"] = [1, 2, 3];

        Assert.Contains("damaged", Examination.Of(machine).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingOpenMp_IsNamed()
    {
        var machine = new FakeMachine();
        machine.Files.Remove($"{FakeMachine.Folder}/libgomp-98b21ff3.so.1");

        DoctorReport report = Examination.Of(machine);

        Assert.Null(report.OpenMpPath);
        Assert.Contains("libgomp-98b21ff3.so.1", report.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void ThisMachine_LoadsTorchSharpAndIsFoundHealthy()
    {
        NativeLibraries.EnsureLoaded();

        DoctorReport report = Doctor.Examine();

        Assert.True(report.IsHealthy, report.ToString());
        Assert.All(report.Libraries, library => Assert.True(File.Exists(library.Path), report.ToString()));
    }
}
