using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace ModelGen.Data;

/// <summary>Decodes JPEG, PNG, BMP and WebP with Skia.</summary>
internal static class ImageDecoder
{
    public static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".bmp", ".webp"];

    [ThreadStatic]
    private static byte[]? encoded;

    /// <summary>Reads a file. Colours are taken as they are stored, without colour management, and transparency is dropped, as by torchvision's loader.</summary>
    /// <exception cref="DataFormatException">The file is missing, damaged, or no image.</exception>
    public static void Read(string path, Image image)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            int length = checked((int)file.Length);
            if (encoded is null || encoded.Length < length)
            {
                encoded = GC.AllocateUninitializedArray<byte>(length, pinned: true);
            }

            file.ReadExactly(encoded, 0, length);
            Decode(encoded.AsSpan(0, length), path, image);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or OverflowException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    private static unsafe void Decode(ReadOnlySpan<byte> bytes, string path, Image image)
    {
        if (bytes.IsEmpty)
        {
            throw new DataFormatException($"{path}: empty: it holds no image.");
        }

        fixed (byte* source = bytes)
        {
            using SKData data = SKData.Create((nint)source, bytes.Length);
            using var stream = new SKMemoryStream(data);
            using SKCodec codec = SKCodec.Create(stream, out SKCodecResult opened)
                ?? throw new DataFormatException($"{path}: no image that can be decoded ({Words(opened)}); JPEG, PNG, BMP and WebP can.");
            SKImageInfo found = codec.Info;
            try
            {
                image.Begin(found.Width, found.Height);
            }
            catch (ArgumentOutOfRangeException exception)
            {
                throw new DataFormatException($"{path}: wrong size: {found.Width} x {found.Height} pixels.", exception);
            }

            var wanted = new SKImageInfo(found.Width, found.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
            SKCodecResult result = codec.GetPixels(wanted, (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(image.Pixels)));
            if (result != SKCodecResult.Success)
            {
                throw new DataFormatException($"{path}: {Words(result)} in the {found.Width} x {found.Height} pixels.");
            }
        }
    }

    private static string Words(SKCodecResult result) => result switch
    {
        SKCodecResult.IncompleteInput => "truncated",
        SKCodecResult.ErrorInInput => "damaged",
        SKCodecResult.Unimplemented => "not a known format",
        SKCodecResult.InvalidInput => "invalid",
        _ => result.ToString(),
    };
}
