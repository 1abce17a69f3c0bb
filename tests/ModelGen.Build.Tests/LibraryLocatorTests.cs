using System.Text;
using ModelGen.Elf;

namespace ModelGen.Build.Tests;

public sealed class LibraryLocatorTests
{
    private const string Library = "libstdc++.so.6";
    private const string Cached = "/opt/lib/libstdc++.so.6";

    [Fact]
    public void SearchPath_ComesBeforeTheCache()
    {
        string? found = Find("/mine:/other", [$"/other/{Library}", Cached, "/etc/ld.so.cache"], Cache(0));

        Assert.Equal($"/other/{Library}", found);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Cache_IsReadInBothOfItsForms(int oldEntries) =>
        Assert.Equal(Cached, Find(null, [Cached, "/etc/ld.so.cache"], Cache(oldEntries)));

    [Fact]
    public void LibraryMissingFromTheCache_IsFoundInTheStandardFolders() =>
        Assert.Equal($"/usr/lib64/{Library}", Find(null, ["/etc/ld.so.cache", $"/usr/lib64/{Library}"], "garbage"u8.ToArray()));

    [Fact]
    public void NoLibrary_IsNull() => Assert.Null(Find(null, [], []));

    [Fact]
    public void GarbledCaches_NeverThrow()
    {
        byte[] good = Cache(3);
        var random = new Random(11);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] garbled = good[..random.Next(1, good.Length + 1)];
            garbled[random.Next(garbled.Length)] = (byte)random.Next(256);
            _ = LoaderCache.Find(garbled, Library);
        }
    }

    [Theory]
    [InlineData("GLIBCXX_3.4.30", "GLIBCXX_3.4.9", "GLIBCXX_3.4.30")]
    [InlineData("CXXABI_1.3.13", "GLIBCXX_3.4", "GLIBCXX_3.4")]
    public void NewestVersion_IsByNumber(string first, string second, string newest) =>
        Assert.Equal(newest, VersionNames.Newest([first, second, "GLIBCXX_DEBUG_MESSAGE_LENGTH"], "GLIBCXX_"));

    private static string? Find(string? searchPath, string[] files, byte[] cache) =>
        LibraryLocator.Find(Library, searchPath, files.Contains, path => path == "/etc/ld.so.cache" ? cache : throw new FileNotFoundException(path));

    // Two entries of the same library, the first for 32 bits, behind an old list of the given length.
    private static byte[] Cache(int oldEntries)
    {
        var file = new MemoryStream();
        var writer = new BinaryWriter(file);
        if (oldEntries > 0)
        {
            writer.Write(Encoding.ASCII.GetBytes("ld.so-1.7.0\0"));
            writer.Write(oldEntries);
            writer.Write(new byte[oldEntries * 12]);
            writer.Write(new byte[(8 - (file.Length % 8)) % 8]);
        }
        const int stringsAt = 48 + (2 * 24);
        writer.Write(Encoding.ASCII.GetBytes("glibc-ld.so.cache1.1"));
        writer.Write(2);
        writer.Write(new byte[24]);
        Entry(writer, 0x0003, stringsAt, stringsAt + Library.Length + 1);
        Entry(writer, 0x0303, stringsAt, stringsAt + Library.Length + 1);
        writer.Write(Encoding.ASCII.GetBytes($"{Library}\0{Cached}\0"));
        return file.ToArray();
    }

    private static void Entry(BinaryWriter writer, int flags, int key, int value)
    {
        writer.Write(flags);
        writer.Write(key);
        writer.Write(value);
        writer.Write(new byte[12]);
    }
}
