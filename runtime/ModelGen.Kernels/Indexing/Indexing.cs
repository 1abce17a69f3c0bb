using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Kernels;

/// <summary>Gathers and scatters along a dimension, as PyTorch's <c>gather</c>, <c>scatter</c> and <c>scatter_add</c>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Indexing
{
    /// <summary>Elements that are worth a worker.</summary>
    private const nint Worth = 8192;

    /// <summary>Looks for an index outside of a dimension.</summary>
    /// <param name="indices">Indices.</param>
    /// <param name="count">How many.</param>
    /// <param name="size">Size of the dimension.</param>
    /// <returns>-1, or the position of the first one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static nint Outside(Longs indices, nint count, nint size)
    {
        // The sign of i | (size - 1 - i) is set for those outside.
        long* all = indices;
        var last = Vector256.Create((long)size - 1);
        nint i = 0;
        for (; i + (4 * Vector256<long>.Count) <= count; i += 4 * Vector256<long>.Count)
        {
            var a = Vector256.Load(all + i);
            var b = Vector256.Load(all + i + Vector256<long>.Count);
            var c = Vector256.Load(all + i + (2 * Vector256<long>.Count));
            var d = Vector256.Load(all + i + (3 * Vector256<long>.Count));
            if (Vector256.LessThanAny((a | (last - a)) | (b | (last - b)) | (c | (last - c)) | (d | (last - d)), Vector256<long>.Zero))
            {
                break;
            }
        }

        for (; i < count; i++)
        {
            if ((ulong)indices[i] >= (ulong)size)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Takes elements: <c>result[i, j, k] = x[i, index[i, j, k], k]</c> for the middle dimension.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="index">Numbers of elements, by rows; none is outside.</param>
    /// <param name="sizes">Sizes of the index, at most 8 dimensions.</param>
    /// <param name="xStrides">Strides of the operand; 0 for the dimension of the index.</param>
    /// <param name="axisStride">Its stride.</param>
    /// <param name="result">Result, by rows.</param>
    public static void Gather(Floats x, Longs index, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> xStrides, nint axisStride, Floats result) =>
        StridedLoop.Run(new GatherLine<float> { X = x.Address, Index = index, Stride = axisStride, Result = result.Address }, sizes, xStrides, xStrides, xStrides, Worth);

    /// <inheritdoc cref="Gather(Floats, Longs, ReadOnlySpan{nint}, ReadOnlySpan{nint}, nint, Floats)"/>
    public static void Gather(Longs x, Longs index, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> xStrides, nint axisStride, Longs result) =>
        StridedLoop.Run(new GatherLine<long> { X = x.Address, Index = index, Stride = axisStride, Result = result.Address }, sizes, xStrides, xStrides, xStrides, Worth);

    /// <summary>Puts elements: <c>target[i, index[i, j, k], k] = source[i, j, k]</c> for the middle dimension; where an index is repeated the last one stays, or all are added in order.</summary>
    /// <param name="target">Tensor that is changed.</param>
    /// <param name="index">Numbers of elements; none is outside.</param>
    /// <param name="source">What is put.</param>
    /// <param name="sizes">Sizes of the index, at most 8 dimensions, the one of the index last.</param>
    /// <param name="indexStrides">Strides of the index.</param>
    /// <param name="sourceStrides">Strides of the source.</param>
    /// <param name="targetStrides">Strides of the target; 0 for the dimension of the index.</param>
    /// <param name="axisStride">Its stride.</param>
    /// <param name="add">Whether elements are added to what is there.</param>
    public static void Scatter(Floats target, Longs index, Floats source, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> indexStrides, ReadOnlySpan<nint> sourceStrides, ReadOnlySpan<nint> targetStrides, nint axisStride, bool add) =>
        StridedLoop.Run(new ScatterLine { Target = target, Index = index, Source = source, Stride = axisStride, Add = add }, sizes, indexStrides, sourceStrides, targetStrides, Worth);

    private struct GatherLine<T> : IStridedLine
        where T : unmanaged
    {
        public T* X;
        public long* Index;
        public nint Stride;
        public T* Result;

        public readonly void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count)
        {
            for (nint i = 0; i < count; i++)
            {
                Result[result + i] = X[a + (i * aStep) + ((nint)Index[result + i] * Stride)];
            }
        }
    }

    /// <summary>The dimension of the index is the innermost one, so that one worker sees all elements that may meet.</summary>
    private struct ScatterLine : IStridedLine
    {
        public float* Target;
        public long* Index;
        public float* Source;
        public nint Stride;
        public bool Add;

        public readonly void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count)
        {
            for (nint i = 0; i < count; i++)
            {
                float* place = Target + c + (i * cStep) + ((nint)Index[a + (i * aStep)] * Stride);
                float value = Source[b + (i * bStep)];
                *place = Add ? *place + value : value;
            }
        }
    }
}
