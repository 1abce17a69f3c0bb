using ModelGen.Compiler;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Models;

namespace ModelGen.Generator;

/// <summary>The generated files of a model, or the fault of the compiler that kept them from being made. Compared by content.</summary>
internal sealed record CompileResult(string Model, EquatableArray<GeneratedFile> Files, string? Fault)
{
    /// <summary>Stem of the files, by which the model is found again.</summary>
    public string HintName { get; init; } = "";

    /// <summary>How the plan exceeds the model's memory budget; null when it does not.</summary>
    public string? ExceededBudget { get; init; }

    public static CompileResult Of(ModelSpec spec, CancellationToken cancellation)
    {
        try
        {
            var files = new List<GeneratedFile>();
            CompiledModel model = ModelCompiler.Compile(spec);
            foreach (GeneratedFile file in ModelEmitter.Emit(model))
            {
                cancellation.ThrowIfCancellationRequested();
                files.Add(file);
            }

            return new CompileResult(spec.Name, files.ToEquatableArray(), null) { HintName = spec.HintName, ExceededBudget = ModelCompiler.ExceededBudget(model) };
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // One clear diagnostic with the model's name instead of the compiler's bare CS8785, and the other models are unaffected.
            // The members stay, so that the fault does not become a page of errors where they are used.
            ModelSpec refused = spec with { IsRoot = spec.IsTorchModule, Graph = null, TrainingGraph = null, Train = null, Refusal = "the compiler failed on it." };
            return new CompileResult(spec.Name, ModelEmitter.Emit(ModelCompiler.Compile(refused)).ToEquatableArray(), exception.GetType().Name + ": " + exception.Message);
        }
    }
}
