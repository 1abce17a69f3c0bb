namespace ModelGen.Onnx;

/// <summary>How the range of an activation is found from calibration samples.</summary>
public enum CalibrationMethod
{
    /// <summary>Smallest and largest value seen.</summary>
    MinMax,

    /// <summary>The range that holds a given share of all values (99.99 % by default), cut equally from both ends.</summary>
    Percentile,

    /// <summary>The range that keeps most information: least Kullback-Leibler divergence between the values and their 8-bit form (Migacz, 8-bit inference with TensorRT, GTC 2017).</summary>
    Entropy,

    /// <summary>The range with the least mean squared rounding and clipping error.</summary>
    Mse,
}
