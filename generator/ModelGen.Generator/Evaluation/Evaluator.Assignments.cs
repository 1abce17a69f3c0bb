using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;

namespace ModelGen.Generator.Evaluation;

/// <content>Assignments.</content>
internal sealed partial class Evaluator
{
    private const string StateWrite =
        "a call of the model must not change the model: the generated code runs it as a function of its inputs. Return the value (a cache, a counter) as another output and take it as another input";

    private object? Assign(IOperation target, object? value, Frame frame)
    {
        switch (target)
        {
            case ILocalReferenceOperation local:
                frame.Assign(local.Local, value);
                NameTensor(value, local.Local.Name);
                return value;
            case IParameterReferenceOperation parameter:
                frame.Assign(parameter.Parameter.OriginalDefinition, value);
                NameTensor(value, parameter.Parameter.Name);
                return value;
            case IDeclarationExpressionOperation declaration:
                return Assign(declaration.Expression, value, frame);
            case IVariableDeclaratorOperation declarator:
                frame.Declare(declarator.Symbol, value);
                return value;
            case IDiscardOperation:
                return value;
            case IParenthesizedOperation parenthesized:
                return Assign(parenthesized.Operand, value, frame);
            case IConversionOperation conversion:
                return Assign(conversion.Operand, value, frame);
            case ITupleOperation tuple:
                return Deconstruct(tuple, value, frame);
            case IFieldReferenceOperation field:
                return AssignField(field, value, frame);
            case IPropertyReferenceOperation property:
                return AssignProperty(property, value, frame);
            case IArrayElementReferenceOperation element:
                return AssignElement(Evaluate(element.ArrayReference, frame), [.. element.Indices.Select(index => Evaluate(index, frame))], value, element.Syntax);
            case IImplicitIndexerReferenceOperation element:
                return AssignElement(Evaluate(element.Instance, frame), [Evaluate(element.Argument, frame)], value, element.Syntax);
            default:
                throw EvaluationException.Unsupported(target.Syntax, "this assignment cannot be compiled; assign to local variables");
        }
    }

    private object? Deconstruct(ITupleOperation tuple, object? value, Frame frame)
    {
        object?[] parts = value switch
        {
            SymList list => [.. list.Items],
            SymObject instance => Deconstructed(instance, tuple.Elements.Length, tuple.Syntax),
            _ => throw EvaluationException.Unsupported(tuple.Syntax, $"cannot take {DescribeValue(value)} apart into {tuple.Elements.Length} values"),
        };
        if (parts.Length != tuple.Elements.Length)
        {
            throw EvaluationException.Unsupported(tuple.Syntax, $"cannot take {parts.Length} values apart into {tuple.Elements.Length}");
        }

        for (int i = 0; i < parts.Length; i++)
        {
            Assign(tuple.Elements[i], parts[i], frame);
        }

        return value;
    }

    /// <summary>The parts of a positional record, or what the user's <c>Deconstruct</c> gives.</summary>
    private object?[] Deconstructed(SymObject instance, int count, SyntaxNode at)
    {
        IMethodSymbol? method = instance.Type.GetMembers("Deconstruct").OfType<IMethodSymbol>().FirstOrDefault(method => method.Parameters.Length == count);
        if (method is null)
        {
            throw EvaluationException.Unsupported(at, $"'{instance.Type.Name}' has no Deconstruct method with {count} values");
        }

        if (FindBody(method) is null)
        {
            // The property's value: the parameter of the same name is kept too, and `with` does not change it.
            return [.. method.Parameters.Select(parameter => instance.Fields.FirstOrDefault(pair => pair.Key is IPropertySymbol or IFieldSymbol && pair.Key.Name == parameter.Name).Value)];
        }

        object?[] parts = new object?[method.Parameters.Length];
        Invoke(new SymFunction(method, instance, null, null), new object?[parts.Length], at, callee =>
        {
            for (int i = 0; i < parts.Length; i++)
            {
                callee.TryGet(method.OriginalDefinition.Parameters[i], out parts[i]);
            }
        });
        return parts;
    }

    private object? AssignField(IFieldReferenceOperation field, object? value, Frame frame)
    {
        if (field.Field.IsStatic)
        {
            return AssignStatic(field.Field, value, field.Syntax);
        }

        object? owner = Evaluate(field.Instance!, frame);
        if (owner is SymList tuple)
        {
            tuple.Items[TupleIndex(field.Field)] = value;
            return value;
        }

        return Store(owner, field.Field, value, field.Syntax);
    }

    private object? Store(object? owner, ISymbol member, object? value, SyntaxNode at)
    {
        switch (owner)
        {
            case SymObject { Frozen: true }:
                throw EvaluationException.Unsupported(at, $"'{member.Name}': {StateWrite}");
            case SymObject instance:
                instance.Fields[Kept(member)] = value;
                return value;
            default:
                throw EvaluationException.Unsupported(at, $"'{member.Name}' of {DescribeValue(owner)} cannot be set during the build");
        }
    }

