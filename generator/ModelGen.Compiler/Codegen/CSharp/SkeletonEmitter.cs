using ModelGen.Compiler.Layers;
using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the part of a model that every model has: base class, constructor, layer modules, the bodies of the layer members.</summary>
internal static class SkeletonEmitter
{
    public static string Write(ModelSpec spec)
    {
        IndentedWriter writer = ModelEmitter.Begin();
        string arguments = string.Join(", ", spec.Inputs.Select(static _ => "global::TorchSharp.torch.Tensor"));
        string bases = $" : global::ModelGen.CompiledModule<{arguments}, {ModelEmitter.Result(spec)}>, global::ModelGen.IBuildable{(spec.IsRoot ? ", global::ModelGen.ICompiledModel" : "")}{InitializationEmitter.Interface(spec)}";
        ModelEmitter.InClass(writer, spec, bases, () =>
        {
            writer.Line("private readonly __Layers __layers = new();");
            WriteConstructor(writer, spec);
            WriteForward(writer, spec);
            WriteLayers(writer, spec);
            WriteBuild(writer, spec);
            InitializationEmitter.Write(writer, spec);
            using (writer.Braces("private sealed class __Layers"))
            {
                foreach (LayerSpec layer in spec.Layers)
                {
                    writer.Line($"public {LayerRegistry.Find(layer.Layer)!.ModuleType}? {layer.Member};");
                }
            }
        });
        return writer.ToString();
    }

    private static void WriteConstructor(IndentedWriter writer, ModelSpec spec)
    {
        if (!spec.DeclaresConstructor)
        {
            return;
        }

        writer.Line();
        writer.Line(spec.IsRoot
            ? "/// <summary>Creates the model with freshly initialised parameters.</summary>"
            : "/// <summary>Creates the block; its layers get their sizes from the model that holds it.</summary>");
        using (writer.Braces($"public {ModelEmitter.Identifier(spec.Name)}()\n    : base(nameof({ModelEmitter.Identifier(spec.Name)}))".Replace("\n    ", "\n    ")))
        {
            if (spec.IsRoot)
            {
                writer.Line("// Sizes that the build inferred from the input shape, by state-dict path.");
                using (writer.Braces("var sizes = new global::ModelGen.LayerSizes", "};"))
                {
                    foreach (LayerSizes layer in spec.Sizes)
                    {
                        writer.Line($"{{ \"{layer.Path}\", [{string.Join(", ", layer.Sizes.Select(Invariant.Text))}] }},");
                    }
                }

                writer.Line("((global::ModelGen.IBuildable)this).Build(sizes, \"\");");
                if (spec.IsInitialized)
                {
                    writer.Line("global::ModelGen.Initializers.Initialize(this);");
                }
            }
        }
    }

    private static void WriteForward(IndentedWriter writer, ModelSpec spec)
    {
        writer.Line();
        writer.Line("/// <summary>The eager reference: runs <c>Forward</c> as it is written, with TorchSharp's operators and autograd.</summary>");
        using (writer.Braces($"public override {ModelEmitter.Result(spec)} forward({ModelEmitter.Parameters(spec)})"))
        {
            writer.Line("using global::TorchSharp.DisposeScope scope = global::TorchSharp.torch.NewDisposeScope();");
            writer.Line(spec.Outputs == 1
                ? $"return Forward({ModelEmitter.Arguments(spec)}).MoveToOuterDisposeScope();"
                : $"var results = Forward({ModelEmitter.Arguments(spec)});");
            if (spec.Outputs > 1)
            {
                writer.Line($"return ({string.Join(", ", Enumerable.Range(1, spec.Outputs).Select(static item => $"results.Item{Invariant.Text(item)}.MoveToOuterDisposeScope()"))});");
            }
        }
    }

    private static void WriteLayers(IndentedWriter writer, ModelSpec spec)
    {
        Dictionary<string, LayerRow> rows = [];
        if (spec.Graph is not null)
        {
            foreach (LayerRow row in LayerTable.Rows(spec, spec.Layers.ToDictionary(static layer => layer.Key, static layer => layer.Layer)))
            {
                if (row.Path.Length > 0 && !rows.ContainsKey(row.Path))
                {
                    rows.Add(row.Path, row);
                }
            }
        }

        foreach (LayerSpec layer in spec.Layers)
        {
            LayerDefinition definition = LayerRegistry.Find(layer.Layer)!;
            string summary = rows.TryGetValue(layer.Key, out LayerRow row) ? ModelEmitter.Describe(row)
                : layer.Layer == "Parameter" && spec.Graph is not null ? "Parameter " + ParameterShape(spec, layer.Key)
                : layer.Layer + (spec.IsRoot ? ", never called" : ", sized by the model that holds this block");
            writer.Line();
            writer.Line($"/// <summary>{summary.Replace("->", "-&gt;")}</summary>");
            string call = definition.Call($"global::ModelGen.LayerSizes.Built(__layers.{layer.Member}, this, \"{layer.Member}\")", layer.Parameters, Argument(layer));
            writer.Line(layer.IsProperty ? $"{layer.Declaration} => {call};" : $"{layer.Declaration}\n    => {call};");
        }
    }

    private static string ParameterShape(ModelSpec spec, string key) =>
        spec.Graph!.Values.FirstOrDefault(value => value.Name == key)?.Type.ShapeText() ?? "that is never read";

    private static void WriteBuild(IndentedWriter writer, ModelSpec spec)
    {
        writer.Line();
        using (writer.Braces("void global::ModelGen.IBuildable.Build(global::ModelGen.LayerSizes sizes, string path)"))
        {
            foreach (LayerSpec layer in spec.Layers)
            {
                LayerDefinition definition = LayerRegistry.Find(layer.Layer)!;
                int count = definition.InferredSizes(name => long.TryParse(Argument(layer)(name), out long number) ? number : null);
                string inferredName = char.ToLowerInvariant(layer.Member[0]) + layer.Member.Substring(1) + "Sizes";
                string[] inferred = [.. Enumerable.Range(0, count).Select(index => $"{inferredName}[{Invariant.Text(index)}]")];
                using (writer.Braces($"if (sizes.TryGet(path + \"{layer.Key}\", out {(count > 0 ? "long[] " + inferredName : "_")}))"))
                {
                    writer.Line($"__layers.{layer.Member} = {definition.Construct(Argument(layer), inferred)};");
                    writer.Line(layer.Layer == "Parameter"
                        ? $"register_parameter(\"{layer.Key}\", __layers.{layer.Member});"
                        : $"register_module(\"{layer.Key}\", __layers.{layer.Member});");
                }
            }

            foreach (SubModelSpec sub in spec.SubModels)
            {
                writer.Line(sub.IsList
                    ? $"register_module(\"{sub.Key}\", global::ModelGen.LayerSizes.BuildAll({sub.Field}, sizes, path + \"{sub.Key}.\"));"
                    : $"register_module(\"{sub.Key}\", global::ModelGen.LayerSizes.Build({sub.Field}, sizes, path + \"{sub.Key}.\"));");
            }
        }

        writer.Line();
    }

    private static Func<string, string> Argument(LayerSpec layer) => name =>
        layer.Arguments.Where(pair => pair.Key == name).Select(static pair => pair.Value).FirstOrDefault() ?? "null";
}
