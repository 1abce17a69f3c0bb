using System.Runtime.CompilerServices;
using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

public sealed class DataLoaderTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(3, 2)]
    [InlineData(5, 9)]
    public void Batches_AreTheSameForAnyNumberOfWorkers_AlsoTheirRandomNumbers(int workers, int prefetch)
    {
        string expected = Shown(new CountingDataset(103), new DataLoaderOptions { BatchSize = 10, Shuffle = true, Seed = 3, Workers = 0 });
        string got = Shown(new CountingDataset(103), new DataLoaderOptions { BatchSize = 10, Shuffle = true, Seed = 3, Workers = workers, Prefetch = prefetch });
        Assert.Equal(expected, got);
        Assert.NotEqual(expected, Shown(new CountingDataset(103), new DataLoaderOptions { BatchSize = 10, Shuffle = true, Seed = 4, Workers = workers }));
    }

    [Fact]
    public void Batches_GoOnBehindAnyBatch()
    {
        using var loader = new DataLoader(new CountingDataset(25), new DataLoaderOptions { BatchSize = 4, Shuffle = true, Workers = 2 });
        string[] all = [.. loader.Batches(epoch: 1, epochs: 3).Select(Show)];
        Assert.Equal(21, all.Length);
        Assert.Equal(7, loader.BatchesPerEpoch);
        for (int i = 0; i < all.Length; i++)
        {
            Assert.Equal(all[i..], loader.Batches(1 + (i / 7), i % 7, 3 - (i / 7)).Select(Show));
        }

        Assert.Equal(all[7..14], loader.Batches(epoch: 1, firstBatch: 7, epochs: 2).Select(Show));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Batches(1, 8));
    }

    [Fact]
    public void Batches_CarryTheirPosition_AndHoldEverySampleOnce()
    {
        using var loader = new DataLoader(new CountingDataset(10), new DataLoaderOptions { BatchSize = 4, Shuffle = true });
        var seen = new List<(int, int, bool, int)>();
        var samples = new List<long>();
        foreach (ModelGen.Data.Batch batch in loader.Batches(5))
        {
            seen.Add((batch.Epoch, batch.Index, batch.IsLastOfEpoch, batch.Count));
            Assert.Equal([batch.Count, 2], batch.Inputs[0].shape);
            Assert.Equal([batch.Count], batch.Target.shape);
            samples.AddRange(batch.Target.data<long>());
        }

        Assert.Equal([(5, 0, false, 4), (5, 1, false, 4), (5, 2, true, 2)], seen);
        Assert.Equal(Shuffler.Permutation(10, 0, 5).Select(static index => (long)index), samples);
        Assert.Equal((3, 10, 0), (loader.Statistics.Batches, loader.Statistics.Samples, loader.SkippedSamples));
        Assert.True(loader.StallTime > TimeSpan.Zero && loader.Statistics.FirstBatchTime <= loader.StallTime && loader.Statistics.WorkTime > TimeSpan.Zero);
    }

    /// <summary>The way to another device, on the one that every machine has: it holds no numbers, but copies, shapes and the memory that is used again are those of a GPU.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void BatchesForAnotherDevice_AreCopiedThere_EveryField(int workers)
    {
        using var loader = new DataLoader(new CountingDataset(10), new DataLoaderOptions { BatchSize = 4, Workers = workers, Device = META });
        var seen = new List<string>();
        foreach (ModelGen.Data.Batch batch in loader.Batches())
        {
            Assert.All([.. batch.Inputs, batch.Target], static field => Assert.Equal(TorchSharp.DeviceType.META, field.device_type));
            seen.Add($"{string.Join(',', batch.Inputs[0].shape)} {batch.Inputs[0].dtype}, {string.Join(',', batch.Target.shape)} {batch.Target.dtype}");
        }

        Assert.Equal(["4,2 Float32, 4 Int64", "4,2 Float32, 4 Int64", "2,2 Float32, 2 Int64"], seen);
    }

    [Fact]
    public void DropLast_LeavesTheSmallBatchOut_AndRefusesToLeaveNothing()
    {
        using var loader = new DataLoader(new CountingDataset(10), new DataLoaderOptions { BatchSize = 4, DropLast = true });
        Assert.Equal([4, 4], loader.Batches().Select(static batch => batch.Count));
        Assert.Contains("whole batch of 11", Assert.Throws<ArgumentException>(() => new DataLoader(new CountingDataset(10), new DataLoaderOptions { BatchSize = 11, DropLast = true })).Message);
        Assert.Throws<ArgumentException>(() => new DataLoader(new CountingDataset(0)));
    }

    [Fact]
    public void ABatch_IsInvalidOnceTheNextIsAskedFor_AndMemoryIsUsedAgain()
    {
        using var loader = new DataLoader(new CountingDataset(400), new DataLoaderOptions { BatchSize = 10, Workers = 2, Prefetch = 3 });
        Tensor? kept = null;
        var addresses = new HashSet<nint>();
        foreach (ModelGen.Data.Batch batch in loader.Batches(epochs: 2))
        {
            Assert.True(kept is null || kept.IsInvalid);
            kept = batch.Inputs[0];
            addresses.Add(Address(kept));
        }

        Assert.True(kept!.IsInvalid);
        Assert.Equal(4, addresses.Count);
    }

    [Fact]
    public void Workers_ReadInParallel_AndNotFurtherAheadThanAsked()
    {
        using var together = new Barrier(3);
        bool met = true;
        int furthest = 0;
        var data = new CountingDataset(60)
        {
            OnRead = index =>
            {
                met &= index > 2 || together.SignalAndWait(10_000);
                InterlockedMax(ref furthest, index);
            },
        };
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 1, Workers = 3, Prefetch = 5 });
        foreach (ModelGen.Data.Batch batch in loader.Batches().Take(21))
        {
            if (batch.Index == 20)
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref furthest) >= 25, 10_000);
                Thread.Sleep(20);
                Assert.Equal(25, Volatile.Read(ref furthest));
            }
        }

        Assert.True(met);
    }

    [Fact]
    public void WorkersWithNothingToBegin_ShareTheSamplesOfABatch()
    {
        using var together = new Barrier(3);
        int met = 0;
        var data = new CountingDataset(6) { OnRead = _ => Interlocked.Add(ref met, together.SignalAndWait(10_000) ? 1 : 0) };
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 6, Workers = 3 });
        Assert.Equal([0L, 1, 2, 3, 4, 5], loader.Batches().SelectMany(static batch => batch.Target.data<long>().ToArray()));
        Assert.Equal(6, met);
    }

    [Fact]
    public void SharedBatches_AreThoseOfOneWorker_AlsoWhereSamplesAreLeftOut()
    {
        var uneven = new Random(3);
        var lengths = new SequenceDataset([.. Enumerable.Range(0, 37).Select(_ => uneven.Next(9))]);
        foreach (int workers in (int[])[1, 2, 5])
        {
            for (int prefetch = 1; prefetch < 4; prefetch++)
            {
                string Numbers(int count) => Shown(
                    new CountingDataset(61) { Fails = static index => index % 7 == 3, OnRead = static index => Thread.SpinWait(index % 5 * 200) },
                    new DataLoaderOptions { BatchSize = 16, Shuffle = true, OnError = SampleErrors.Skip, Workers = count, Prefetch = prefetch });
                Assert.Equal(Numbers(0), Numbers(workers));
                string Sequences(int count)
                {
                    using var loader = new DataLoader(lengths, new DataLoaderOptions { BatchSize = 10, Shuffle = true, Workers = count, Prefetch = prefetch });
                    return string.Join("\n", loader.Batches(epochs: 3).Select(static batch => string.Join(" ", batch.Inputs[0].data<long>()) + " | " + string.Join(" ", batch.Target.data<float>())));
                }

                Assert.Equal(Sequences(0), Sequences(workers));
            }
        }
    }

    [Fact]
    public void OfSeveralFaultsInABatch_TheFirstIsReported_WhicheverComesFirst()
    {
        using var later = new ManualResetEventSlim();
        var data = new CountingDataset(8)
        {
            Fails = static index => index is 0 or 5,
            OnRead = index =>
            {
                if (index == 0)
                {
                    later.Wait(10_000);
                }
                else if (index == 5)
                {
                    later.Set();
                }
            },
        };
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 8, Workers = 4 });
        Assert.Equal(0, Assert.Throws<DataLoadException>(() => loader.Batches().Count()).Fault!.Sample);
        Assert.True(later.IsSet);
    }

    [Fact]
    public void AFault_StopsAtItsBatch_AndNamesTheSample()
    {
        using var loader = new DataLoader(new CountingDataset(20) { Fails = static index => index == 13 }, new DataLoaderOptions { BatchSize = 4, Workers = 3 });
        int batches = 0;
        DataLoadException fault = Assert.Throws<DataLoadException>(() =>
        {
            foreach (ModelGen.Data.Batch batch in loader.Batches(2))
            {
                batches++;
            }
        });
        Assert.Equal(3, batches);
        Assert.Equal("sample 13 (file 13.bin) (batch 3 of epoch 2): broken 13 Set OnError = SampleErrors.Skip to leave such samples out.", fault.Message);
        Assert.Equal((13, 2, 3), (fault.Fault!.Sample, fault.Fault.Epoch, fault.Fault.Batch));
        Assert.Equal(3, loader.Batches().Take(3).Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void ASkippedSample_IsMissingCountedAndReported(int workers)
    {
        var reported = new List<long>();
        using var loader = new DataLoader(new CountingDataset(12) { Fails = static index => index is 1 or 2 or 11 }, new DataLoaderOptions { BatchSize = 4, Workers = workers, OnError = SampleErrors.Skip, OnSkip = fault => reported.Add(fault.Sample) });
        Assert.Equal(["0,3", "4,5,6,7", "8,9,10"], loader.Batches().Select(static batch => string.Join(",", batch.Target.data<long>())));
        Assert.Equal([1, 2, 11], reported);
        Assert.Equal(3, loader.SkippedSamples);
        Assert.Equal("sample 2 (file 2.bin) (batch 0 of epoch 0): broken 2", loader.SkipReport[1].ToString());
    }

    [Fact]
    public void ABatchThatLosesAllSamples_StopsAlsoWhenSkipping()
    {
        using var loader = new DataLoader(new CountingDataset(12) { Fails = static index => index >= 8 }, new DataLoaderOptions { BatchSize = 4, OnError = SampleErrors.Skip });
        Assert.Contains("No sample of batch 2 of epoch 0", Assert.Throws<DataLoadException>(() => loader.Batches().Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFailingSampler_OrTransform_ReachesTheConsumer()
    {
        using var sampled = new DataLoader(new CountingDataset(3), new DataLoaderOptions { Sampler = new BrokenSampler(), Workers = 2 });
        Assert.Contains("no order", Assert.Throws<DataLoadException>(() => sampled.Batches().Count()).Message, StringComparison.Ordinal);
        using var transformed = new DataLoader(new CountingDataset(3), new DataLoaderOptions { BatchTransforms = [new BrokenTransform()], Workers = 2 });
        Assert.Contains("Batch 0 of epoch 0 failed: no transform", Assert.Throws<DataLoadException>(() => transformed.Batches().Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Disposal_AtAnyPoint_EndsTheWorkers()
    {
        for (int stop = 0; stop < 12; stop++)
        {
            var data = new CountingDataset(40) { OnRead = static _ => Thread.Sleep(1) };
            using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 4, Workers = 3 });
            Assert.Equal(Math.Min(stop, 10), loader.Batches().Take(stop).Count());
            int reads = data.Reads;
            Thread.Sleep(5);
            Assert.Equal(reads, data.Reads);
        }
    }

    [Fact]
    public void DisposingTheLoader_WakesAConsumerInAnotherThread()
    {
        using var release = new ManualResetEventSlim();
        using var started = new ManualResetEventSlim();
        var data = new CountingDataset(4)
        {
            OnRead = _ =>
            {
                started.Set();
                release.Wait();
            },
        };
        var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 2, Workers = 1 });
        Exception? seen = null;
        var consumer = new Thread(() => seen = Record.Exception(() => loader.Batches().Count()));
        consumer.Start();
        started.Wait();
        var disposer = new Thread(loader.Dispose);
        disposer.Start();
        Assert.False(disposer.Join(50));
        release.Set();
        Assert.True(disposer.Join(5000) && consumer.Join(5000));
        Assert.IsType<ObjectDisposedException>(seen);
        Assert.Throws<ObjectDisposedException>(() => loader.Batches().First());
    }

    [Fact]
    public void Cancellation_EndsAWait()
    {
        using var cancellation = new CancellationTokenSource();
        var data = new CountingDataset(8) { OnRead = index => Thread.Sleep(index == 4 && cancellation.Token.WaitHandle.WaitOne() ? 0 : 0) };
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 2, Workers = 1 });
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (ModelGen.Data.Batch batch in loader.Batches(cancellation: cancellation.Token))
            {
                cancellation.CancelAfter(batch.Index == 1 ? 20 : Timeout.Infinite);
            }
        });
        Assert.Equal(4, loader.Batches().Count());
    }

    [Fact]
    public void ASecondPassAtOnce_IsRefused()
    {
        using var loader = new DataLoader(new CountingDataset(8), new DataLoaderOptions { BatchSize = 2 });
        using IEnumerator<ModelGen.Data.Batch> first = loader.Batches().GetEnumerator();
        first.MoveNext();
        Assert.Throws<InvalidOperationException>(() => loader.Batches().GetEnumerator());
        first.Dispose();
        Assert.Equal(4, loader.Batches().Count());
    }

    [Fact]
    public void ALostPass_DoesNotKeepItsWorkers()
    {
        var threads = new List<Thread>();
        Lose(threads);
        Assert.Single(threads);
        for (int i = 0; i < 50 && threads[0].IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(10);
        }

        Assert.False(threads[0].IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Lose(List<Thread> threads)
        {
            var data = new CountingDataset(100) { OnRead = index => threads.AddRange(index == 0 ? [Thread.CurrentThread] : []) };
            var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 2, Workers = 1 });
            loader.Batches().GetEnumerator().MoveNext();
        }
    }

    [Fact]
    public void SamplesOfDifferentLengths_ArePaddedToTheLongestOfTheBatch()
    {
        using var loader = new DataLoader(new SequenceDataset([1, 3, 2, 0, 5]), new DataLoaderOptions { BatchSize = 3, Workers = 2 });
        var shapes = new List<string>();
        foreach (ModelGen.Data.Batch batch in loader.Batches())
        {
            shapes.Add(string.Join("x", batch.Target.shape));
            if (batch.Index == 0)
            {
                Assert.Equal([0L, 7, 7, 1, 1, 1, 2, 2, 7], batch.Inputs[0].data<long>().ToArray());
                Assert.Equal([true, false, false, true, true, true, true, true, false], batch.Inputs[1].data<bool>().ToArray());
                Assert.Equal([0f, 0, -100, -100, -100, -100], batch.Target.data<float>().ToArray()[..6]);
            }
            else
            {
                Assert.Equal([7L, 7, 7, 7, 7, 4, 4, 4, 4, 4], batch.Inputs[0].data<long>().ToArray());
            }
        }

        Assert.Equal(["3x3x2", "2x5x2"], shapes);
        Assert.Throws<NotSupportedException>(() => new SequenceDataset([1]).ToTensors(0, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void AStream_GivesTheSameBatchesForAnyNumberOfWorkers_AndGoesOnAnywhere(int workers)
    {
        var data = new CountingStream(23);
        var options = new DataLoaderOptions { BatchSize = 4, Workers = workers, Shuffle = true, ShuffleBuffer = 5, Seed = 1 };
        using var reference = new DataLoader(new CountingStream(23), options with { Workers = 0 });
        using var loader = new DataLoader(data, options);
        string[] expected = [.. reference.Batches(epochs: 2).Select(Show)];
        Assert.Equal(expected, loader.Batches(epochs: 2).Select(Show));
        Assert.Equal(expected[8..], loader.Batches(1, 2).Select(Show));
        Assert.Equal(data.Opened, data.Closed);
        Assert.Null(loader.BatchesPerEpoch);

        var seen = new List<long>();
        foreach (ModelGen.Data.Batch batch in loader.Batches())
        {
            seen.AddRange(batch.Target.data<long>());
            Assert.Equal(batch.Index == 5, batch.IsLastOfEpoch);
        }

        Assert.Equal(Enumerable.Range(0, 23).Select(static value => (long)value), seen.Order());
        Assert.NotEqual(seen.Order(), seen);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AStreamThatKnowsItsPlaces_IsNotReadUpToThere(int world)
    {
        var options = new DataLoaderOptions { BatchSize = 4, World = world, Workers = 2 };
        using var reference = new DataLoader(new CountingStream(50), options);
        string[] expected = [.. reference.Batches().Select(Show)];
        var data = new SeekingStream(50);
        using var loader = new DataLoader(data, options);
        Assert.Equal(expected[4..], loader.Batches(0, 4).Select(Show));
        Assert.Equal(12 * world, data.First);
        Assert.Empty(loader.Batches(0, expected.Length));
        Assert.Throws<DataLoadException>(() => loader.Batches(0, expected.Length + 1).Count());
    }

    [Fact]
    public void AStreamWhoseLastRecordsAreLeftOut_SaysWhichBatchIsTheLast()
    {
        using var loader = new DataLoader(new CountingStream(11), new DataLoaderOptions { BatchSize = 4, DropLast = true, Workers = 1 });
        Assert.Equal([false, true, false, true], loader.Batches(epochs: 2).Select(static batch => batch.IsLastOfEpoch));
        using var empty = new DataLoader(new CountingStream(3), new DataLoaderOptions { BatchSize = 4, DropLast = true });
        Assert.Contains("no whole batch in epoch 0", Assert.Throws<DataLoadException>(() => empty.Batches().Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AStream_IsSharedEquallyByProcesses()
    {
        long[][] shares = [.. Enumerable.Range(0, 3).Select(static rank =>
        {
            using var loader = new DataLoader(new CountingStream(11), new DataLoaderOptions { BatchSize = 2, Rank = rank, World = 3 });
            return loader.Batches().SelectMany(static batch => batch.Target.data<long>().ToArray()).ToArray();
        })];
        Assert.Equal(["0,3,6", "1,4,7", "2,5,8"], shares.Select(static share => string.Join(",", share)));
    }

    [Fact]
    public void AStreamThatBreaks_IsReportedAndClosed()
    {
        var data = new CountingStream(23, failsAt: 9);
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 4, Workers = 2 });
        Assert.Contains("the file ends in record 9", Assert.Throws<DataLoadException>(() => loader.Batches().Count()).Message, StringComparison.Ordinal);
        Assert.Equal(data.Opened, data.Closed);
        Assert.Contains("Epoch 0 of the stream ends before batch 8", Assert.Throws<DataLoadException>(() =>
        {
            using var whole = new DataLoader(new CountingStream(23), new DataLoaderOptions { BatchSize = 4 });
            whole.Batches(0, 9).Count();
        }).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new DataLoader(data, new DataLoaderOptions { Sampler = new SequentialSampler(3) }));
    }

    [Fact]
    public void SettingsThatExcludeEachOther_AreRefused()
    {
        var data = new CountingDataset(4);
        Assert.Throws<ArgumentException>(() => new DataLoader(data, new DataLoaderOptions { Sampler = new SequentialSampler(4), Shuffle = true }));
        Assert.Throws<ArgumentException>(() => new DataLoader(data, new DataLoaderOptions { BatchSampler = new FixedBatchSampler(new SequentialSampler(4), 2), DropLast = true }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(data, new DataLoaderOptions { BatchSize = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(data, new DataLoaderOptions { Rank = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(data, new DataLoaderOptions { Prefetch = 0 }));
    }

    private static string Shown(Dataset data, DataLoaderOptions options)
    {
        using var loader = new DataLoader(data, options);
        return string.Join("\n", loader.Batches(epochs: 2).Select(Show));
    }

    private static string Show(ModelGen.Data.Batch batch) =>
        $"{batch.Epoch}/{batch.Index}: {string.Join(" ", batch.Inputs[0].data<float>())} -> {string.Join(" ", batch.Target.data<long>())}";

    private static unsafe nint Address(Tensor tensor) => (nint)Unsafe.AsPointer(ref tensor.bytes[0]);

    private static void InterlockedMax(ref int place, int value)
    {
        for (int seen = Volatile.Read(ref place); value > seen; seen = Volatile.Read(ref place))
        {
            Interlocked.CompareExchange(ref place, value, seen);
        }
    }

    private sealed class BrokenSampler : Sampler
    {
        public override int Count => 3;

        public override int[] Order(int epoch) => throw new InvalidOperationException("no order");
    }

    private sealed class BrokenTransform : BatchTransform
    {
        public override void Apply(BatchMemory batch, RandomStream random) => throw new InvalidOperationException("no transform");
    }
}
