using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Compiler;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Evaluation;

namespace ModelGen.Generator.Parsing;

/// <content>[Initialize] on classes and layers.</content>
internal sealed partial class ModelParser
{
    private static readonly string[] Matrices = ["XavierUniform", "XavierNormal", "KaimingUniform", "KaimingNormal", "Orthogonal", "Sparse"];

    /// <summary>What was read, with its place, for the check against the parameters once they are known.</summary>
    private readonly List<(InitializationSpec Spec, string Pattern, string Scheme, SyntaxNode At)> initializations = [];

    /// <summary>Reads the attributes of the class and of its layers. A fault is reported and leaves the rest of the class as it is, so that it does not become a page of unimplemented members.</summary>
    private EquatableArray<InitializationSpec> Initializations(bool isTorchModule)
    {
        try
        {
            ReadInitializations(isTorchModule);
        }
        catch (EvaluationException exception)
        {
            diagnostics.Add(exception.Diagnostic);
            initializations.Clear();
        }

        return initializations.Select(static item => item.Spec).ToEquatableArray();
    }

    private void ReadInitializations(bool isTorchModule)
    {
        foreach (AttributeData attribute in LayerMembers.Attributes(type, "InitializeAttribute"))
        {
            AddInitialization(attribute, ofClass: true, static pattern => pattern ?? "*");
        }

        foreach (ISymbol member in type.GetMembers())
        {
            foreach (AttributeData attribute in LayerMembers.Attributes(member, "InitializeAttribute"))
            {
                (string key, bool isParameter) = LayerKey(member, isTorchModule) ?? throw new EvaluationException(DiagnosticInfo.At(
                    Descriptors.Initialization, Place(attribute), $"'{member.Name}' is no layer: [Initialize] belongs on the model class, on a layer member, or on a field that holds a module or a parameter"));
                AddInitialization(attribute, ofClass: false, pattern => isParameter ? key : $"{key}.{pattern ?? "*"}");
            }
        }

        if (isTorchModule && initializations.Count > 0 && !CallsInitialize())
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.Initialization, initializations[0].At, $"[Initialize] has no effect yet: call this.Initialize(); at the end of the constructor of '{type.Name}', behind RegisterComponents()"));
        }
    }

    /// <summary>State-dict name of a layer, and whether it is a bare parameter; null for a member that is no layer.</summary>
    private static (string Key, bool IsParameter)? LayerKey(ISymbol member, bool isTorchModule)
    {
        if (!isTorchModule)
        {
            return LayerMembers.AttributeOf(member) is { } layer ? (LayerMembers.KeyOf(member, layer), LayerMembers.DefinitionOf(layer)!.Name == "Parameter") : null;
        }

        if (member is not IFieldSymbol { IsStatic: false } field)
        {
            return null;
        }

        // TorchSharp registers fields by their name, or by that of [ComponentName].
        object? name = field.GetAttributes().Where(static attribute => attribute.AttributeClass?.Name == "ComponentNameAttribute").SelectMany(static attribute => attribute.NamedArguments).FirstOrDefault(static argument => argument.Key == "Name").Value.Value;
        return (name as string ?? field.Name, field.Type.Name is "Parameter" or "Tensor");
    }

    private void AddInitialization(AttributeData attribute, bool ofClass, Func<string?, string> key)
    {
        SyntaxNode at = Place(attribute);
        string scheme = LayerMembers.EnumMember(attribute.ConstructorArguments.Length > 0 ? attribute.ConstructorArguments[0] : null, "");
        string? given = attribute.ConstructorArguments.Length > 1 ? attribute.ConstructorArguments[1].Value as string : null;
        string[] taken = scheme switch
        {
            "Constant" => ["Value"],
            "Uniform" => ["Low", "High"],
            "Normal" => ["Mean", "Deviation"],
            "TruncatedNormal" => ["Mean", "Deviation", "Low", "High"],
            "XavierUniform" or "XavierNormal" or "Orthogonal" => ["Gain"],
            "KaimingUniform" or "KaimingNormal" => ["Mode", "Activation"],
            "Sparse" => ["Zeros", "Deviation"],
            _ => [],
        };
        if (attribute.NamedArguments.Select(static argument => argument.Key).FirstOrDefault(name => !taken.Contains(name)) is { } other)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.Initialization, at, $"{scheme} does not take {other}; it takes {(taken.Length > 0 ? string.Join(" and ", taken) : "no settings")}"));
        }

        string? needed = scheme switch { "Constant" => "Value", "Sparse" => "Zeros", _ => null };
        if (needed is not null && attribute.NamedArguments.All(argument => argument.Key != needed))
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.Initialization, at, $"{scheme} needs {needed}"));
        }

        string arguments = string.Join(", ", attribute.NamedArguments.Select(static argument => $"{char.ToLowerInvariant(argument.Key[0])}{argument.Key.Substring(1)}: {Text(argument.Value)}"));
        string text = scheme switch { "Zeros" => "Constant(0)", "Ones" => "Constant(1)", _ => $"{scheme}({arguments})" };
        string pattern = key(given);

        // A bare parameter is named as a whole.
        bool matricesOnly = given is null && (ofClass || pattern.EndsWith("*", StringComparison.Ordinal));
        initializations.Add((new InitializationSpec(ofClass, SymbolDisplay.FormatLiteral(pattern, quote: true), matricesOnly, "global::ModelGen.Initializers." + text), pattern, scheme, at));
    }

    /// <summary>Compares the attributes with the parameters of a traced model.</summary>
    private void CheckInitializations(Graph graph, bool knowsAll) =>
        CheckInitializations([.. graph.ValuesOf(ValueKind.Parameter).Select(value => (graph.Values[value].Name, (int?)graph.TypeOf(value).Rank))], knowsAll);

    /// <summary>Compares the attributes of a block, whose inputs are not known, with what its layers say of their parameters. Those of blocks within it are not looked at.</summary>
    private void CheckBlockInitializations()
    {
        var parameters = new List<(string Name, int? Rank)>();
        bool holdsBlocks = false;
        foreach (ISymbol member in type.GetMembers())
        {
            holdsBlocks |= member is IFieldSymbol { IsStatic: false } field && BlockOf(field) is not null;
            if (member is IMethodSymbol or IPropertySymbol && LayerMembers.AttributeOf(member) is { } layer)
            {
                string key = LayerMembers.KeyOf(member, layer);
                parameters.AddRange(LayerMembers.DefinitionOf(layer)!.ParameterRanks(LayerArguments.Read(layer, null, syntax).Value).Select(parameter => (parameter.Name.Length > 0 ? $"{key}.{parameter.Name}" : key, parameter.Rank)));
            }
        }

        CheckInitializations([.. parameters], knowsAll: !holdsBlocks);
    }

    private void CheckInitializations((string Name, int? Rank)[] parameters, bool knowsAll)
    {
        foreach ((InitializationSpec spec, string pattern, string scheme, SyntaxNode at) in initializations)
        {
            var regex = new Regex("^" + Regex.Escape(pattern).Replace("\\*", ".*").Replace("\\?", ".") + "$", RegexOptions.CultureInvariant);
            (string Name, int? Rank)[] named = [.. parameters.Where(parameter => regex.IsMatch(parameter.Name))];
            bool isMatrixScheme = Matrices.Contains(scheme);

            // What a class says may be meant for the blocks that it holds.
            bool isComplete = knowsAll || !spec.OfClass;
            string? problem =
                named.Length == 0 ? (isComplete ? $"no parameter has a name like '{pattern}'" : null)
                : spec.MatricesOnly ? (isComplete && named.All(static parameter => parameter.Rank < 2) ? $"'{pattern}' has no parameter of at least two dimensions; name those that are meant, as in [Initialize(Initialization.Zeros, \"bias\")]" : null)
                : isMatrixScheme && named.FirstOrDefault(static parameter => parameter.Rank < 2) is { Name: { } vector } flat
                    ? $"{scheme} needs at least two dimensions, and '{vector}' has {flat.Rank}; use a pattern that leaves it out, or Zeros, Constant, Uniform or Normal for it"
                : null;
            if (problem is not null)
            {
                throw new EvaluationException(DiagnosticInfo.At(Descriptors.Initialization, at, problem));
            }
        }
    }

    private SyntaxNode Place(AttributeData attribute) => attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) ?? syntax;

    /// <summary>Whether a constructor of the class calls a method named Initialize.</summary>
    private bool CallsInitialize() => type.DeclaringSyntaxReferences
        .SelectMany(reference => ((TypeDeclarationSyntax)reference.GetSyntax(cancellation)).Members.OfType<ConstructorDeclarationSyntax>())
        .SelectMany(static constructor => constructor.DescendantNodes().OfType<InvocationExpressionSyntax>())
        .Any(static call => call.Expression is MemberAccessExpressionSyntax { Name.Identifier.Text: "Initialize" } && call.ArgumentList.Arguments.Count <= 1);

    /// <summary>Whether a block, or one that it holds, has attributes.</summary>
    private static bool IsInitialized(ITypeSymbol block, HashSet<ITypeSymbol> seen) => seen.Add(block)
        && (LayerMembers.Attributes(block, "InitializeAttribute").Any()
            || block.GetMembers().Any(static member => LayerMembers.Attributes(member, "InitializeAttribute").Any())
            || block.GetMembers().OfType<IFieldSymbol>().Select(BlockOf).Any(inner => inner is not null && IsInitialized(inner, seen)));
}
