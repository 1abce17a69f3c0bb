using System.Runtime.InteropServices;

namespace ModelGen;

/// <summary>Forces the list of files of a folder to the disk: a file that was moved there is found after a loss of power.</summary>
internal static partial class FolderSync
{
    /// <summary>Does nothing on Windows, whose file systems keep a journal of it.</summary>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens no folders. Some file systems cannot flush them (EINVAL); then there is no more to do.
        int descriptor = Open(folder, 0);
        if (descriptor >= 0)
        {
            _ = Flush(descriptor);
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
