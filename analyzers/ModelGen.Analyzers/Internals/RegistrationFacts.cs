using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What the source of a module class says about the registration of its components.</summary>
internal static class RegistrationFacts
{
    private static readonly HashSet<string> s_registering =
        ["RegisterComponents", "register_module", "add_module", "register_parameter", "register_buffer"];

    private static readonly HashSet<string> s_activations =
    [
        "CELU", "ELU", "Flatten", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "LogSoftmax",
        "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
    ];

    private static readonly ConditionalWeakTable<INamedTypeSymbol, HashSet<string>> s_mentioned = new();

    private static readonly HashSet<string> s_byName = ["register_module", "add_module", "register_parameter"];

    /// <summary>
    /// True when the class, or a base class of the user's, calls something that registers components. Unknown counts as
    /// yes: a base class in another assembly may register, and so may a partial part that is generated.
    /// </summary>
    public static bool MayRegister(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            if (current.DeclaringSyntaxReferences.IsEmpty || Mentions(current, s_registering, cancellation))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when the source of the class mentions one of the names. Spelling only: it serves to stay silent.</summary>
    public static bool Mentions(INamedTypeSymbol type, ICollection<string> names, CancellationToken cancellation) =>
        names.Any(s_mentioned.GetValue(type, key => [.. key.DeclaringSyntaxReferences
            .SelectMany(reference => reference.GetSyntax(cancellation).DescendantNodes())
            .OfType<SimpleNameSyntax>()
            .Select(name => name.Identifier.ValueText)]).Contains);

    /// <summary>The instance fields, backing fields of properties included, that hold a module or a parameter.</summary>
    public static IEnumerable<IFieldSymbol> Components(INamedTypeSymbol type, TorchSharpContext torch)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            foreach (IFieldSymbol field in current.GetMembers().OfType<IFieldSymbol>())
            {
                if (!field.IsStatic && (torch.IsModule(field.Type) || torch.IsParameter(field.Type)))
                {
                    yield return field;
                }
            }
        }
    }

    /// <summary>
    /// True when each value that the class gives the field makes a layer that has no weights and no mode, so that nothing is
    /// lost when nobody registers it. Spelling only, like <see cref="Mentions"/>: it serves to stay silent.
    /// </summary>
    public static bool HoldsAnActivation(IFieldSymbol field, CancellationToken cancellation)
    {
        string name = field.AssociatedSymbol?.Name ?? field.Name;
        List<SyntaxNode> values = [.. field.ContainingType.DeclaringSyntaxReferences
            .SelectMany(reference => reference.GetSyntax(cancellation).DescendantNodes())
            .Select(node => Value(node, name)).OfType<SyntaxNode>()];
        return values.Count > 0 && values.All(value => value.DescendantNodesAndSelf().OfType<InvocationExpressionSyntax>().Any(call => s_activations.Contains(CalledName(call.Expression) ?? "")));
    }

    /// <summary>What a node gives to the member of the name: the right side of an assignment, or an initializer.</summary>
    private static SyntaxNode? Value(SyntaxNode node, string name) => node switch
    {
        AssignmentExpressionSyntax assignment when CalledName(assignment.Left) == name => assignment.Right,
        VariableDeclaratorSyntax { Initializer: { } initializer, Parent.Parent: FieldDeclarationSyntax } variable when variable.Identifier.ValueText == name => initializer.Value,
        PropertyDeclarationSyntax { Initializer: { } initializer } property when property.Identifier.ValueText == name => initializer.Value,
        _ => null,
    };

    /// <summary>
    /// The first statement of a constructor after which the components are certainly registered: the call of <c>RegisterComponents()</c>, or that of a method of the class which does so in a
    /// statement of its own. A call in a branch need not have run.
    /// </summary>
    public static IOperation? FindRegistration(IBlockOperation body, TorchSharpContext torch, CancellationToken cancellation) =>
        body.Operations.FirstOrDefault(statement =>
            statement is IExpressionStatementOperation { Operation: IInvocationOperation { Instance: IInstanceReferenceOperation, TargetMethod: { } method } }
            && (method.Name == "RegisterComponents" ? torch.IsModuleMember(method) : Registers(method, cancellation)));

    /// <summary>Null, and <c>fc = fc.to(device)</c>, which gives back the registered object.</summary>
    public static bool KeepsTheObject(IOperation value, ISymbol component, TorchSharpContext torch)
    {
        IOperation current = value.Unwrap();
        while (current is IInvocationOperation move && torch.IsModuleMove(move.TargetMethod) && move.Receiver() is { } receiver)
        {
            current = receiver.Unwrap();
        }

        return current.Names(component) || current.ConstantValue is { HasValue: true, Value: null };
    }

    /// <summary>
    /// True when every constructor of the class that does not delegate to another registers the components in a statement
    /// of its own, so that registration has happened when a derived constructor's body runs.
    /// </summary>
    public static bool RegistersInEveryConstructor(INamedTypeSymbol type, CancellationToken cancellation)
    {
        List<SyntaxNode> constructors = [.. type.InstanceConstructors.SelectMany(constructor => constructor.DeclaringSyntaxReferences).Select(reference => reference.GetSyntax(cancellation))];
        return constructors.Count > 0 && constructors.All(constructor => constructor is ConstructorDeclarationSyntax declaration
            && (declaration.Initializer?.ThisOrBaseKeyword.ValueText == "this" || Registers(declaration, type, cancellation)));
    }

    /// <summary>The nearest base class, in source, whose constructors all register before the constructor of the class begins.</summary>
    public static INamedTypeSymbol? RegisteringBase(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation)
    {
        for (INamedTypeSymbol? current = type.BaseType; current is not null && !torch.Owns(current) && !current.DeclaringSyntaxReferences.IsEmpty; current = current.BaseType)
        {
            if (RegistersInEveryConstructor(current.OriginalDefinition, cancellation))
            {
                return current;
            }
        }

        return null;
    }

    /// <summary>True when a constructor mentions the method, or a method that a constructor may reach mentions it.</summary>
    public static bool MayRunInConstructor(IMethodSymbol method, INamedTypeSymbol type, CancellationToken cancellation)
    {
        var reached = new HashSet<string>();
        var work = new Queue<SyntaxNode>(type.InstanceConstructors.SelectMany(constructor => constructor.DeclaringSyntaxReferences).Select(reference => reference.GetSyntax(cancellation)));
        while (work.Count > 0)
        {
            foreach (SimpleNameSyntax name in work.Dequeue().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                if (reached.Add(name.Identifier.ValueText))
                {
                    foreach (ISymbol member in type.GetMembers(name.Identifier.ValueText).Where(member => member is IMethodSymbol or IPropertySymbol))
                    {
                        member.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax(cancellation)).ToList().ForEach(work.Enqueue);
                    }
                }
            }
        }

        return reached.Contains(method.AssociatedSymbol?.Name ?? method.Name);
    }

    /// <summary>True when the method or constructor certainly calls <c>RegisterComponents()</c>, itself or by a method of the same class.</summary>
    public static bool Registers(IMethodSymbol method, CancellationToken cancellation) =>
        method is { IsVirtual: false, IsAbstract: false, IsOverride: false, DeclaringSyntaxReferences: [{ } reference] }
        && reference.GetSyntax(cancellation) is BaseMethodDeclarationSyntax declaration
        && Registers(declaration, method.ContainingType, cancellation);

    private static bool Registers(BaseMethodDeclarationSyntax declaration, INamedTypeSymbol type, CancellationToken cancellation)
    {
        IEnumerable<ExpressionSyntax> calls = declaration.ExpressionBody is { } arrow
            ? [arrow.Expression]
            : declaration.Body?.Statements.OfType<ExpressionStatementSyntax>().Select(statement => statement.Expression) ?? [];
        List<string> called = [.. calls.OfType<InvocationExpressionSyntax>().Where(call => call.Expression is IdentifierNameSyntax or MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax or BaseExpressionSyntax })
            .Select(call => CalledName(call.Expression)!)];
        return called.Contains("RegisterComponents")
            || (declaration is ConstructorDeclarationSyntax && called.Any(name => type.GetMembers(name) is [IMethodSymbol helper] && Registers(helper, cancellation)));
    }

    /// <summary>True when a call of <c>register_module</c> or the like in the class names the component, or names no member of the class at all.</summary>
    public static bool RegistersByHand(INamedTypeSymbol type, ISymbol component, CancellationToken cancellation)
    {
        var members = new HashSet<string>(type.GetMembers().Where(member => member is IFieldSymbol or IPropertySymbol).Select(member => member.Name));
        foreach (InvocationExpressionSyntax call in type.DeclaringSyntaxReferences
            .SelectMany(reference => reference.GetSyntax(cancellation).DescendantNodes()).OfType<InvocationExpressionSyntax>())
        {
            if (s_byName.Contains(CalledName(call.Expression) ?? ""))
            {
                List<string> named = [.. call.ArgumentList.DescendantNodes().OfType<IdentifierNameSyntax>().Select(name => name.Identifier.ValueText).Where(members.Contains)];
                if (named.Count == 0 || named.Contains(component.Name))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static string? CalledName(ExpressionSyntax called) =>
        (called is IdentifierNameSyntax name ? name : (called as MemberAccessExpressionSyntax)?.Name)?.Identifier.ValueText;
}
