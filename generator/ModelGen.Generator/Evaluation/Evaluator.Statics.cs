using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;

namespace ModelGen.Generator.Evaluation;

/// <content>Static members: a type's initial values in the order of the text, then its static constructor.</content>
internal sealed partial class Evaluator
{
    private readonly Dictionary<INamedTypeSymbol, StaticState> staticTypes = new(SymbolEqualityComparer.Default);
    private readonly Stack<INamedTypeSymbol> initializingTypes = new();

    /// <summary>How far the initialisation of a type's static members is.</summary>
    private sealed class StaticState
    {
        public bool Done { get; set; }

        /// <summary>Why the static constructor could not be followed, so that no static member is known.</summary>
        public EvaluationException? Constructor { get; set; }

        /// <summary>Why an initial value that runs code of the user could not be followed: it may have changed the objects that the others hold.</summary>
        public EvaluationException? Effects { get; set; }

        /// <summary>Initial values that could not be followed; refused when they are read.</summary>
        public Dictionary<ISymbol, EvaluationException> Unknown { get; } = new(SymbolEqualityComparer.Default);
    }

    /// <summary>The value of a static field or automatic property of the user; while its type is being initialised, the default until its turn comes.</summary>
    private object? ReadOwnStatic(ISymbol member, ITypeSymbol? memberType, SyntaxNode at)
    {
        member = Kept(member);
        StaticState state = InitializeStatics(member.ContainingType, null, at);
        bool isKnown = statics.TryGetValue(member.OriginalDefinition, out object? value);
        if (state.Unknown.TryGetValue(member.OriginalDefinition, out EvaluationException failure))
        {
            throw failure;
        }

        if (state.Effects is not null && !(state.Done && value is null or string or bool or double or char or Compiler.Ir.Dim or SymEnum))
        {
            throw state.Effects;
        }

        if (!state.Done)
        {
            return !SymbolEqualityComparer.Default.Equals(initializingTypes.Peek(), member.ContainingType.OriginalDefinition)
                ? throw EvaluationException.Unsupported(at, $"the initial values of '{member.ContainingType.Name}' and '{initializingTypes.Peek().Name}' need each other, so they depend on which type is used first; set one of them in a constructor")
                : isKnown ? value : Default(memberType);
        }

        bool changes = member is IFieldSymbol { IsReadOnly: false, IsConst: false } or IPropertySymbol { SetMethod.IsInitOnly: false } && cache.MayBeAssigned(member);
        return isKnown && !changes
            ? value
            : throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' is not known during the build; use a constant, a static readonly field with an initial value, or a constructor parameter");
    }

    /// <summary>Runs the initial values and the static constructor of a type, once.</summary>
    /// <param name="type">The type.</param>
    /// <param name="open">A member whose value may be changed later: settings that a constructor works on.</param>
    /// <param name="at">Where the type is used.</param>
    private StaticState InitializeStatics(INamedTypeSymbol type, ISymbol? open, SyntaxNode at)
    {
        type = type.OriginalDefinition;
        for (INamedTypeSymbol? outer = type; outer is not null; outer = outer.ContainingType)
        {
            if (outer.IsGenericType && type.DeclaringSyntaxReferences.Length > 0)
            {
                throw EvaluationException.Unsupported(at, $"static members of the generic type '{outer.Name}' have a value for each type argument, which is not followed; hold them in a type that is not generic");
            }
        }

        if (staticTypes.TryGetValue(type, out StaticState? state))
        {
            if (state.Constructor is not null)
            {
                throw state.Constructor;
            }

            return state;
        }

        staticTypes.Add(type, state = new StaticState());
        bool outerMode = constructing;
        string source = graph.Source;
        constructing = true;
        initializingTypes.Push(type);
        try
        {
            foreach (ISymbol member in type.GetMembers())
            {
                if (member is (IFieldSymbol { IsStatic: true, IsConst: false, IsImplicitlyDeclared: false } or IPropertySymbol { IsStatic: true }) && InitializerOf(member) is { } initializer)
                {
                    InitializeStatic(state, member, initializer, at);
                }
            }

            RunStaticConstructor(state, type);
        }
        finally
        {
            constructing = outerMode;
            graph.Source = source;
            initializingTypes.Pop();
        }

        state.Done = true;
        foreach (ISymbol member in type.GetMembers())
        {
            if (!SymbolEqualityComparer.Default.Equals(member, open) && statics.TryGetValue(member, out object? value))
            {
                Freeze(value, [], at);
            }
        }

        return state.Constructor is null ? state : throw state.Constructor;
    }

    private void InitializeStatic(StaticState state, ISymbol member, ExpressionSyntax initializer, SyntaxNode at)
    {
        try
        {
            statics[member] = EvaluateInitializer(initializer, member, new Frame(null, null), at);
        }
        catch (EvaluationException exception)
        {
            // Most types hold static members that no model reads.
            state.Unknown[member] = exception;
            if (cache.Operation(initializer) is not { } operation || operation.DescendantsAndSelf().Any(IsOwnCode))
            {
                state.Effects ??= exception;
            }
        }
    }

    private void RunStaticConstructor(StaticState state, INamedTypeSymbol type)
    {
        foreach (IMethodSymbol constructor in type.StaticConstructors.Where(static constructor => !constructor.IsImplicitlyDeclared))
        {
            try
            {
                SyntaxNode? declaration = constructor.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cache.Cancellation);
                if (declaration is not null && cache.Operation(declaration) is IConstructorBodyOperation body && (body.BlockBody ?? body.ExpressionBody) is { } block)
                {
                    Execute(block, new Frame(null, null));
                }
            }
            catch (EvaluationException exception)
            {
                state.Constructor = exception;
            }
        }
    }

    /// <summary>Runs the static constructor of a type before an object of it is made or a static method called; types without one are initialised when a member is read.</summary>
    private void UseStatics(INamedTypeSymbol? type, SyntaxNode at)
    {
        if (type is { DeclaringSyntaxReferences.Length: > 0 } && type.StaticConstructors.Any(static constructor => !constructor.IsImplicitlyDeclared))
        {
            InitializeStatics(type, null, at);
        }
    }

    /// <summary>Sets a static member from the initialisation of its own type; everything else that sets one is refused.</summary>
    private object? AssignStatic(ISymbol member, object? value, SyntaxNode at)
    {
        bool isOwn = initializingTypes.Count > 0 && SymbolEqualityComparer.Default.Equals(initializingTypes.Peek(), member.ContainingType.OriginalDefinition);
        if (!isOwn || member is IPropertySymbol { SetMethod: { } setter } && FindBody(setter) is not null)
        {
            throw EvaluationException.Unsupported(at, $"static {(member is IFieldSymbol ? "fields" : "properties")} must not be changed by a model: its compiled form would not see the change");
        }

        statics[Kept(member)] = value;
        return value;
    }

    /// <summary>Whether an operation runs code of the user or reads static members, and so may change what they hold.</summary>
    private static bool IsOwnCode(IOperation operation) => operation switch
    {
        IInvocationOperation call => call.TargetMethod.MethodKind == MethodKind.DelegateInvoke || call.TargetMethod.DeclaringSyntaxReferences.Length > 0,
        IObjectCreationOperation creation => creation.Type is { DeclaringSyntaxReferences.Length: > 0 },
        IMemberReferenceOperation { Member: { IsStatic: true, DeclaringSyntaxReferences.Length: > 0 } and not IFieldSymbol { IsConst: true } } => true,
        IInvalidOperation or IMethodReferenceOperation => true,
        _ => false,
    };
}
