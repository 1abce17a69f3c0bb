using System.Collections;
using Microsoft.Build.Framework;

namespace ModelGen.Build.Tests;

/// <summary>Stands in for MSBuild and keeps what a task says.</summary>
internal sealed class RecordingEngine : IBuildEngine
{
    public List<string> Messages { get; } = [];

    public List<BuildWarningEventArgs> Warnings { get; } = [];

    public List<BuildErrorEventArgs> Errors { get; } = [];

    public bool ContinueOnError => false;

    public int LineNumberOfTaskNode => 0;

    public int ColumnNumberOfTaskNode => 0;

    public string ProjectFileOfTaskNode => "test.csproj";

    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs) => false;

    public void LogCustomEvent(CustomBuildEventArgs e)
    {
    }

    public void LogErrorEvent(BuildErrorEventArgs e) => Errors.Add(e);

    public void LogMessageEvent(BuildMessageEventArgs e)
    {
        if (e.Importance == MessageImportance.High)
        {
            Messages.Add(e.Message!);
        }
    }

    public void LogWarningEvent(BuildWarningEventArgs e) => Warnings.Add(e);
}
