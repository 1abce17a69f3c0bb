namespace ModelGen.Onnx.Tests;

/// <summary>Random graphs of operators on [2, 4, 6], with constants, no-ops, equal nodes, batch norms and dead ends among them.</summary>
internal static class RandomGraph
{
    private static readonly long[] Shape = [2, 4, 6];

    public static OnnxModel Make(int seed)
    {
        var random = new Random(seed);
        var g = new OnnxGraphBuilder("random" + seed);
        g.Input("x", OnnxType.Float, Shape);
        List<string> values = ["x"];
        List<string> constants = [];
        for (int i = 0; i < 3; i++)
        {
            constants.Add(g.Constant("c" + i, [6], Graphs.Random(6, random.Next(3))));
        }

        constants.Add(g.Constant("zero", [6], new float[6]));
        constants.Add(g.Constant("one", [6], [1f, 1, 1, 1, 1, 1]));
        g.Initializer<long>("shape", [3], Shape);
        g.Initializer<long>("flat", [2], [8, 6]);
        int count = 12 + random.Next(12);
        for (int i = 0; i < count; i++)
        {
            string name = "v" + i;
            string value = values[random.Next(values.Count)];
            string other = values[random.Next(values.Count)];
            string constant = constants[random.Next(constants.Count)];
            switch (random.Next(11))
            {
                case 0:
                    Add("Add", value, constant);
                    break;
                case 1:
                    Add("Mul", constant, value);
                    break;
                case 2:
                    Add("Sub", value, other);
                    break;
                case 3:
                    Add("Identity", value);
                    break;
                case 4:
                    Add("Tanh", value);
                    break;
                case 5:
                    Add("Sigmoid", value);
                    break;
                case 6:
                    string turned = name + "t";
                    g.Node("Transpose", "/" + turned, [value], [(turned, OnnxType.Float, [6, 2, 4])], OnnxAttribute.Ints("perm", 2, 0, 1));
                    g.Node("Transpose", "/" + name, [turned], [(name, OnnxType.Float, Shape)], OnnxAttribute.Ints("perm", 1, 2, 0));
                    values.Add(name);
                    break;
                case 7:
                    g.Node("Reshape", "/" + name + "f", [value, "flat"], [(name + "f", OnnxType.Float, [8, 6])]);
                    g.Node("Reshape", "/" + name, [name + "f", "shape"], [(name, OnnxType.Float, Shape)]);
                    values.Add(name);
                    break;
                case 8:
                    string second = constants[random.Next(constants.Count)];
                    g.Node(random.Next(2) == 0 ? "Add" : "Mul", "/" + name, [constant, second], [(name, OnnxType.Float, [6])]);
                    constants.Add(name);
                    break;
                case 9:
                    Convolution(name, value, random);
                    break;
                default:
                    Add("Relu", value);
                    break;
            }

            void Add(string op, params string[] inputs)
            {
                g.Node(op, "/" + name, inputs, [(name, OnnxType.Float, Shape)]);
                values.Add(name);
            }
        }

        string[] outputs = [.. values.Where(static value => value != "x").OrderBy(_ => random.Next()).Take(2)];
        foreach (string output in outputs.Length > 0 ? outputs : [values[^1]])
        {
            if (output == "x")
            {
                g.Node("Relu", "/y", ["x"], [("y", OnnxType.Float, Shape)]);
                g.Output("y", OnnxType.Float, Shape);
                break;
            }

            g.Output(output, OnnxType.Float, Shape);
        }

        return g.Build();

        void Convolution(string name, string value, Random source)
        {
            g.Initializer<float>(name + ".w", [4, 4, 3], Graphs.Random(48, source.Next(), 0.4f));
            g.Node("Conv", "/" + name + "c", [value, name + ".w"], [(name + "c", OnnxType.Float, Shape)], OnnxAttribute.Ints("pads", 1, 1));
            foreach (string part in (string[])["scale", "shift", "mean"])
            {
                g.Initializer<float>(name + "." + part, [4], Graphs.Random(4, source.Next()));
            }

            g.Initializer<float>(name + ".variance", [4], [1, 2, 3, 4]);
            g.Node("BatchNormalization", "/" + name, [name + "c", name + ".scale", name + ".shift", name + ".mean", name + ".variance"], [(name, OnnxType.Float, Shape)]);
            values.Add(name);
        }
    }
}
