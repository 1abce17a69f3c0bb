using ModelGen.Compiler.Models;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes how the parameters of a class are filled: what the class says, then its blocks, then its layers, so that what is closer to a parameter counts.</summary>
internal static class InitializationEmitter
{
    /// <summary>What the class's list of bases gets.</summary>
    public static string Interface(ModelSpec spec) => spec.IsInitialized ? ", global::ModelGen.IInitialized" : "";

    public static void Write(IndentedWriter writer, ModelSpec spec)
    {
        if (!spec.IsInitialized)
        {
            return;
        }

        using (writer.Braces("void global::ModelGen.IInitialized.Initialize()"))
        {
            foreach (InitializationSpec item in spec.Initializations.Where(static item => item.OfClass))
            {
                Fill(writer, item);
            }

            foreach (SubModelSpec sub in spec.SubModels.Where(static sub => sub.IsInitialized))
            {
                if (sub.IsList)
                {
                    using (writer.Braces($"foreach ({sub.Type} block in {sub.Field})"))
                    {
                        writer.Line("global::ModelGen.Initializers.Initialize(block);");
                    }
                }
                else
                {
                    writer.Line($"global::ModelGen.Initializers.Initialize({sub.Field});");
                }
            }

            foreach (InitializationSpec item in spec.Initializations.Where(static item => !item.OfClass))
            {
                Fill(writer, item);
            }
        }

        writer.Line();
    }

    private static void Fill(IndentedWriter writer, InitializationSpec item) =>
        writer.Line($"global::ModelGen.Initializers.{(item.MatricesOnly ? "InitializeMatrices" : "Initialize")}(this, {item.Pattern}, {item.Scheme});");
}
