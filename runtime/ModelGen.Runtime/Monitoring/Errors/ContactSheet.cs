using SkiaSharp;

namespace ModelGen.Monitoring;

/// <summary>One picture of a contact sheet.</summary>
/// <param name="Picture">Its pixels.</param>
/// <param name="Caption">One short line below the picture: letters, figures and the signs <c>% . , : + - / ( ) _</c>; <c>&gt;</c> is drawn as an arrow, and other characters as a box.</param>
public sealed record ContactTile(SamplePicture Picture, string Caption);

/// <summary>A PNG of small pictures in a grid, with a title and captions. Needs no fonts.</summary>
public static class ContactSheet
{
    private const int Side = 84;
    private const int CellWidth = 104;
    private const int CellHeight = 122;
    private const int Margin = 20;
    private const int TitleHeight = 52;
    private const int MaxColumns = 10;
    private const int MinColumns = 6;
    private const float CaptionHeight = 10.5f;

    private static readonly SKColor Paper = new(0xF7, 0xF7, 0xF5);
    private static readonly SKColor Text = new(0x22, 0x26, 0x2B);
    private static readonly SKColor Quiet = new(0x77, 0x7D, 0x85);

    /// <summary>Writes the sheet, replacing the file.</summary>
    /// <param name="path">PNG file.</param>
    /// <param name="title">Line at the top, of the characters that captions may have.</param>
    /// <param name="tiles">Pictures in order, left to right and down.</param>
    /// <param name="emptyText">What to say when there are no pictures.</param>
    public static void Save(string path, string title, IReadOnlyList<ContactTile> tiles, string emptyText = "No pictures.")
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(tiles);
        ArgumentNullException.ThrowIfNull(emptyText);
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
            int x = Margin + (i % columns * CellWidth) + ((CellWidth - Side) / 2);
            int y = Margin + TitleHeight + (i / columns * CellHeight);
            DrawTile(canvas, tiles[i], x, y);
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

    private static void DrawTile(SKCanvas canvas, ContactTile tile, int x, int y)
    {
        SamplePicture picture = tile.Picture;
        using SKBitmap bitmap = Png.Bitmap(picture.Pixels, picture.Width, picture.Height, picture.Channels);
        using SKImage image = SKImage.FromBitmap(bitmap);

        // Small pictures show their pixels; large ones are scaled down smoothly.
        float scale = (float)Side / Math.Max(picture.Width, picture.Height);
        (float width, float height) = (picture.Width * scale, picture.Height * scale);
        SKRect frame = SKRect.Create(x + ((Side - width) / 2), y + ((Side - height) / 2), width, height);
        canvas.DrawImage(image, frame, scale < 1 ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear) : new SKSamplingOptions(SKFilterMode.Nearest));
        using var border = new SKPaint { Color = new SKColor(0xD4, 0xD6, 0xD9), Style = SKPaintStyle.Stroke, StrokeWidth = 1 };
        canvas.DrawRect(frame, border);
        int fitting = (int)(CellWidth / StrokeFont.Measure("0", CaptionHeight));
        string caption = tile.Caption.Length <= fitting ? tile.Caption : tile.Caption[..(fitting - 1)] + ".";
        float captionX = x + ((Side - StrokeFont.Measure(caption, CaptionHeight)) / 2);
        StrokeFont.Draw(canvas, caption, captionX, y + Side + 9, CaptionHeight, Text);
    }
}
