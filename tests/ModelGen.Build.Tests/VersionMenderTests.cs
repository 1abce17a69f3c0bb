using ModelGen.Elf;
using ModelGen.Testing;

namespace ModelGen.Build.Tests;

public sealed class VersionMenderTests
{
    private const string Runtime = "libstdc++.so.6";

    [Fact]
    public void UnusedVersionThatIsLacking_IsMarkedWeakAndNothingElseChanges()
    {
        byte[] library = new ElfBuilder().Links(Runtime).Needs(Runtime, "GLIBCXX_3.4.30", true).Needs(Runtime, "GLIBCXX_3.4.32", false).Build();
        byte[] before = [.. library];

        Mending mending = VersionMender.Mend(library, Runtime, ["GLIBCXX_3.4.30"]);

        Assert.Equal(["GLIBCXX_3.4.32"], mending.Mended);
        Assert.Empty(mending.Broken);
        Assert.Equal(before, library);
        Assert.Equal(1, Differences(library, mending.Library));
        VersionNeed need = Needs(mending.Library).Single(need => need.Version == "GLIBCXX_3.4.32");
        Assert.True(need.IsWeak);
        Assert.False(Needs(mending.Library).Single(other => other.Version == "GLIBCXX_3.4.30").IsWeak);
    }

    [Fact]
    public void UsedVersionThatIsLacking_IsReportedAndNotTouched()
    {
        byte[] library = new ElfBuilder().Needs(Runtime, "GLIBCXX_3.4.32", isUsed: true).Build();

        Mending mending = VersionMender.Mend(library, Runtime, ["GLIBCXX_3.4.30"]);

        Assert.Empty(mending.Mended);
        Assert.Equal(new UsedVersion("GLIBCXX_3.4.32", "symbol0"), Assert.Single(mending.Broken));
        Assert.Equal(library, mending.Library);
    }

    [Fact]
    public void VersionOfAnotherLibrary_IsNotTouched()
    {
        byte[] library = new ElfBuilder().Needs("libc.so.6", "GLIBC_2.99", isUsed: false).Build();

        Assert.Empty(VersionMender.Mend(library, Runtime, []).Mended);
    }

    [Fact]
    public void MendedLibrary_NeedsNoSecondMend()
    {
        byte[] library = new ElfBuilder().Needs(Runtime, "GLIBCXX_3.4.32", isUsed: false).Build();
        byte[] once = VersionMender.Mend(library, Runtime, []).Library;

        Mending twice = VersionMender.Mend(once, Runtime, []);

        Assert.Empty(twice.Mended);
        Assert.Equal(once, twice.Library);
    }

    [Fact]
    public void RealLibrary_ChangesInOneByteForAnOlderRuntime()
    {
        string[] older = [.. Needs(RealLibrary.Bytes).Where(need => need.Library == Runtime).Select(need => need.Version).Where(version => version != "GLIBCXX_3.4.32")];

        Mending mending = VersionMender.Mend(RealLibrary.Bytes, Runtime, older);

        Assert.Equal(["GLIBCXX_3.4.32"], mending.Mended);
        Assert.Equal(1, Differences(RealLibrary.Bytes, mending.Library));
    }

    [Fact]
    public void RealLibrary_IsLeftAloneForARuntimeThatHasEverything()
    {
        string[] all = [.. Needs(RealLibrary.Bytes).Select(need => need.Version)];

        Assert.Same(RealLibrary.Bytes, VersionMender.Mend(RealLibrary.Bytes, Runtime, all).Library);
    }

    [Fact]
    public void RealLibrary_IsNotMendedWhereTheVersionIsUsed()
    {
        Mending mending = VersionMender.Mend(RealLibrary.Bytes, Runtime, ["GLIBCXX_3.4.32"]);

        Assert.DoesNotContain("GLIBCXX_3.4.30", mending.Mended);
        Assert.Contains(mending.Broken, broken => broken.Version == "GLIBCXX_3.4.30");
    }

    [Fact]
    public void WrongMachine_IsRefused()
    {
        byte[] library = new ElfBuilder { Machine = 183 }.Needs(Runtime, "GLIBCXX_3.4.32", false).Build();

        Assert.Contains("x64", Assert.Throws<ElfFormatException>(() => VersionMender.Mend(library, Runtime, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GarbledLibraries_AreRefusedOrMendedInTheFlagsOnly()
    {
        byte[] good = new ElfBuilder().Links(Runtime).Needs(Runtime, "GLIBCXX_3.4.30", true).Needs(Runtime, "GLIBCXX_3.4.32", false).Build();
        int refused = 0;
        for (int at = 0; at < good.Length; at++)
        {
            foreach (byte value in (byte[])[0, 1, 0x7f, 0x80, 0xff])
            {
                byte[] garbled = [.. good];
                garbled[at] = value;
                refused += IsRefusedOrSound(garbled) ? 1 : 0;
            }
        }
        Assert.True(refused > 100, $"only {refused} garbled files were refused, so this test does not reach the checks");
    }

    [Fact]
    public void TruncatedLibraries_AreRefused()
    {
        byte[] good = new ElfBuilder().Links(Runtime).Needs(Runtime, "GLIBCXX_3.4.32", false).Build();

        for (int length = 0; length < good.Length; length++)
        {
            byte[] cut = good[..length];
            Assert.Throws<ElfFormatException>(() => VersionMender.Mend(cut, Runtime, []));
        }
    }

    [Fact]
    public void RandomDamageToSeveralBytes_NeverEscapesAsAnotherException()
    {
        byte[] good = new ElfBuilder().Links(Runtime).Needs(Runtime, "GLIBCXX_3.4.30", true).Needs(Runtime, "GLIBCXX_3.4.32", false).Build();
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] garbled = [.. good];
            for (int i = random.Next(1, 8); i > 0; i--)
            {
                garbled[random.Next(garbled.Length)] = (byte)random.Next(256);
            }
            IsRefusedOrSound(garbled);
        }
    }

    // A garbled file may still be well-formed; then at most the flags of the mended entries may differ.
    private static bool IsRefusedOrSound(byte[] garbled)
    {
        try
        {
            Mending mending = VersionMender.Mend(garbled, Runtime, ["GLIBCXX_3.4.30"]);
            Assert.True(Differences(garbled, mending.Library) <= mending.Mended.Count);
            Assert.All(Needs(mending.Library).Where(need => mending.Mended.Contains(need.Version)), need => Assert.True(need.IsWeak));
            return false;
        }
        catch (ElfFormatException)
        {
            return true;
        }
    }

    private static IReadOnlyList<VersionNeed> Needs(byte[] library) => ElfVersions.Needs(ElfImage.Read(new MemoryStream(library)));

    private static int Differences(byte[] left, byte[] right) => left.Zip(right).Count(pair => pair.First != pair.Second) + Math.Abs(left.Length - right.Length);
}
