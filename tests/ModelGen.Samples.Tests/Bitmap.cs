namespace ModelGen.Samples.Tests;

/// <summary>Windows bitmaps of one colour.</summary>
internal static class Bitmap
{
    public static void Write(string path, int width, int height, byte red, byte green, byte blue)
    {
        const int HeaderLength = 54;
        int stride = ((width * 3) + 3) / 4 * 4;
        using var file = new BinaryWriter(File.Create(path));
        file.Write("BM"u8);
        file.Write(HeaderLength + (stride * height));
        file.Write(0);
        file.Write(HeaderLength);
        file.Write(40);
        file.Write(width);
        file.Write(height);
        file.Write((short)1);
        file.Write((short)24);
        file.Write(new byte[24]);
        byte[] row = new byte[stride];
        for (int i = 0; i < width; i++)
        {
            (row[3 * i], row[(3 * i) + 1], row[(3 * i) + 2]) = (blue, green, red);
        }

        for (int i = 0; i < height; i++)
        {
            file.Write(row);
        }
    }
}
