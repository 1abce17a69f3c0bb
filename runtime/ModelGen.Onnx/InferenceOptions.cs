using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;

namespace ModelGen.Onnx;

/// <summary>How ONNX Runtime runs a model.</summary>
public sealed record InferenceOptions
{
    /// <summary>Threads of one call; null lets ONNX Runtime choose (one per physical core).</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Execution providers by name, the first that works is used: CPU, CUDA, TensorRT, OpenVINO, DirectML, CoreML. Operators that it lacks run on the CPU. Default: CPU.
    /// </summary>
    public IReadOnlyList<string> Providers { get; init; } = ["CPU"];

    /// <summary>Calls made when the session opens, so that later ones are fast; default 1.</summary>
    public int WarmupRuns { get; init; } = 1;

    /// <summary>Opens a session.</summary>
    internal static (InferenceSession Session, string Provider) Open(byte[] model, InferenceOptions? options, bool quantized)
    {
        options ??= new InferenceOptions();
        var faults = new List<string>();
        foreach (string provider in options.Providers)
        {
            using var settings = new SessionOptions();
            if (options.Threads is int threads)
            {
                settings.IntraOpNumThreads = threads;
            }

            // Without VNNI the 8-bit dot product of u8 and s8 saturates; ONNX Runtime then needs unsigned weights to be exact.
            if (quantized && X86Base.IsSupported && !AvxVnni.IsSupported && !HasAvx512Vnni())
            {
                settings.AddSessionConfigEntry("session.x64quantprecision", "1");
            }

            try
            {
                Append(settings, provider);
                return (new InferenceSession(model, settings), provider);
            }
            catch (Exception exception) when (exception is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException or NotSupportedException && provider != "CPU")
            {
                faults.Add($"  {provider}: {exception.Message.Split('\n')[0]}");
            }
        }

        throw new InvalidOperationException(
            $"None of the execution providers [{string.Join(", ", options.Providers)}] can be used:\n{string.Join("\n", faults)}\n"
            + "Install the ONNX Runtime package that holds the provider (property ModelGenAccelerator=cuda for CUDA and TensorRT), or add \"CPU\" to the end of InferenceOptions.Providers.");
    }

    // .NET has no class for AVX512_VNNI: leaf 7 of CPUID, bit 11 of ecx.
    private static bool HasAvx512Vnni() => (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    private static void Append(SessionOptions settings, string provider)
    {
        switch (provider)
        {
            case "CPU":
                break;
            case "CUDA":
                settings.AppendExecutionProvider_CUDA();
                break;
            case "TensorRT":
                settings.AppendExecutionProvider_Tensorrt();
                break;
            case "OpenVINO":
                settings.AppendExecutionProvider("OpenVINO");
                break;
            case "DirectML":
                settings.AppendExecutionProvider("DML");
                break;
            case "CoreML":
                settings.AppendExecutionProvider("CoreML");
                break;
            default:
                throw new NotSupportedException($"'{provider}' is not a known provider; use CPU, CUDA, TensorRT, OpenVINO, DirectML or CoreML.");
        }
    }
}
