using Microsoft.CodeAnalysis;
using ModelGen.Compiler;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Evaluation;

/// <content>Indexing of lists and tensors.</content>
internal sealed partial class Evaluator
{
    private const string MaskIndex =
        "indexing with a boolean mask gives a tensor whose size depends on values; use torch.where(mask, a, b) or masked_fill, which keep the shape";

    private object? Index(object? collection, object?[] indices, SyntaxNode at)
    {
        switch (collection)
        {
            case SymTensor tensor:
                return IndexTensor(tensor, indices, at);
            case SymComplex complex:
                return new SymComplex(IndexTensor(complex.Real, indices, at), IndexTensor(complex.Imaginary, indices, at));
            case SymDictionary dictionary:
                return indices[0] is { } key && dictionary.TryGet(Key(key, at), out object? found) ? found : throw EvaluationException.Unsupported(at, $"the dictionary has no entry {(indices[0] is string or char or Dim or double or SymEnum ? Text(indices[0], "", at) : "of this key")}");
            case SymContainer container when indices[0] is string name:
                return container.Items.FindIndex(pair => pair.Key == name) is >= 0 and int entry ? container.Items[entry].Value : throw EvaluationException.Unsupported(at, $"the {container.Kind} has no entry '{name}'");
            case SymList { Items: var items } when indices[0] is SymSlice slice:
                return new SymList(Sliced(items, slice, at));
            case SymContainer { Items: var children } when indices[0] is SymSlice slice:
                return new SymList(Sliced([.. children.Select(static pair => pair.Value)], slice, at));
            case string text when indices[0] is SymSlice slice:
                return new string([.. Sliced([.. text.Cast<object?>()], slice, at).Cast<char>()]);
            case SymObject instance when Indexer(instance, indices.Length)?.GetMethod is { } getter:
                return Invoke(new SymFunction(getter, instance, null, null), indices, at);
            case SymObject { Items: { } own }:
                return Index(own, indices, at);
        }

        if (collection is not (SymList or SymContainer or string))
        {
            throw EvaluationException.Unsupported(at, $"indexing {DescribeValue(collection)} is not supported");
        }

        IReadOnlyList<object?> elements = collection is SymList list ? list.Items : Elements(collection, at);
        if (indices[0] is not (Dim { Constant: not null } or SymFromEnd { Offset.Constant: not null }))
        {
            throw EvaluationException.DataDependent(at, "the index must be known during the build");
        }

        return Position(indices[0], elements.Count) is int position
            ? elements[position]
            : throw EvaluationException.Unsupported(at, $"the index {(indices[0] is Dim dim ? dim.ToString() : "^" + ((SymFromEnd)indices[0]!).Offset)} is outside the {elements.Count} elements");
    }

    /// <summary>A key that is known: with a symbolic size in it, which entry is meant is not.</summary>
    private static object Key(object key, SyntaxNode at) => key switch
    {
        Dim { Constant: null } => throw EvaluationException.DataDependent(at, $"the key {key} is known only when the model runs; give that size as a number in [Shape]"),
        SymList tuple => new SymList(tuple.Items.Select(part => part is null ? null : (object?)Key(part, at)).ToArray()),
        _ => key,
    };

    /// <summary>Sets an entry of a dictionary; a new one after a removal would stand in the removed one's place, which is not followed.</summary>
    private static void SetEntry(SymDictionary dictionary, object key, object? value, SyntaxNode at)
    {
        if (dictionary.HasGap && !dictionary.TryGet(Key(key, at), out _))
        {
            throw EvaluationException.Unsupported(at, "the order of a dictionary after Remove and a new entry is not followed during the build; make a new dictionary");
        }

        dictionary.Set(Key(key, at), value);
    }

    private static List<object?> Sliced(List<object?> items, SymSlice slice, SyntaxNode at)
    {
        int Bound(object? bound, int otherwise) => bound switch
        {
            null => otherwise,
            Dim { Constant: long value } => (int)value,
            SymFromEnd { Offset.Constant: long value } => items.Count - (int)value,
            _ => throw EvaluationException.DataDependent(at, "the range must be known during the build"),
        };
        int start = Bound(slice.Start, 0);
        int stop = Bound(slice.Stop, items.Count);
        return start >= 0 && stop <= items.Count && start <= stop ? items.GetRange(start, stop - start) : throw EvaluationException.Unsupported(at, $"the range {start}..{stop} is outside the {items.Count} elements");
    }

