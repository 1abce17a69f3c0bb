using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests;

/// <summary>Every analyzer and code fix, found by reflection.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<DiagnosticAnalyzer> Analyzers { get; } =
        [.. Instances<DiagnosticAnalyzer>(typeof(RuleIds).Assembly).OrderBy(analyzer => analyzer.SupportedDiagnostics[0].Id, StringComparer.Ordinal)];

    public static IReadOnlyList<DiagnosticDescriptor> Rules { get; } = [.. Analyzers.SelectMany(analyzer => analyzer.SupportedDiagnostics)];

    private static readonly IReadOnlyList<CodeFixProvider> s_fixes = [.. Instances<CodeFixProvider>(typeof(ModelGen.CodeFixes.Rules.Memory.MG1001_DisposeScopeNotDisposedFix).Assembly)];

    public static DiagnosticDescriptor Rule(string id) => Rules.Single(rule => rule.Id == id);

    public static DiagnosticAnalyzer Analyzer(string id) => Analyzers.Single(analyzer => analyzer.SupportedDiagnostics.Any(rule => rule.Id == id));

    public static CodeFixProvider? Fix(string id) => s_fixes.SingleOrDefault(fix => fix.FixableDiagnosticIds.Contains(id));

    private static IEnumerable<T> Instances<T>(Assembly assembly) =>
        assembly.GetTypes().Where(type => !type.IsAbstract && typeof(T).IsAssignableFrom(type)).Select(type => (T)Activator.CreateInstance(type)!);
}
