using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests.Corpus;

/// <summary>Applies every fix to a bad training program, one after the other, until nothing is left to fix.</summary>
public sealed class FixProgramTests
{
    private const string Bad = """
        using System;
        using System.Collections.Generic;
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;

        sealed class Net : Module<Tensor, Tensor>
        {
            private readonly List<Linear> _blocks = new();
            private readonly Tensor _scale;

            public Linear Head { get; }

            public Net() : base("net")
            {
                _blocks.Add(Linear(64, 64));
                RegisterComponents();
                Head = Linear(64, 10);
                _scale = torch.ones(64, requires_grad: true);
            }

            public override Tensor forward(Tensor x)
            {
                foreach (var block in _blocks)
                {
                    x = functional.dropout(functional.relu(block.forward(x)), 0.1);
                }

                return Head.forward(x * _scale);
            }
        }

        static class Program
        {
            static void Train(List<(Tensor X, Tensor Y)> data, Device device)
            {
                var model = new Net();
                var optimizer = torch.optim.AdamW(model.parameters());
                model.to(device);
                var schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1);
                for (int epoch = 0; epoch < 10; epoch++)
                {
                    schedule.step();
                    foreach (var (x, y) in data)
                    {
                        torch.NewDisposeScope();
                        var loss = functional.nll_loss(torch.softmax(model.forward(x), 1), y);
                        loss.backward();
                        optimizer.step();
                    }
                }
            }

            static double Test(Net model, Tensor x, Tensor y)
            {
                model.eval();
                var scores = model.forward(x);
                var perColumn = scores.sum(0);
                double accuracy = scores.argmax(1).eq(y).sum().ToInt64() / y.size(0);
                return accuracy + (1 + perColumn).log().max().ToDouble() + scores.argmax(1).eq(y).mean().ToDouble();
            }
        }
        """;

    [Fact]
    public async Task ABadTrainingProgram_IsMendedByItsFixes()
    {
        using var workspace = new AdhocWorkspace();
        Project project = workspace.AddProject(ProjectInfo.Create(
            ProjectId.CreateNewId(),
            VersionStamp.Default,
            "Bad",
            "Bad",
            LanguageNames.CSharp,
            compilationOptions: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary),
            metadataReferences: References.All));
        Document document = project.AddDocument("Program.cs", Bad);
        Assert.Empty(await ErrorsAsync(document));

        var applied = new HashSet<string>();
        for (int turn = 0; turn < 60 && await FixOneAsync(document) is var (changed, id); turn++)
        {
            document = changed;
            applied.Add(id);
        }

        string mended = (await document.GetTextAsync()).ToString();
        Assert.True((await ErrorsAsync(document)).IsEmpty, mended);
        Assert.Null(await FixOneAsync(document));
        Assert.Superset(
            new HashSet<string>
            {
                RuleIds.DisposeScopeNotDisposed, RuleIds.EvaluationWithoutNoGrad, RuleIds.GradientsNeverCleared, RuleIds.OptimizerBeforeMove, RuleIds.SchedulerBeforeOptimizer,
                RuleIds.OptimizerDefaultDiffers, RuleIds.ModuleCollectionNotRegistered, RuleIds.TrainableTensorField, RuleIds.AssignedAfterRegistration, RuleIds.ModuleInAutoProperty, RuleIds.DropoutAlwaysOn,
                RuleIds.LogOfOnePlus, RuleIds.LikelihoodOfProbabilities, RuleIds.ZeroTakenAsElementType, RuleIds.StatisticsOfIntegers, RuleIds.QuotientOfCounts,
            },
            applied);
        Assert.Contains("ModuleList<Linear> _blocks", mended, StringComparison.Ordinal);
        Assert.Contains("optimizer.zero_grad();", mended, StringComparison.Ordinal);
        Assert.True(mended.IndexOf("model.to(device)", StringComparison.Ordinal) < mended.IndexOf("AdamW(", StringComparison.Ordinal), mended);
    }

    /// <summary>Applies the first fix that is offered for the first fixable report; null when there is none.</summary>
    private static async Task<(Document Document, string Id)?> FixOneAsync(Document document)
    {
        Compilation compilation = (await document.Project.GetCompilationAsync())!;
        ImmutableArray<Diagnostic> reports = await compilation.WithAnalyzers([.. Catalogue.Analyzers]).GetAnalyzerDiagnosticsAsync();
        foreach (Diagnostic report in reports.OrderBy(report => report.Id, StringComparer.Ordinal).ThenBy(report => report.Location.SourceSpan.Start))
        {
            CodeAction? action = null;
            if (Catalogue.Fix(report.Id) is { } provider)
            {
                await provider.RegisterCodeFixesAsync(new CodeFixContext(document, report, (offered, _) => action ??= offered, CancellationToken.None));
            }

            if (action is not null)
            {
                ApplyChangesOperation operation = (await action.GetOperationsAsync(CancellationToken.None)).OfType<ApplyChangesOperation>().Single();
                return (operation.ChangedSolution.GetDocument(document.Id)!, report.Id);
            }
        }

        return null;
    }

    private static async Task<ImmutableArray<Diagnostic>> ErrorsAsync(Document document) =>
        [.. (await document.Project.GetCompilationAsync())!.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
}
