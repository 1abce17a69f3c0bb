using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <summary>
/// A partial evaluator of C#: runs constructors and <c>forward</c> on abstract values, executing everything that is known during the build and writing
/// what depends on tensors into a graph.
/// </summary>
/// <param name="cache">Bound source code, shared by the runs over one model.</param>
/// <param name="graph">The graph to write to.</param>
/// <param name="mode">The training flag when a branch depends on it; null while no branch does.</param>
internal sealed partial class Evaluator(OperationCache cache, GraphBuilder graph, bool? mode = null)
{
    private const int MaxSteps = 400_000;
    private const int MaxDepth = 150;
    private const int MaxElements = 1_000_000;
    private const int ElementsPerStep = 8;
    private const double MostElements = 1L << 38;

    /// <summary>What a node of the graph costs compared with a step of evaluation.</summary>
    private const int StepsPerNode = 8;

    /// <summary>By the first result of each node: values keep their numbers when nodes are removed.</summary>
    private readonly Dictionary<int, SyntaxNode> nodeSyntax = [];

    private int steps;
    private int depth;
    private int noGrad;

    /// <summary>Above 0 while arguments of <c>Console.WriteLine</c> and the like are evaluated: their text vanishes, so that it need not be known.</summary>
    private int onlyShown;

    /// <summary>Objects are being built: fields may be written, random values are allowed, and what is done to tensors in place does not matter.</summary>
    private bool constructing;

    /// <summary>The expression that a node of the graph came from, for diagnostics about it; null when it has none.</summary>
    /// <param name="node">A node of the graph that was written, or of one with fewer nodes and the same values.</param>
    public SyntaxNode? SyntaxOf(Node node) => nodeSyntax.TryGetValue(node.Outputs[0], out SyntaxNode at) ? at : null;

    /// <summary>Whether a branch on the training flag was met: the model needs a graph for each mode.</summary>
    public bool NeedsMode { get; set; }

    /// <summary>Whether the root's constructor registers nothing, so that the generated code does.</summary>
    public bool Registers { get; set; }

    /// <summary>Runs a method on an object.</summary>
    /// <exception cref="EvaluationException">The code is outside of what can be compiled.</exception>
    public object? Run(object? receiver, IMethodSymbol method, IReadOnlyList<object?> arguments, SyntaxNode at) =>
        Invoke(new SymFunction(receiver is SymObject instance ? Virtual(instance, method) : method, receiver, null, null), arguments, at);

    private object? Invoke(SymFunction function, IReadOnlyList<object?> arguments, SyntaxNode at, WriteBack? after = null)
    {
        SyntaxNode body = function.Code?.Syntax ?? function.Body ?? BodyOf(function.Method, at);
        if (++depth > MaxDepth)
        {
            throw EvaluationException.Unsupported(at, $"'{function.Method.Name}' calls itself too deeply (more than {MaxDepth} levels); recursion must end during the build");
        }

        var frame = new Frame(function.Receiver, function.Captured);
        IMethodSymbol definition = (function.Method.PartialImplementationPart ?? function.Method).OriginalDefinition;
        Generics(frame, function.Method);
        for (int i = 0; i < definition.Parameters.Length; i++)
        {
            frame.Declare(definition.Parameters[i], i < arguments.Count ? arguments[i] : null);
        }

        string source = graph.Source;
        int gradients = noGrad;
        if (function.Code is null && function.Method.ReturnType.Name is "IEnumerable" or "IEnumerator" && Syntax.IsIterator(body))
        {
            depth--;
            return Iterator(function, frame, at);
        }

        try
        {
            IOperation operation = function.Code ?? cache.Operation(body) ?? throw EvaluationException.Unsupported(at, $"the source of '{function.Method.Name}' cannot be analysed");
            if (function.Code is null && body is ExpressionSyntax expression)
            {
                graph.Source = cache.Text(expression);
                frame.Returned = Evaluate(operation, frame);
            }
            else
            {
                Execute(operation, frame);
            }

            after?.Invoke(frame, definition.Parameters);
            return frame.Returned;
        }
        finally
        {
            depth--;
            noGrad = gradients;
            graph.Source = source;
        }
    }