    private object? AssignProperty(IPropertyReferenceOperation property, object? value, Frame frame)
    {
        object? owner = property.Instance is null ? null : Evaluate(property.Instance, frame);
        if (property.Arguments.Length > 0)
        {
            return IsBase(property.Instance) ? throw BaseIndexer(property.Syntax) : AssignElement(owner, [.. property.Arguments.Select(argument => Evaluate(argument.Value, frame))], value, property.Syntax);
        }

        switch (owner)
        {
            case SymTensor tensor when property.Property.Name == "requires_grad":
                tensor.RequiresGrad = value is not false;
                return value;
            case SymModule module:
                return SetWeight(module, property.Property.Name, value, property.Syntax);
            case SymObject instance when WithAccessor(IsBase(property.Instance) ? property.Property : VirtualProperty(instance, property.Property), static candidate => candidate.SetMethod) is { SetMethod: { } setter } && FindBody(setter) is { } body:
                return Invoke(new SymFunction(setter, instance, null, body), [value], property.Syntax);
            case null when property.Property.IsStatic:
                return AssignStatic(property.Property, value, property.Syntax);
            case SymObject instance when !IsBase(property.Instance) && WithAccessor(property.Property, static candidate => candidate.SetMethod).SetMethod is not null:
                return Store(owner, WithAccessor(VirtualProperty(instance, property.Property), static candidate => candidate.SetMethod), value, property.Syntax);
            default:
                return Store(owner, property.Property, value, property.Syntax);
        }
    }

    /// <summary>Sets <c>weight</c> or <c>bias</c> of a layer: weight tying, or dropping a bias.</summary>
    private object? SetWeight(SymModule module, string name, object? value, SyntaxNode at)
    {
        if (!constructing)
        {
            throw EvaluationException.Unsupported(at, $"'{name}': {StateWrite}");
        }

        if (value is not (null or SymTensor) || !module.Tensors.ContainsKey(name))
        {
            throw EvaluationException.Unsupported(at, $"'{name}' of {DescribeValue(module)} cannot be set during the build");
        }

        if (value is SymTensor tensor && module.Tensors[name] is SymTensor old && !graph.TypeOf(tensor.Id).Shape.Equals(graph.TypeOf(old.Id).Shape))
        {
            throw EvaluationException.Unsupported(at, $"'{name}' of {DescribeValue(module)} has the shape {graph.TypeOf(old.Id).ShapeText()} and cannot become {graph.TypeOf(tensor.Id).ShapeText()}");
        }

        if (value is SymTensor { Weight: WeightKind.None } plain)
        {
            value = new SymTensor(plain.Id) { Weight = WeightKind.Parameter };
        }

        module.Tensors[name] = (SymTensor?)value;
        return value;
    }

    private object? AssignElement(object? collection, object?[] indices, object? value, SyntaxNode at)
    {
        switch (collection)
        {
            case SymList { Frozen: true } or SymDictionary { Frozen: true } or SymContainer { Frozen: true }:
                throw EvaluationException.Unsupported(at, StateWrite);
            case SymList list when Position(indices[0], list.Items.Count) is int index:
                list.Items[index] = value;
                return value;
            case SymDictionary dictionary when indices[0] is { } key:
                dictionary.Set(key, value);
                return value;
            case SymContainer container:
                return AssignElement(container, indices[0], value, at);
            case SymTensor tensor:
                AssignSlice(tensor, indices, value, at);
                return value;
            case SymObject instance when Indexer(instance, indices.Length)?.SetMethod is { } setter && FindBody(setter) is not null:
                return Invoke(new SymFunction(setter, instance, null, null), [.. indices, value], at);
            default:
                throw EvaluationException.Unsupported(at, $"this element of {DescribeValue(collection)} cannot be set during the build");
        }
    }

    private object? AssignElement(SymContainer container, object? index, object? value, SyntaxNode at)
    {
        int position = index is string name ? container.Items.FindIndex(pair => pair.Key == name) : Position(index, container.Items.Count) ?? -1;
        if (position < 0 && index is string key && !container.Registered)
        {
            container.Add(key, value);
            return value;
        }

        if (position < 0 || container.Registered || container.RegistersAtOnce)
        {
            throw EvaluationException.Unsupported(at, $"this element of {DescribeValue(container)} is already registered and cannot be replaced");
        }

        container.Items[position] = new(container.Items[position].Key, value);
        return value;
    }

    private static int? Position(object? index, int count)
    {
        long? position = index switch
        {
            Dim dim => dim.Constant,
            SymFromEnd end => count - end.Offset.Constant,
            _ => null,
        };
        return position is >= 0 && position < count ? (int)position : null;
    }

    private static IPropertySymbol? Indexer(SymObject instance, int count)
    {
        for (INamedTypeSymbol? type = instance.Type; type is not null; type = type.BaseType)
        {
            if (type.GetMembers().OfType<IPropertySymbol>().FirstOrDefault(property => property.IsIndexer && property.Parameters.Length == count) is { } indexer)
            {
                return indexer;
            }
        }

        return null;
    }
}
