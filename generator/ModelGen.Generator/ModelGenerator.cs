using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using ModelGen.Compiler.Codegen;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator;

/// <summary>Turns classes marked <c>[Model]</c> into training steps, inference, export and checks.</summary>
/// <remarks>
/// Parsing runs on every edit, because a model may use any source of the project. It yields a <see cref="Compiler.Models.ModelSpec"/> without positions; only when that
/// changes do the passes and the emitters run. Diagnostics travel on a branch of their own, so that moving code re-reports them without emitting anything.
/// </remarks>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<ParseResult> parsed = context.SyntaxProvider
            .ForAttributeWithMetadataName("ModelGen.ModelAttribute", static (node, _) => node is ClassDeclarationSyntax, ModelParser.Parse)
            .WithTrackingName(TrackingNames.Parse);

        IncrementalValuesProvider<CompileResult> compiled = parsed
            .Where(static result => result.Model is not null)
            .Select(static (result, _) => result.Model!)
            .WithTrackingName(TrackingNames.Model)
            .Select(static (spec, token) => CompileResult.Of(spec, token))
            .WithTrackingName(TrackingNames.Compile);

        context.RegisterSourceOutput(compiled, static (output, result) =>
        {
            foreach (GeneratedFile file in result.Files)
            {
                output.AddSource(file.HintName, SourceText.From(file.Text, Encoding.UTF8));
            }

            if (result.Fault is not null)
            {
                output.ReportDiagnostic(Diagnostic.Create(Descriptors.Internal, Location.None, result.Model, result.Fault));
            }
        });

        context.RegisterSourceOutput(
            parsed.SelectMany(static (result, _) => result.Diagnostics).WithTrackingName(TrackingNames.Diagnostics),
            static (output, diagnostic) => output.ReportDiagnostic(diagnostic.ToDiagnostic()));

        // The plan belongs to the compiled model and the position to the parsed one.
        IncrementalValueProvider<ImmutableArray<(string HintName, DiagnosticInfo Budget)>> budgets = parsed
            .Where(static result => result is { Model: not null, Budget: not null })
            .Select(static (result, _) => (result.Model!.HintName, result.Budget!))
            .Collect();
        context.RegisterSourceOutput(
            compiled.Where(static result => result.ExceededBudget is not null).Combine(budgets),
            static (output, pair) =>
            {
                foreach ((_, DiagnosticInfo budget) in pair.Right.Where(entry => entry.HintName == pair.Left.HintName))
                {
                    output.ReportDiagnostic((budget with { Arguments = new[] { pair.Left.ExceededBudget! } }).ToDiagnostic());
                }
            });
    }
}
