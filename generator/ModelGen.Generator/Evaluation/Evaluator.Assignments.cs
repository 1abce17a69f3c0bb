using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

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
                IParameterSymbol changed = parameter.Parameter.OriginalDefinition;
                if (frame.This is SymObject self && self.Fields.ContainsKey(changed))
                {
                    // A parameter of a primary constructor is a field of the object.
                    Store(self, changed, value, parameter.Syntax);
                }

                if (frame.This is not SymObject { Fields: var captured } || !captured.ContainsKey(changed) || frame.TryGet(changed, out _))
                {
                    frame.Assign(changed, value);
                }

                NameTensor(value, parameter.Parameter.Name);
                return value;
            case IDeclarationExpressionOperation declaration:
                return DeclareAll(declaration.Expression, value, frame);
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
            case IFieldReferenceOperation or IPropertyReferenceOperation or IArrayElementReferenceOperation or IImplicitIndexerReferenceOperation:
                return PlaceOf(target, frame).Write(value);
            default:
                throw EvaluationException.Unsupported(target.Syntax, "this assignment cannot be compiled; assign to local variables");
        }
    }

    /// <summary>Where an assignment goes, with its receiver and indices evaluated: C# does that once, and before the value.</summary>
    private Place PlaceOf(IOperation target, Frame frame)
    {
        switch (target)
        {
            case IParenthesizedOperation parenthesized:
                return PlaceOf(parenthesized.Operand, frame);
            case IFieldReferenceOperation { Instance: not null } member:
                object? holder = Evaluate(member.Instance, frame);
                return new(() => Own(Fresh(ReadField(holder, member), member.Syntax), member), value => AssignField(holder, member, value));
            case IPropertyReferenceOperation property when LayerMembers.AttributeOf(property.Property) is null && property.ConstrainedToType is null:
                object? owner = property.Instance is null ? null : Evaluate(property.Instance, frame);
                object?[] arguments = [.. property.Arguments.Select(argument => Evaluate(argument.Value, frame))];
                return new(() => Own(ReadProperty(owner, arguments, property, property.Property), property), value => AssignProperty(owner, arguments, property, value));
            case IArrayElementReferenceOperation element:
                object? array = Evaluate(element.ArrayReference, frame);
                object?[] indices = [.. element.Indices.Select(index => Evaluate(index, frame))];
                for (int i = 0; i + 1 < element.Indices.Length; i++)
                {
                    // The rows of an array of several dimensions are lists.
                    array = Index(array, [indices[i]], element.Syntax);
                }

                indices = [indices[indices.Length - 1]];
                return new(() => Own(Fresh(Index(array, indices, element.Syntax), element.Syntax), element), value => AssignElement(array, indices, value, element.Syntax));
            case IImplicitIndexerReferenceOperation element:
                object? indexed = Evaluate(element.Instance, frame);
                object?[] argument = [Evaluate(element.Argument, frame)];
                return new(() => Own(Fresh(Index(indexed, argument, element.Syntax), element.Syntax), element), value => AssignElement(indexed, argument, value, element.Syntax));
            case IFieldReferenceOperation field:
                return new(() => Evaluate(target, frame), value => AssignStatic(field.Field, value, target.Syntax));
            default:
                return new(() => Evaluate(target, frame), value => Assign(target, value, frame));
        }
    }

    /// <summary><c>target op= value</c>: the target is found once, then the value, then the sum is stored.</summary>
    private object? Compound(ICompoundAssignmentOperation compound, Frame frame)
    {
        Place place = PlaceOf(compound.Target, frame);
        object? old = place.Read();
        object? value = ShiftCount(compound.OperatorKind, compound.Target.Type, Evaluate(compound.Value, frame));
        NoDecimal(compound.Target.Type, compound.Value.Type, compound.Syntax);
        if (compound is { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String })
        {
            return place.Write(Short(Text(old, "", compound.Syntax) + Text(value, "", compound.Syntax, OwnType(compound.Value)), compound.Syntax));
        }

        if (compound.OperatorMethod is { } method && old is SymObject or SymObject && FindBody(method) is not null)
        {
            return place.Write(Invoke(new SymFunction(method, null, null, null), [old, value], compound.Syntax));
        }

        object? result = Stored(Arithmetic(compound.OperatorKind, old, value, compound.Syntax), compound.Type, compound.IsChecked, compound.Syntax);
        return place.Write(old is char && result is Dim { Constant: long code } ? (char)code : result);
    }

    /// <summary>Declares the variables of <c>var (a, b)</c> or <c>out var c</c>: new ones, also where a call of the same function is under way.</summary>
    private object? DeclareAll(IOperation declared, object? value, Frame frame)
    {
        if (declared is ILocalReferenceOperation local)
        {
            frame.Declare(local.Local, value);
            NameTensor(value, local.Local.Name);
            return value;
        }

        if (declared is ITupleOperation tuple)
        {
            foreach (ILocalReferenceOperation variable in tuple.Descendants().OfType<ILocalReferenceOperation>())
            {
                frame.Declare(variable.Local, null);
            }
        }

        return Assign(declared, value, frame);
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
        Invoke(new SymFunction(method, instance, null, null), new object?[parts.Length], at, (callee, parameters) =>
        {
            for (int i = 0; i < parts.Length; i++)
            {
                callee.TryGet(parameters[i], out parts[i]);
            }
        });
        return parts;
    }

    private object? AssignField(object? owner, IFieldReferenceOperation field, object? value)
    {
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

    private object? AssignProperty(object? owner, object?[] arguments, IPropertyReferenceOperation property, object? value)
    {
        if (arguments.Length > 0)
        {
            return IsBase(property.Instance) ? throw BaseIndexer(property.Syntax) : AssignElement(owner, arguments, value, property.Syntax);
        }

        switch (owner)
        {
            case SymTensor tensor when property.Property.Name == "requires_grad":
                tensor.RequiresGrad = value is not false;
                return value;
            case SymModule module:
                return SetWeight(module, property.Property.Name, value, property.Syntax);
            case SymObject instance:
                bool isBase = IsBase(property.Instance);
                IPropertySymbol meant = WithAccessor(isBase ? property.Property : VirtualProperty(instance, property.Property), Setter);
                if (meant.SetMethod is { } setter && FindBody(setter) is { } body)
                {
                    return Invoke(new SymFunction(setter, instance, null, body), [value], property.Syntax);
                }

                // What has no setter at all is set by a constructor: of the class that declares it.
                bool isOwn = isBase || WithAccessor(property.Property, Setter).SetMethod is null;
                return Store(owner, isOwn ? property.Property : meant, value, property.Syntax);
            case null when property.Property.IsStatic:
                return AssignStatic(property.Property, value, property.Syntax);
            default:
                return Store(owner, property.Property, value, property.Syntax);
        }

        static IMethodSymbol? Setter(IPropertySymbol candidate) => candidate.SetMethod;
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
                SetEntry(dictionary, key, value, at);
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
