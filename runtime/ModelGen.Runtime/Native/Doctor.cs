using ModelGen.Native;

namespace ModelGen;

/// <summary>Looks at what TorchSharp needs from this machine to load, and says what is missing and the one thing to do about it.</summary>
public static class Doctor
{
    /// <summary>Examines this machine and process. Loads no library and changes nothing; print the result to read it.</summary>
    /// <returns>The facts, the finding and the recommended action.</returns>
    public static DoctorReport Examine() => Examination.Of(new ThisMachine());
}
