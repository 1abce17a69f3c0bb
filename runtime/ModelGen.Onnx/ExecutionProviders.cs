using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;

namespace ModelGen.Onnx;

/// <summary>An execution provider that a session tried.</summary>
/// <param name="Provider">Name, as in <see cref="InferenceOptions.Providers"/>.</param>
/// <param name="Failure">Why it could not be used; null when it is in use.</param>
public sealed record ProviderAttempt(string Provider, string? Failure)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Provider}: {Failure ?? "in use"}";
}

/// <summary>Opens ONNX Runtime sessions on the first execution provider that works.</summary>
internal static class ExecutionProviders
{
    /// <summary>Opens a session.</summary>
    /// <param name="create">Makes the session with its settings.</param>
    /// <param name="options">Settings.</param>
    /// <param name="quantized">Whether the model computes with 8-bit integers.</param>
    /// <param name="attempts">What was tried, in order.</param>
    /// <exception cref="OnnxRuntimeException">The CPU was tried, and ONNX Runtime refuses the model.</exception>
    /// <exception cref="InvalidOperationException">No provider works.</exception>
    public static InferenceSession Open(Func<SessionOptions, InferenceSession> create, InferenceOptions options, bool quantized, out IReadOnlyList<ProviderAttempt> attempts)
    {
        options.Check();
        var tried = new List<ProviderAttempt>();
        attempts = tried;
        for (int i = 0; i < options.Providers.Count; i++)
        {
            string provider = options.Providers[i];
            using SessionOptions settings = Settings(options, quantized);
            try
            {
                Append(settings, provider, options);
                string[] helpers = [.. options.Providers.Skip(i + 1).Where(helper => CanAppend(settings, helper, options))];
                InferenceSession session = create(settings);
                tried.Add(new ProviderAttempt(provider, null));
                tried.AddRange(options.Providers.Skip(i + 1).Select(helper => new ProviderAttempt(helper, helpers.Contains(helper) ? null : "not needed")));
                return session;
            }
            catch (Exception exception) when (exception is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException or NotSupportedException && provider != "CPU")
            {
                tried.Add(new ProviderAttempt(provider, exception.Message.Split('\n')[0].TrimEnd()));
            }
        }

        throw new InvalidOperationException(
            $"None of the execution providers [{string.Join(", ", options.Providers)}] can be used:\n{string.Join("\n", tried.Select(static attempt => "  " + attempt))}\n"
            + "Install the ONNX Runtime package that holds the provider (property ModelGenAccelerator=cuda for CUDA and TensorRT), or add \"CPU\" to the end of InferenceOptions.Providers.");
    }

    /// <summary>
    /// Providers named later take the operators that the first one lacks. CPU ends every session anyway, and only CUDA helps TensorRT: the others do not share a device.
    /// </summary>
    private static bool CanAppend(SessionOptions settings, string helper, InferenceOptions options)
    {
        if (helper is not "CUDA")
        {
            return helper is "CPU";
        }

        try
        {
            Append(settings, helper, options);
            return true;
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    private static SessionOptions Settings(InferenceOptions options, bool quantized)
    {
        var settings = new SessionOptions { EnableCpuMemArena = options.KeepMemory, EnableMemoryPattern = options.KeepMemory };
        if (options.Threads is int threads)
        {
            settings.IntraOpNumThreads = threads;
        }

        settings.AddSessionConfigEntry("session.intra_op.allow_spinning", options.Spinning ? "1" : "0");
        if (options.FlushSubnormals)
        {
            settings.AddSessionConfigEntry("session.set_denormal_as_zero", "1");
        }

        // Without VNNI the 8-bit dot product of u8 and s8 saturates; ONNX Runtime then needs unsigned weights to be exact.
        if (quantized && X86Base.IsSupported && !AvxVnni.IsSupported && !HasAvx512Vnni())
        {
            settings.AddSessionConfigEntry("session.x64quantprecision", "1");
        }

        return settings;
    }

    // .NET has no class for AVX512_VNNI: leaf 7 of CPUID, bit 11 of ecx.
    private static bool HasAvx512Vnni() => (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    private static void Append(SessionOptions settings, string provider, InferenceOptions options)
    {
        Dictionary<string, string> details = options.ProviderOptions.TryGetValue(provider, out IReadOnlyDictionary<string, string>? given) ? given.ToDictionary() : [];
        switch (provider)
        {
            case "CPU":
                break;
            case "CUDA":
                using (var cuda = new OrtCUDAProviderOptions())
                {
                    cuda.UpdateOptions(details);
                    settings.AppendExecutionProvider_CUDA(cuda);
                }

                break;
            case "TensorRT":
                using (var tensorRt = new OrtTensorRTProviderOptions())
                {
                    tensorRt.UpdateOptions(details);
                    settings.AppendExecutionProvider_Tensorrt(tensorRt);
                }

                break;
            case "OpenVINO":
                settings.AppendExecutionProvider("OpenVINO", details);
                break;
            case "DirectML":
                // DirectML plans its own memory and runs one operator at a time.
                settings.EnableMemoryPattern = false;
                settings.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
                settings.AppendExecutionProvider("DML", details);
                break;
            case "CoreML":
                settings.AppendExecutionProvider("CoreML", details);
                break;
            default:
                throw new NotSupportedException($"'{provider}' is not a known provider; use CPU, CUDA, TensorRT, OpenVINO, DirectML or CoreML.");
        }
    }
}
