using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.Analyzers.Tests.Corpus.Programs;

/// <summary>A sequence model with attention, and a policy gradient agent that plays with it, with the mistakes that such programs have.</summary>
internal sealed class PolicyNet : Module<Tensor, Tensor>
{
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly LSTM memory;
    private Linear? actions;

    public PolicyNet(long features, long hidden)
        : base(nameof(PolicyNet))
    {
        query = Linear(features, hidden);
        key = Linear(features, hidden);
        value = Linear(features, hidden);
        memory = LSTM(hidden, hidden, batchFirst: true);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        actions ??= Linear(x.size(2), 4); // MG4007
        Tensor q = query.forward(x);
        Tensor k = key.forward(x);
        Tensor weights = (q.matmul(k.transpose(1, 2)) / Math.Sqrt(q.size(2))).exp();
        weights = weights / weights.sum(-1, true);
        (Tensor output, _, _) = memory.forward(weights.matmul(value.forward(x)));
        return actions.forward(output.sum(0)); // MG5011
    }
}

internal static class PolicyGradient
{
    private const double Discount = 0.99;

    public static void Play(PolicyNet policy, Func<int, (float Reward, Tensor Next, bool Done)> act, Tensor start)
    {
        policy.train();
        for (int episode = 0; episode < 500; episode++)
        {
            var optimizer = optim.Adam(policy.parameters(), 1e-2); // MG3010
            var logProbabilities = new List<Tensor>();
            var rewards = new List<float>();
            Tensor state = start;
            for (bool done = false; !done;)
            {
                Tensor probabilities = functional.softmax(policy.forward(state), -1);
                int action = (int)probabilities.multinomial(1).ToInt64();
                logProbabilities.Add(probabilities.log()[.., action]); // MG5008
                (float reward, state, done) = act(action);
                rewards.Add(reward);
            }

            Tensor returns = Returns(rewards);
            Tensor loss = -(torch.stack(logProbabilities) * returns).sum();
            loss.backward();
            optimizer.zero_grad();
            optimizer.step(); // MG3003
        }
    }

    private static Tensor Returns(List<float> rewards)
    {
        var returns = new float[rewards.Count];
        double total = 0;
        for (int i = rewards.Count - 1; i >= 0; i--)
        {
            total = rewards[i] + Discount * total;
            returns[i] = (float)total;
        }

        Tensor tensor = torch.tensor(returns);
        return (tensor - tensor.mean()) / (tensor.std() + 1e-8);
    }

    public static void Explain(PolicyNet policy, Tensor state)
    {
        policy.register_forward_hook((module, input, output) =>
        {
            Console.WriteLine(string.Join("x", output.shape));
            return output;
        });
        policy.forward(state); // MG4010
    }
}
