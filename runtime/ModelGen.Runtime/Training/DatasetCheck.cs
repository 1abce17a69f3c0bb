using ModelGen.Data;

namespace ModelGen;

/// <summary>Faults of a data set that are cheaper to find before the first step.</summary>
internal static class DatasetCheck
{
    public static void CheckTarget(FieldSpec target, Loss loss, string what)
    {
        ElementType wanted = loss == Loss.CrossEntropy ? ElementType.Int64 : ElementType.Float32;
        if (target.Type != wanted)
        {
            throw new ArgumentException($"The {what} set's target '{target.Name}' is {target.Type}, but {loss} needs {(loss == Loss.CrossEntropy ? "int64 class indices" : "float32 values of the output's shape")}.");
        }
    }

    public static void Check(Dataset data, Loss loss, string what)
    {
        if (data.Count == 0)
        {
            throw new ArgumentException($"The {what} set is empty.");
        }

        CheckTarget(data.Target, loss, what);

        // Checked here because a negative or huge index would end in a fault deep inside the library, without the sample's number.
        if (loss == Loss.CrossEntropy && data is TensorDataset memory)
        {
            ReadOnlySpan<long> labels = memory.TargetAs<long>();
            for (int i = 0; i < labels.Length; i++)
            {
                if (labels[i] < 0)
                {
                    throw new ArgumentException($"The {what} set's sample {i} has class {labels[i]}; classes are numbered from 0.");
                }
            }
        }
    }
}
