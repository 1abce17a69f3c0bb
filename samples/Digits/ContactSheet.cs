using Digits.Drawing;
using SkiaSharp;

namespace Digits;

/// <summary>One picture of a contact sheet.</summary>
/// <param name="Pixels">Grey values, 0 (paper) to 255 (ink), row-major.</param>
/// <param name="Caption">One short line below the picture.</param>
internal sealed record Tile(byte[] Pixels, string Caption);

/// <summary>A PNG of small grey pictures in a grid, with a title and captions.</summary>
internal static class ContactSheet
{
    private const int Picture = 84;
    private const int CellWidth = 104;
    private const int CellHeight = 122;
    private const int Margin = 20;
    private const int TitleHeight = 52;
    private const int MaxColumns = 10;
    private const int MinColumns = 6;

    private static readonly SKColor Paper = new(0xF7, 0xF7, 0xF5);
    private static readonly SKColor Text = new(0x22, 0x26, 0x2B);
    private static readonly SKColor Quiet = new(0x77, 0x7D, 0x85);

    /// <summary>Writes the sheet, replacing the file.</summary>
    /// <param name="path">PNG file.</param>
    /// <param name="title">Line at the top; see <see cref="StrokeFont"/> for the characters it may have.</param>
    /// <param name="tiles">Pictures in order, left to right and down.</param>
    /// <param name="width">Columns of each picture.</param>
    /// <param name="height">Rows of each picture.</param>
    /// <param name="emptyText">What to say when there are no pictures.</param>
    public static void Save(string path, string title, IReadOnlyList<Tile> tiles, int width, int height, string emptyText)
    {
        int columns = Math.Clamp(tiles.Count, MinColumns, MaxColumns);
        int rows = Math.Max(1, (tiles.Count + columns - 1) / columns);
        float titleWidth = StrokeFont.Measure(title, 15);
        int sheetWidth = Math.Max((2 * Margin) + (columns * CellWidth), (2 * Margin) + (int)titleWidth);
        using var surface = SKSurface.Create(new SKImageInfo(sheetWidth, (2 * Margin) + TitleHeight + (rows * CellHeight)));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(Paper);
        StrokeFont.Draw(canvas, title, Margin, Margin + 4, 15, Text);
        for (int i = 0; i < tiles.Count; i++)
        {
            int x = Margin + (i % columns * CellWidth) + ((CellWidth - Picture) / 2);
            int y = Margin + TitleHeight + (i / columns * CellHeight);
            DrawTile(canvas, tiles[i], x, y, width, height);
        }

        if (tiles.Count == 0)
        {
            StrokeFont.Draw(canvas, emptyText, Margin, Margin + TitleHeight + 20, 13, Quiet);
        }

        using SKImage image = surface.Snapshot();
        using SKData png = image.Encode(SKEncodedImageFormat.Png, 100);
        using FileStream file = File.Create(path);
        png.SaveTo(file);
    }

    private static void DrawTile(SKCanvas canvas, Tile tile, int x, int y, int width, int height)
    {
        // Dark ink on white paper: what the eye expects of handwriting, whatever the network is fed.
        byte[] shown = [.. tile.Pixels.Select(static value => (byte)(255 - value))];
        using var picture = new SKBitmap(new SKImageInfo(width, height, SKColorType.Gray8, SKAlphaType.Opaque));
        System.Runtime.InteropServices.Marshal.Copy(shown, 0, picture.GetPixels(), shown.Length);
        using SKImage image = SKImage.FromBitmap(picture);
        var frame = new SKRect(x, y, x + Picture, y + Picture);
        canvas.DrawImage(image, frame, new SKSamplingOptions(SKFilterMode.Nearest));
        using var border = new SKPaint { Color = new SKColor(0xD4, 0xD6, 0xD9), Style = SKPaintStyle.Stroke, StrokeWidth = 1 };
        canvas.DrawRect(frame, border);
        float captionX = x + ((Picture - StrokeFont.Measure(tile.Caption, 10.5f)) / 2);
        StrokeFont.Draw(canvas, tile.Caption, captionX, y + Picture + 9, 10.5f, Text);
    }
}
