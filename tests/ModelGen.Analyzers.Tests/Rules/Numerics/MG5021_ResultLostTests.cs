using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5021_ResultLost,
    ModelGen.CodeFixes.Rules.Numerics.MG5021_ResultLostFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5021_ResultLostTests
{
    [Fact]
    public Task Reports_AMoveOfATensor() => Rule.Verify("""
        class C
        {
            Tensor M(Module<Tensor, Tensor> model, Tensor x, Device device)
            {
                model.to(device);
                [|x.to(device)|];
                return model.forward(x);
            }

            Tensor N(Tensor x)
            {
                [|x.cuda()|];
                return x * 2;
            }
        }
        """);

    [Fact]
    public Task Reports_AConversionOfAFieldAndOfAnElement() => Rule.Verify("""
        class C
        {
            private Tensor _mask = torch.ones(3);

            void M(Dictionary<string, Tensor> batch, Tensor[] parts)
            {
                [|_mask.@bool()|];
                [|this._mask.to(ScalarType.Float32)|];
                [|batch["x"].to(CPU)|];
                [|parts[0].to_type(ScalarType.Int64)|];
            }
        }
        """);

    [Fact]
    public Task Reports_OperationsWithAnInPlaceTwin() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, Tensor mask)
            {
                [|x.masked_fill(mask, 0)|];
                [|x.add(1)|];
                [|torch.clamp(x, 0, 1)|];
                return x;
            }
        }
        """);

    [Fact]
    public Task Reports_AViewInALoop() => Rule.Verify("""
        class C
        {
            async Task M(Linear model, IEnumerable<Tensor> data)
            {
                foreach (var image in data)
                {
                    await Task.Yield();
                    [|image.reshape(-1, 784)|];
                    [|image.unsqueeze(0)|];
                    model.forward(image);
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_ModulesAndInPlaceOperations() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, Linear layer, Tensor x, Device device)
            {
                model.to(device);
                layer.cuda();
                layer.half();
                x.add_(1);
                x.requires_grad_();
                x.copy_(x);
                x.DetachFromDisposeScope();
                functional.relu(x, inplace: true);
                x.backward();
            }
        }
        """);

    [Fact]
    public Task Ignores_UsedAndDiscardedResults() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, Device device)
            {
                x = x.to(device);
                _ = x.add(1);
                Use(x.reshape(-1));
                x.add(1).Dispose();
                return x;
            }

            void Use(Tensor x) { }
        }
        """);

    [Fact]
    public Task Ignores_TimingsAndTrials() => Rule.Verify("""
        class C
        {
            double Time(Tensor x)
            {
                var watch = System.Diagnostics.Stopwatch.StartNew();
                x.add(1);
                x.add(2);
                return watch.Elapsed.TotalSeconds;
            }

            bool Fits(Tensor x)
            {
                try { x.view(2, 2); return x.dim() > 1; } catch (Exception) { return false; }
            }

            void Throws(Action<Action> check, Tensor x)
            {
                check(() => x.view(2, 2));
                check(() => { x.view(3, 2); });
                check(() => x.add(1));
                Use(x);
            }

            void Expression(Tensor x) => x.add(1);

            void Use(Tensor x) { }
        }
        """);

    [Fact]
    public Task Ignores_VariablesThatAreNotReadAgain() => Rule.Verify("class C { void M(Tensor x) { Console.WriteLine(x); x.exp(); } void N(Tensor x) { x.sum(); Console.WriteLine(x); } }");

    [Fact]
    public Task Fixes_ByAssigning() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Device device) { /* move */ [|x.to(device)|]; return x; } }",
        "class C { Tensor M(Tensor x, Device device) { /* move */ x = x.to(device); return x; } }");

    [Fact]
    public Task FixesAll_LocalsAndFields() => Rule.VerifyFix(
        """
        class C
        {
            private Tensor _mask = torch.ones(3);

            Tensor M(Tensor x)
            {
                var y = x * 2;
                [|y.clamp(0, 1)|];
                [|y.reshape(-1, 3)|];
                [|this._mask.@bool()|];
                return y * _mask;
            }
        }
        """,
        """
        class C
        {
            private Tensor _mask = torch.ones(3);

            Tensor M(Tensor x)
            {
                var y = x * 2;
                y = y.clamp(0, 1);
                y = y.reshape(-1, 3);
                this._mask = this._mask.@bool();
                return y * _mask;
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_WhereNothingCanBeAssigned() => Rule.VerifyNoFix("""
        class C
        {
            private readonly Tensor _mask = torch.ones(3);

            void M(IEnumerable<Tensor> data, Linear layer)
            {
                [|_mask.@bool()|];
                [|layer.weight.to(CPU)|];
                using var y = torch.ones(2);
                [|y.add(1)|];
                foreach (var x in data)
                {
                    [|x.add(y)|];
                    Console.WriteLine(x);
                }
            }
        }
        """);
}
