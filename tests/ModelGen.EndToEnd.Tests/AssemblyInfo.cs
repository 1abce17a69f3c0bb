// Seeds are set on torch's one generator, so tests must not draw from it at the same time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
