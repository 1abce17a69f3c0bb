using System.Collections.Concurrent;
using System.Diagnostics.Tracing;

namespace ModelGen.Benchmarks;

/// <summary>
/// Vector operations that the JIT left as calls because the method around them was full (it inlines up to a multiple of a method's own size): each costs some cycles and its registers, so a
/// loop with one in it runs at half speed, and no other figure says why. Listening allocates and takes time where methods are compiled, so figures of speed are taken without it.
/// </summary>
internal sealed class VectorCalls : EventListener
{
    /// <summary>JitTracing of the runtime's own events.</summary>
    private const EventKeywords Inlining = (EventKeywords)0x1000;

    private readonly ConcurrentDictionary<string, bool> found = [];

    /// <summary>Prints what was found since the listener was made.</summary>
    /// <returns>Whether there was nothing.</returns>
    public bool Print()
    {
        // The events come from the runtime's own thread, some time after what they tell of.
        Thread.Sleep(1000);
        Console.WriteLine(found.IsEmpty ? "vector operations left as calls: none" : "vector operations left as calls:");
        foreach (string line in found.Keys.Order(StringComparer.Ordinal))
        {
            Console.WriteLine($"  {line}");
        }

        return found.IsEmpty;
    }

    /// <inheritdoc/>
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
        {
            EnableEvents(eventSource, EventLevel.Verbose, Inlining);
        }
    }

    /// <inheritdoc/>
    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventName?.StartsWith("MethodJitInliningFailed", StringComparison.Ordinal) != true)
        {
            return;
        }

        string Field(string name) => eventData.Payload![eventData.PayloadNames!.IndexOf(name)]?.ToString() ?? "";
        string type = Field("InlineeNamespace");
        if (type is "ModelGen.Kernels.V512" or "ModelGen.Kernels.V256" or "ModelGen.Kernels.V128" && Field("FailReason").Contains("budget", StringComparison.Ordinal))
        {
            found.TryAdd($"{type}.{Field("InlineeName")} in {Field("MethodBeingCompiledNamespace")}.{Field("MethodBeingCompiledName")}", true);
        }
    }
}
