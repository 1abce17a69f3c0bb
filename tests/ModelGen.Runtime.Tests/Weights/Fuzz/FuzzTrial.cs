using System.Diagnostics;
using ModelGen.Weights;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>Reads damaged files and says what a reader must not do: other exceptions than the documented one, memory or time beyond bounds, a model changed by a failed load. For one thread.</summary>
internal sealed class FuzzTrial : IDisposable
{
    private const int LoadEvery = 20;

    // Buffers of the readers, which no file is too small for, and the exceptions' own.
    private const long FixedBytes = 512 << 10;

    // A value of a pickle takes one byte in the file and some tens in memory.
    private const long BytesPerByte = 400;

    private readonly nn.Module model = FuzzSeed.Model();
    private byte[] numbers = new byte[1 << 16];

    /// <summary>Files that were opened and read to the end.</summary>
    public long Opened { get; private set; }

    /// <summary>Files that were refused.</summary>
    public long Refused { get; private set; }

    /// <summary>Most managed memory that one file took, per byte of the file, beyond the fixed allowance of 64 KiB.</summary>
    public double WorstBytesPerByte { get; private set; }

    /// <summary>Most time that one file took.</summary>
    public TimeSpan Slowest { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="number">Its number: decides whether checksums are compared, and whether it is loaded into a model.</param>
    /// <param name="limit">Longest time allowed.</param>
    /// <returns>What went wrong, null if nothing did.</returns>
    public string? Run(byte[] file, int number, TimeSpan limit)
    {
        long memory = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        string? problem = Read(file, verifyChecksums: number % 4 == 0);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - memory;
        Slowest = elapsed > Slowest ? elapsed : Slowest;
        WorstBytesPerByte = Math.Max(WorstBytesPerByte, (allocated - (64 << 10)) / (double)Math.Max(1, file.Length));
        return problem
            ?? (allocated > FixedBytes + (BytesPerByte * file.Length) ? $"{allocated} bytes allocated for a file of {file.Length}" : null)
            ?? (elapsed > limit ? $"{elapsed.TotalSeconds:F1} s" : null)
            ?? (number % LoadEvery == 0 ? Load(file) : null);
    }

    public void Dispose() => model.Dispose();

    private string? Read(byte[] file, bool verifyChecksums)
    {
        try
        {
            using var opened = WeightFile.Open(file, null, verifyChecksums);
            long total = 0;
            foreach (WeightEntry entry in opened.Entries)
            {
                if (entry.ByteCount < 0 || entry.ByteCount > file.Length)
                {
                    return $"'{entry.Name}' has {entry.ByteCount} bytes in a file of {file.Length}";
                }

                // Many views may look at one storage: what a user reads is then more than the file.
                if ((total += entry.ByteCount) < 16L * file.Length)
                {
                    numbers = numbers.Length < entry.ByteCount ? new byte[entry.ByteCount] : numbers;
                    opened.Read(entry.Name, numbers.AsSpan(0, (int)entry.ByteCount));
                }
            }

            Opened++;
            return null;
        }
        catch (WeightFormatException refused)
        {
            Refused++;
            return refused.Message.Any(char.IsControl) || refused.Message.Length > 2000 ? $"a message of {refused.Message.Length} letters, or with control characters" : null;
        }
        catch (Exception other)
        {
            return other.ToString();
        }
    }

    private string? Load(byte[] file)
    {
        byte[] before = Values();
        try
        {
            using var opened = WeightFile.Open(file, null, verifyChecksums: false);
            model.LoadWeights(opened);
            return null;
        }
        catch (Exception refused) when (refused is WeightFormatException or WeightMismatchException)
        {
            return before.AsSpan().SequenceEqual(Values()) ? null : $"the model was changed by a load that failed: {refused.Message}";
        }
        catch (Exception other)
        {
            return other.ToString();
        }
    }

    private byte[] Values() => [.. model.state_dict().Values.SelectMany(static tensor => tensor.bytes.ToArray())];
}