    /// <summary>The elements of an iterator: its body runs, with the arguments as they were, whenever somebody runs through them.</summary>
    private SymSequence Iterator(SymFunction function, Frame arguments, SyntaxNode at) => new(() =>
    {
        if (++depth > MaxDepth)
        {
            throw EvaluationException.Unsupported(at, $"'{function.Method.Name}' calls itself too deeply (more than {MaxDepth} levels); recursion must end during the build");
        }

        var frame = new Frame(function.Receiver, arguments) { Yielded = [] };
        string source = graph.Source;
        try
        {
            SyntaxNode body = function.Body ?? BodyOf(function.Method, at);
            Execute(cache.Operation(body) ?? throw EvaluationException.Unsupported(at, $"the source of '{function.Method.Name}' cannot be analysed"), frame);
            return frame.Yielded;
        }
        finally
        {
            depth--;
            graph.Source = source;
        }
    }, (function.Body ?? FindBody(function.Method)) is { } iterated && Syntax.ChangesOthers(iterated));

    /// <summary>Notes what the type parameters of a generic method and its class stand for.</summary>
    private static void Generics(Frame frame, IMethodSymbol method)
    {
        IMethodSymbol definition = method.OriginalDefinition;
        int count = definition.TypeParameters.Length + (definition.ContainingType?.TypeParameters.Length ?? 0);
        if (count == 0 || (method.Equals(definition, SymbolEqualityComparer.Default) && frame.TypeArguments is not null))
        {
            return;
        }

        Dictionary<ITypeParameterSymbol, ITypeSymbol>? outer = frame.TypeArguments;
        frame.TypeArguments = outer is null ? new(SymbolEqualityComparer.Default) : new(outer, SymbolEqualityComparer.Default);
        for (int i = 0; i < definition.TypeParameters.Length; i++)
        {
            frame.TypeArguments[definition.TypeParameters[i]] = Known(method.TypeArguments[i], outer);
        }

        for (int i = 0; i < (definition.ContainingType?.TypeParameters.Length ?? 0); i++)
        {
            frame.TypeArguments[definition.ContainingType!.TypeParameters[i]] = Known(method.ContainingType.TypeArguments[i], outer);
        }
    }

    /// <summary>A type with what its type parameters stand for.</summary>
    private static ITypeSymbol Known(ITypeSymbol type, Dictionary<ITypeParameterSymbol, ITypeSymbol>? arguments) => type switch
    {
        _ when arguments is null => type,
        ITypeParameterSymbol parameter => arguments.TryGetValue(parameter, out ITypeSymbol known) ? known : type,
        INamedTypeSymbol { IsGenericType: true, IsUnboundGenericType: false, IsTupleType: false, ContainingType: null or { IsGenericType: false } } generic when generic.TypeArguments.Any(static argument => argument is ITypeParameterSymbol or INamedTypeSymbol { IsGenericType: true }) =>
            generic.OriginalDefinition.Construct([.. generic.TypeArguments.Select(argument => Known(argument, arguments))]),
        _ => type,
    };

