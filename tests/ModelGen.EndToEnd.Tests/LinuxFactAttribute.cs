namespace ModelGen.EndToEnd.Tests;

/// <summary>A test that needs bash and Linux's limits on files; skipped, visibly, elsewhere.</summary>
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/bin/bash"))
        {
            Skip = "needs Linux and bash";
        }
    }
}