    /// <summary>One entry per indexed dimension, ellipsis and single tensor arrays taken apart.</summary>
    private object?[] Expand(SymTensor tensor, object?[] indices, SyntaxNode at)
    {
        if (indices.Length == 1 && indices[0] is SymList list)
        {
            indices = [.. list.Items];
        }

        int consuming = indices.Count(static index => index is not SymIndex);
        int rank = graph.TypeOf(tensor.Id).Rank;
        consuming += indices.Where(static index => index is SymTensor).Sum(index => IsMask(index) ? graph.TypeOf(((SymTensor)index!).Id).Rank - 1 : 0);
        if (consuming > rank)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.ShapeMismatch, at, $"indexing: {graph.TypeOf(tensor.Id).ShapeText()} has fewer dimensions than there are indices"));
        }

        return [.. indices.SelectMany(index => index is SymIndex.Ellipsis ? Enumerable.Repeat<object?>(new SymSlice(null, null, null), rank - consuming) : [index])];
    }

    private bool IsMask(object? index) => index is SymTensor tensor && graph.TypeOf(tensor.Id).DType == DType.Bool;

    private SymTensor IndexTensor(SymTensor tensor, object?[] indices, SyntaxNode at)
    {
        Fresh(tensor, at);
        indices = Expand(tensor, indices, at);
        if (indices.Any(IsMask))
        {
            throw EvaluationException.DataDependent(at, MaskIndex);
        }

        if (indices.Count(static index => index is SymTensor) > 1)
        {
            throw EvaluationException.Unsupported(at, "indexing with several tensors at once is not supported; use gather, or one tensor at a time");
        }

        bool gathers = indices.Any(static index => index is SymTensor);
        SymTensor result = Guard(at, "indexing", () =>
        {
            int value = tensor.Id;
            int axis = 0;
            foreach (object? index in indices)
            {
                value = IndexAxis(value, ref axis, index, at);
            }

            return new SymTensor(value);
        });
        return (SymTensor)StopGradients(gathers ? result : result.ViewOf(tensor))!;
    }

    private int IndexAxis(int value, ref int axis, object? index, SyntaxNode at)
    {
        TensorType type = graph.TypeOf(value);
        int place = axis;
        switch (index)
        {
            case SymIndex.None or null:
                axis++;
                return graph.Reshape(value, type.Shape.Take(place).Append(Dim.One).Concat(type.Shape.Skip(place)).ToEquatableArray());
            case SymTensor picks:
                axis += graph.TypeOf(picks.Id).Rank;
                return TensorFunctions.Take(graph, value, place, picks.Id);
            case Dim or SymFromEnd:
                int one = graph.Slice(value, axis, Start(index, type.Shape[axis], Dim.Zero, at), 1);
                return graph.Reshape(one, type.Shape.Where((_, position) => position != place).ToEquatableArray());
            case SymSlice slice:
                (Dim start, Dim length, long step) = Region(slice, type.Shape[axis], at);
                return Strided(value, axis++, start, length, step);
            default:
                throw EvaluationException.Unsupported(at, $"a tensor cannot be indexed by {DescribeValue(index)} here; whole numbers, ranges, TensorIndex values and integer tensors are supported");
        }
    }

    private static Dim Start(object? bound, Dim size, Dim otherwise, SyntaxNode at)
    {
        Dim position = bound switch
        {
            null => otherwise,
            Dim { Constant: < 0 } negative => size + negative,
            Dim dim => dim,
            SymFromEnd end => size - end.Offset,
            _ => throw EvaluationException.DataDependent(at, "an index into a tensor must be a whole number known during the build"),
        };

        // Slices end where the tensor ends.
        return position.Constant is long known && size.Constant is long limit ? Math.Max(0, Math.Min(known, limit)) : position;
    }

    /// <summary>The number of elements that a bound needs, where a size that is known only at run time may have fewer.</summary>
    private static Dim? EndsEarly(object? bound, Dim size)
    {
        Dim? needed = bound switch
        {
            Dim { Constant: long number } => Math.Abs(number),
            SymFromEnd { Offset.Constant: long number } => number,
            _ => null,
        };
        return needed is not null && size.Constant is null && !Dim.IsNeverNegative(size - needed) ? needed : null;
    }

    private static (Dim Start, Dim Length, long Step) Region(SymSlice slice, Dim size, SyntaxNode at)
    {
        Dim start = Start(slice.Start, size, Dim.Zero, at);
        Dim stop = Start(slice.Stop, size, size, at);
        if ((EndsEarly(slice.Start, size) ?? EndsEarly(slice.Stop, size)) is Dim bound)
        {
            throw EvaluationException.DataDependent(at, $"the size {size} may be smaller than {bound}, and slices end where the tensor ends, so the size of the result is known only when the model runs. Give the size as a number in [Shape], or use narrow, which needs that many elements");
        }

        long step = slice.Step switch
        {
            null => 1,
            Dim { Constant: > 0 and long known } => known,
            _ => throw EvaluationException.Unsupported(at, "the step of a slice must be a positive whole number known during the build"),
        };
        Dim length = stop - start;
        return (start, length.Constant < 0 ? Dim.Zero : length, step);
    }

    /// <summary>Every <paramref name="step"/>-th element of a region.</summary>
    private int Strided(int value, int axis, Dim start, Dim length, long step)
    {
        int region = graph.Slice(value, axis, start, length);
        if (step == 1)
        {
            return region;
        }

        TensorType type = graph.TypeOf(region);
        Dim whole = Dim.FloorDivide(length, step);
        Dim rest = length - (whole * step);
        if (rest.Constant is not long left)
        {
            throw new UnsupportedException($"every {Invariant.Text(step)}-th element of the symbolic size {length} may or may not come out even; give that size as a number in [Shape]");
        }

        int even = left == 0 ? region : graph.Slice(region, axis, 0, whole * step);
        int pairs = graph.Reshape(even, type.Shape.Take(axis).Concat([whole, step]).Concat(type.Shape.Skip(axis + 1)).ToEquatableArray());
        int picked = graph.Reshape(graph.Slice(pairs, axis + 1, 0, 1), type.Shape.Select((dim, position) => position == axis ? whole : dim).ToEquatableArray());
        return left == 0 ? picked : graph.Add("cat", [picked, graph.Slice(region, axis, whole * step, 1)], ("axis", (long)axis));
    }

    private void AssignSlice(SymTensor tensor, object?[] indices, object? value, SyntaxNode at)
    {
        if (constructing && tensor.Weight != WeightKind.None)
        {
            return;
        }

        Fresh(value, at);
        indices = [.. Expand(tensor, indices, at).Where(static index => index is not (SymIndex.None or null))];
        if (indices.Count(static index => index is SymTensor) > 0)
        {
            int masked = MaskedWrite(tensor, indices, value, at);
            Overwrite(tensor, masked, at, "indexed assignment");
            return;
        }

        Overwrite(tensor, Guard(at, "indexed assignment", () => Written(tensor.Id, 0, indices, value, at)), at, "indexed assignment");
    }

    private int MaskedWrite(SymTensor tensor, object?[] indices, object? value, SyntaxNode at)
    {
        if (indices.Length != 1 || !IsMask(indices[0]))
        {
            throw EvaluationException.Unsupported(at, "assignment through an integer index tensor is not supported; use scatter, index_add or torch.where");
        }

        return Guard(at, "indexed assignment", () =>
        {
            TensorType type = graph.TypeOf(tensor.Id);
            int mask = ((SymTensor)indices[0]!).Id;
            EquatableArray<Dim> shape = graph.TypeOf(mask).Shape;
            mask = graph.Reshape(mask, shape.Concat(Enumerable.Repeat(Dim.One, type.Rank - shape.Count)).ToEquatableArray());
            return value switch
            {
                Dim { Constant: long whole } => graph.Add("masked_fill", [tensor.Id, mask], ("value", (double)whole)),
                double number => graph.Add("masked_fill", [tensor.Id, mask], ("value", number)),
                SymTensor scalar when graph.TypeOf(scalar.Id).Rank == 0 => graph.Add("where", [mask, graph.Cast(scalar.Id, type.DType), tensor.Id]),
                _ => throw new UnsupportedException("only a single number can be assigned through a boolean mask; use torch.where(mask, a, b) for tensors"),
            };
        });
    }

    /// <summary>The tensor with a region replaced: the parts before and after, joined with the new one.</summary>
    private int Written(int value, int axis, object?[] indices, object? written, SyntaxNode at)
    {
        TensorType type = graph.TypeOf(value);
        int position = Array.FindIndex(indices, index => index is not SymSlice { Start: null, Stop: null, Step: null or Dim { Constant: 1 } });
        if (position < 0)
        {
            return Broadcast(written, type);
        }

        // Dimensions before are whole; integer indices keep theirs with size 1 until the value is in place.
        axis += position;
        object?[] rest = [.. indices.Skip(position + 1)];
        bool single = indices[position] is Dim or SymFromEnd;
        Dim size = type.Shape[axis];
        (Dim start, Dim length, long step) = single ? (Start(indices[position], size, Dim.Zero, at), Dim.One, 1) : Region((SymSlice)indices[position]!, size, at);
        if (single && written is SymTensor tensor)
        {
            // The value has no dimension where an integer stands: give it one, counted from the end so that broadcasting stays possible.
            int following = type.Rank - axis - 1 - rest.Count(static index => index is Dim or SymFromEnd);
            EquatableArray<Dim> shape = graph.TypeOf(tensor.Id).Shape;
            if (shape.Count >= following)
            {
                int where = shape.Count - following;
                written = new SymTensor(graph.Reshape(tensor.Id, shape.Take(where).Append(Dim.One).Concat(shape.Skip(where)).ToEquatableArray()));
            }
        }

        if (step > 1)
        {
            return WrittenWithStep(value, axis, start, length, step, rest, written);
        }

        int region = graph.Slice(value, axis, start, length);
        int changed = Written(region, axis + 1, rest, written, at);
        Dim after = size - start - length;
        int[] parts =
        [
            .. start.Constant == 0 ? Array.Empty<int>() : [graph.Slice(value, axis, 0, start)],
            changed,
            .. after.Constant == 0 ? Array.Empty<int>() : [graph.Slice(value, axis, start + length, after)],
        ];
        return parts.Length == 1 ? changed : graph.Add("cat", parts, ("axis", (long)axis));
    }

    private int WrittenWithStep(int value, int axis, Dim start, Dim length, long step, object?[] rest, object? written)
    {
        TensorType type = graph.TypeOf(value);
        if (rest.Any(static index => index is not SymSlice { Start: null, Stop: null }) || start.Constant is not long first || first >= step || !(length + start).Equals(type.Shape[axis])
            || Dim.DivideExactly(type.Shape[axis], step) is not { } groups)
        {
            throw new UnsupportedException("assignment to every n-th element is supported for whole dimensions whose size is a multiple of the step; otherwise build the tensor with stack and reshape");
        }

        EquatableArray<Dim> shape = type.Shape.Take(axis).Concat([groups, step]).Concat(type.Shape.Skip(axis + 1)).ToEquatableArray();
        int grouped = graph.Reshape(value, shape);
        int region = graph.Slice(grouped, axis + 1, first, 1);
        TensorType picked = type.WithShape(type.Shape.Select((dim, position) => position == axis ? groups : dim));
        int changed = graph.Reshape(Broadcast(written, picked), graph.TypeOf(region).Shape);
        int[] parts =
        [
            .. first == 0 ? Array.Empty<int>() : [graph.Slice(grouped, axis + 1, 0, first)],
            changed,
            .. first == step - 1 ? Array.Empty<int>() : [graph.Slice(grouped, axis + 1, first + 1, step - first - 1)],
        ];
        return graph.Reshape(graph.Add("cat", parts, ("axis", (long)(axis + 1))), type.Shape);
    }
}