    private SyntaxNode? FindBody(IMethodSymbol method) =>
        (method.PartialImplementationPart ?? method).OriginalDefinition.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax(cache.Cancellation))
            .Select(node => method.MethodKind == MethodKind.PropertySet ? Syntax.SetterOf(node) : Syntax.BodyOf(node))
            .FirstOrDefault(static node => node is not null);

    private SyntaxNode BodyOf(IMethodSymbol method, SyntaxNode at) => FindBody(method) ?? throw EvaluationException.Unsupported(
        at,
        $"'{method.ContainingType?.Name}.{method.Name}' has no source in this project, so the compiler cannot follow it; use TorchSharp's tensor functions, or write the helper in this project");

    /// <summary>Runs an action that writes to the graph and turns its faults into diagnostics at the expression.</summary>
    private T Guard<T>(SyntaxNode at, string what, Func<T> action)
    {
        int before = graph.Nodes.Count;
        try
        {
            T result = action();
            for (int i = before; i < graph.Nodes.Count; i++)
            {
                foreach (int output in graph.Nodes[i].Outputs)
                {
                    CheckSize(graph.TypeOf(output), at);
                }
            }

            return result;
        }
        catch (OpException exception)
        {
            string message = exception.Message.StartsWith(what, StringComparison.Ordinal) ? exception.Message : $"{what}: {exception.Message}";
            throw new EvaluationException(DiagnosticInfo.At(exception is UnsupportedException ? Descriptors.Unsupported : Descriptors.ShapeMismatch, at, message));
        }
        catch (OverflowException)
        {
            throw EvaluationException.Unsupported(at, $"{what}: a size overflows 64 bits");
        }
        catch (DivideByZeroException)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.ShapeMismatch, at, $"{what}: a setting is 0 that sizes are divided by; strides, kernels, groups and numbers of parts are at least 1"));
        }
        finally
        {
            for (int i = before; i < graph.Nodes.Count; i++)
            {
                nodeSyntax[graph.Nodes[i].Outputs[0]] = at;
                steps += StepsPerNode;
            }
        }
    }

    /// <summary>Refuses tensors of negative sizes, and those that no machine holds: their sizes in bytes and costs would overflow later.</summary>
    public static void CheckSize(TensorType type, SyntaxNode at)
    {
        if (type.Shape.Any(static dim => dim.Constant < 0))
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.ShapeMismatch, at, $"a tensor of shape {type.ShapeText()} is made here, and sizes cannot be negative"));
        }

        double least = 1;
        foreach (Dim dim in type.Shape)
        {
            least *= Math.Max(1, Math.Abs((double)(dim.Constant ?? dim.Evaluate(dim.Symbols().ToDictionary(static name => name, static _ => 1L)))));
        }

        if (least > MostElements)
        {
            throw EvaluationException.Unsupported(at, $"a tensor of shape {type.ShapeText()} is made here, which has more elements than fit into a terabyte; is one of the sizes wrong?");
        }
    }

    /// <summary>Counts work that one step of the source stands for, such as copying a list: repeated doubling must end like a loop.</summary>
    private void Charge(int elements, SyntaxNode at)
    {
        steps += elements / ElementsPerStep;
        if (steps > MaxSteps)
        {
            throw EvaluationException.Unsupported(at, $"evaluation took more than {MaxSteps} steps; is there a loop that does not end?");
        }
    }

    private void Tick(SyntaxNode at)
    {
        CheckStack(at);
        if ((++steps & 63) == 0)
        {
            cache.Cancellation.ThrowIfCancellationRequested();
            if (steps > MaxSteps)
            {
                throw EvaluationException.Unsupported(at, $"evaluation took more than {MaxSteps} steps; is there a loop that does not end?");
            }
        }
    }

    /// <summary>Refuses what nests too deeply for the stack: running out of it would end the compiler's process.</summary>
    private static void CheckStack(SyntaxNode at)
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
        }
        catch (InsufficientExecutionStackException)
        {
            throw EvaluationException.Unsupported(at, "calls, expressions or modules are nested too deeply here; does a method call itself, or a module contain itself?");
        }
    }

    /// <summary>Gives a result a place where the gradient stops when it is computed under <c>no_grad</c>.</summary>
    private object? StopGradients(object? result)
    {
        if (noGrad > 0 && !constructing)
        {
            switch (result)
            {
                case SymTensor tensor when tensor.Weight == WeightKind.None && graph.TypeOf(tensor.Id).DType.IsFloat():
                    tensor.Id = graph.Add("stop_gradient", [tensor.Id]);
                    break;
                case SymList list:
                    foreach (object? item in list.Items)
                    {
                        StopGradients(item);
                    }

                    break;
            }
        }

        return result;
    }

    private static string DescribeValue(object? value) => value switch
    {
        null => "null",
        SymTensor => "a tensor",
        SymComplex => "a tensor of complex numbers",
        Dim dim => dim.Constant is null ? $"the symbolic size {dim}" : "a number",
        double => "a number",
        bool => "a truth value",
        string => "a string",
        SymList or SymDictionary => "a list",
        SymObject instance => $"an object of type {instance.Type.Name}",
        SymModule module => $"the layer {module.Definition.Name}",
        SymUnknownModule module => $"the layer {module.Name}",
        SymContainer container => $"a {container.Kind}",
        SymFunction => "a function",
        SymOpaque opaque => opaque.What,
        SymTraining => "the training flag",
        _ => "this value",
    };
}
