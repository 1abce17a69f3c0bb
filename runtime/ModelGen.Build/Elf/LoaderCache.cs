using System.Text;

namespace ModelGen.Elf;

/// <summary>Reads the cache of the Linux loader (`/etc/ld.so.cache`), the list that `ldconfig -p` prints.</summary>
internal static class LoaderCache
{
    private const string NewMagic = "glibc-ld.so.cache1.1";
    private const string OldMagic = "ld.so-1.7.0";
    private const int NewHeaderSize = 48;
    private const int NewEntrySize = 24;
    private const int OldHeaderSize = 16;
    private const int OldEntrySize = 12;

    // "libc6" in the low byte, "x86-64" in the next, as ldconfig writes them.
    private const uint KindMask = 0xffff;
    private const uint X64Kind = 0x0303;

    /// <summary>The path that the cache gives for an x64 library, or null where it has none or is in a format not known here.</summary>
    public static string? Find(byte[] cache, string library)
    {
        int start = NewHeader(cache);
        if (start < 0)
        {
            return null;
        }
        uint count = ElfReader.U32(cache, start + NewMagic.Length);
        for (uint i = 0; i < count; i++)
        {
            long at = start + NewHeaderSize + ((long)i * NewEntrySize);
            if (at + NewEntrySize > cache.Length)
            {
                return null;
            }
            bool isX64 = (ElfReader.U32(cache, (int)at) & KindMask) == X64Kind;
            if (isX64 && Text(cache, start, ElfReader.U32(cache, (int)at + 4)) == library)
            {
                return Text(cache, start, ElfReader.U32(cache, (int)at + 8));
            }
        }
        return null;
    }

    private static int NewHeader(byte[] cache)
    {
        if (StartsWith(cache, 0, NewMagic))
        {
            return 0;
        }
        if (!StartsWith(cache, 0, OldMagic) || cache.Length < OldHeaderSize)
        {
            return -1;
        }
        // Older systems put the list of libc5 first and the one wanted here after it, aligned to 8 bytes.
        long after = OldHeaderSize + ((long)ElfReader.U32(cache, 12) * OldEntrySize);
        long aligned = (after + 7) & ~7L;
        return aligned < cache.Length && StartsWith(cache, (int)aligned, NewMagic) ? (int)aligned : -1;
    }

    private static bool StartsWith(byte[] cache, int at, string magic)
    {
        if (cache.Length - at < NewHeaderSize && magic == NewMagic)
        {
            return false;
        }
        return cache.Length - at >= magic.Length && Encoding.ASCII.GetString(cache, at, magic.Length) == magic;
    }

    private static string? Text(byte[] cache, int start, uint offset)
    {
        long at = start + (long)offset;
        if (at >= cache.Length)
        {
            return null;
        }
        int end = Array.IndexOf(cache, (byte)0, (int)at);
        return end < 0 ? null : Encoding.ASCII.GetString(cache, (int)at, end - (int)at);
    }
}
