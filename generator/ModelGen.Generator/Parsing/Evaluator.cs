using Microsoft.CodeAnalysis;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Parsing;

/// <summary>
/// A partial evaluator of C#: runs <c>Forward</c> on symbolic tensors, executing everything that is known during the build and writing the rest into a graph.
/// </summary>
internal sealed partial class Evaluator(Compilation compilation, GraphBuilder graph, CancellationToken cancellation)
{
    private const int MaxSteps = 200_000;
    private const int MaxDepth = 200;

    private readonly Dictionary<int, SyntaxNode> nodeSyntax = [];
    private int steps;
    private int depth;

    /// <summary>The expression that each graph node came from, for diagnostics about nodes.</summary>
    public IReadOnlyDictionary<int, SyntaxNode> NodeSyntax => nodeSyntax;

    /// <summary>Runs a method of a model.</summary>
    /// <exception cref="EvaluationException">The code is outside of what can be compiled.</exception>
    public object? Run(ModelInstance instance, IMethodSymbol method, IReadOnlyList<object?> arguments, SyntaxNode at) =>
        Invoke(new SymFunction(method, instance, null, null), arguments, at);

    private object? Invoke(SymFunction function, IReadOnlyList<object?> arguments, SyntaxNode at)
    {
        SyntaxNode body = function.Body ?? BodyOf(function.Method, at);
        if (++depth > MaxDepth)
        {
            throw EvaluationException.Unsupported(at, $"'{function.Method.Name}' calls itself too deeply (more than {MaxDepth} levels); recursion must end during the build");
        }

        var frame = new Frame(function.Instance, function.Captured);
        for (int i = 0; i < function.Method.Parameters.Length; i++)
        {
            frame.Declare(function.Method.Parameters[i], i < arguments.Count ? arguments[i] : null);
        }

        string source = graph.Source;
        try
        {
            IOperation operation = Model(body).GetOperation(body, cancellation) ?? throw EvaluationException.Unsupported(at, $"the source of '{function.Method.Name}' cannot be analysed");
            if (body is Microsoft.CodeAnalysis.CSharp.Syntax.ExpressionSyntax expression)
            {
                graph.Source = SourceText(expression);
                return Evaluate(operation, frame);
            }

            Execute(operation, frame);
            return frame.Returned;
        }
        finally
        {
            depth--;
            graph.Source = source;
        }
    }

    private SemanticModel Model(SyntaxNode node) => compilation.GetSemanticModel(node.SyntaxTree);

    private SyntaxNode BodyOf(IMethodSymbol method, SyntaxNode at)
    {
        IMethodSymbol definition = method.PartialImplementationPart ?? method;
        SyntaxNode? body = definition.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax(cancellation)).Select(Syntax.BodyOf).FirstOrDefault(static node => node is not null);
        return body ?? throw EvaluationException.Unsupported(
            at,
            $"'{method.ContainingType?.Name}.{method.Name}' has no source in this project, so the compiler cannot follow it; use TorchSharp's tensor functions, or write the helper in this project");
    }

    /// <summary>Runs an action that writes to the graph and turns its faults into diagnostics at the expression.</summary>
    private T Guard<T>(SyntaxNode at, string what, Func<T> action)
    {
        int before = graph.Nodes.Count;
        try
        {
            return action();
        }
        catch (OpException exception)
        {
            string message = exception.Message.StartsWith(what, StringComparison.Ordinal) ? exception.Message : $"{what}: {exception.Message}";
            throw new EvaluationException(DiagnosticInfo.At(exception is UnsupportedException ? Descriptors.Unsupported : Descriptors.ShapeMismatch, at, message));
        }
        finally
        {
            for (int i = before; i < graph.Nodes.Count; i++)
            {
                nodeSyntax[i] = at;
            }
        }
    }

    private void Tick(SyntaxNode at)
    {
        cancellation.ThrowIfCancellationRequested();
        if (++steps > MaxSteps)
        {
            throw EvaluationException.Unsupported(at, $"evaluation took more than {MaxSteps} steps; is there a loop that does not end?");
        }
    }

    private static string SourceText(SyntaxNode node)
    {
        string text = string.Join(" ", node.ToString().Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Trim()));
        return text.Length > 120 ? text.Substring(0, 117) + "..." : text;
    }

    private EvaluationException DataDependent(SyntaxNode at, string what) => new(DiagnosticInfo.At(Descriptors.DataDependent, at, what));
}
