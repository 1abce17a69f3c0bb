namespace ModelGen.Kernels;

/// <summary>Products of what results see of an image and of weights, for all groups.</summary>
internal unsafe struct ImageProduct
{
    /// <summary>What results see.</summary>
    public TapGrid Grid;

    /// <summary>Numbers of the channels seen, two or fewer in each place.</summary>
    public nint Inputs;

    /// <summary>What is applied to the numbers of the image; the default: nothing. Other than in depthwise convolutions every tap must be inside the image.</summary>
    public BatchNormal Normal;

    /// <summary>Weight of the first tap, channel and column.</summary>
    public float* Weight;

    /// <summary>The same weights as panels [groups][panels][depth][columns of a panel], or null: they are packed on the way.</summary>
    public float* Panels;

    /// <summary>Distance of taps in a column of taps.</summary>
    public nint WeightTapY;

    /// <summary>Distance of taps in a row of taps.</summary>
    public nint WeightTapX;

    /// <summary>Distance of channels.</summary>
    public nint WeightRow;

    /// <summary>Distance of columns.</summary>
    public nint WeightColumn;

    /// <summary>Distance of groups.</summary>
    public nint WeightGroup;

    /// <summary>Number of groups.</summary>
    public nint Groups;

    /// <summary>Columns of a group.</summary>
    public nint Columns;

    /// <summary>Results.</summary>
    public float* Output;

    /// <summary>Columns of all groups: the distance of pixels.</summary>
    public nint OutputChannels;

    /// <summary>Number of the pixel of the first result.</summary>
    public nint OutputFirst;

    /// <summary>Pixels between results of a row.</summary>
    public nint OutputStepX;

    /// <summary>Pixels between rows.</summary>
    public nint OutputStepY;

    /// <summary>Pixels between images.</summary>
    public nint OutputStepImage;

    /// <summary>Whether to add to what is there.</summary>
    public bool Add;

    /// <summary>Whether results follow each other in memory.</summary>
    public readonly bool Dense => OutputStepX == 1 && OutputStepY == Grid.GridWidth && OutputStepImage == Grid.GridWidth * Grid.GridHeight;

    /// <summary>Number of a result's pixel.</summary>
    public readonly nint Pixel(in GridPlace place) => OutputFirst + (place.Image * OutputStepImage) + (place.Y * OutputStepY) + (place.X * OutputStepX);
}
