using System.Runtime.Intrinsics.X86;
using Xunit.Abstractions;

namespace ModelGen.Kernels.Tests;

/// <summary>The machine code of bfloat16 products: its bytes, and whether it runs here.</summary>
public sealed class BFloat16CodeTests(ITestOutputHelper output)
{
    /// <summary>Each form of instruction with its bytes, which objdump reads as the text beside them.</summary>
    private static readonly (Action<Assembler> Write, string Bytes, string Text)[] Forms =
    [
        (static code => code.Move(Register.R11, Register.Rcx), "4C 8B D9", "mov r11,rcx"),
        (static code => code.Move(Register.R11, Register.Rdi), "4C 8B DF", "mov r11,rdi"),
        (static code => code.Load(Register.Rax, Register.R11, 72), "49 8B 83 48 00 00 00", "mov rax,QWORD PTR [r11+0x48]"),
        (static code => code.Load(Register.R10, Register.R11, 0), "4D 8B 93 00 00 00 00", "mov r10,QWORD PTR [r11+0x0]"),
        (static code => code.Store(Register.R11, 104, Register.Rcx), "49 89 8B 68 00 00 00", "mov QWORD PTR [r11+0x68],rcx"),
        (static code => code.Add(Register.R8, Register.R11, 24), "4D 03 83 18 00 00 00", "add r8,QWORD PTR [r11+0x18]"),
        (static code => code.Add(Register.Rcx, Register.R10), "49 03 CA", "add rcx,r10"),
        (static code => code.Add(Register.Rdx, 128), "48 81 C2 80 00 00 00", "add rdx,0x80"),
        (static code => code.Add(Register.R10, 128), "49 81 C2 80 00 00 00", "add r10,0x80"),
        (static code => code.Compare(Register.R10, Register.R11, 104), "4D 3B 93 68 00 00 00", "cmp r10,QWORD PTR [r11+0x68]"),
        (static code => code.CompareZero(Register.R11, 96), "49 83 BB 60 00 00 00 00", "cmp QWORD PTR [r11+0x60],0x0"),
        (static code => code.Decrement(Register.R11, 32), "49 FF 8B 20 00 00 00", "dec QWORD PTR [r11+0x20]"),
        (static code => code.Address(Register.R8, Register.Rdx, Register.Rdx, 2), "4C 8D 04 52", "lea r8,[rdx+rdx*2]"),
        (static code => code.Address(Register.R9, Register.Rdx, Register.Rdx, 4), "4C 8D 0C 92", "lea r9,[rdx+rdx*4]"),
        (static code => code.Address(Register.Rcx, Register.R10, Register.R8, 2), "4B 8D 0C 42", "lea rcx,[r10+r8*2]"),
        (static code => code.JumpBack(false, 0), "0F 85 FA FF FF FF", "jne to the jump itself"),
        (static code => code.Land(code.JumpAhead(true)), "0F 84 00 00 00 00", "je to what follows"),
        (static code => code.Return(), "C5 F8 77 C3", "vzeroupper; ret"),
        (static code => code.Clear(16), "62 A1 7D 40 EF C0", "vpxord zmm16,zmm16,zmm16"),
        (static code => code.Clear(31), "62 01 05 40 EF FF", "vpxord zmm31,zmm31,zmm31"),
        (static code => code.Clear(3), "62 F1 65 48 EF DB", "vpxord zmm3,zmm3,zmm3"),
        (static code => code.LoadVector(8, Register.Rax, 0), "62 71 7C 48 10 80 00 00 00 00", "vmovups zmm8,ZMMWORD PTR [rax+0x0]"),
        (static code => code.LoadVector(17, Register.Rax, 0), "62 E1 7C 48 10 88 00 00 00 00", "vmovups zmm17,ZMMWORD PTR [rax+0x0]"),
        (static code => code.LoadVector(18, Register.Rcx, 256), "62 E1 7C 48 10 91 00 01 00 00", "vmovups zmm18,ZMMWORD PTR [rcx+0x100]"),
        (static code => code.StoreVector(Register.R8, 64, 21), "62 C1 7C 48 11 A8 40 00 00 00", "vmovups ZMMWORD PTR [r8+0x40],zmm21"),
        (static code => code.StoreQuarter(Register.R11, 112, 6), "62 D1 7C 08 11 B3 70 00 00 00", "vmovups XMMWORD PTR [r11+0x70],xmm6"),
        (static code => code.StoreQuarter(Register.R11, 144, 8), "62 51 7C 08 11 83 90 00 00 00", "vmovups XMMWORD PTR [r11+0x90],xmm8"),
        (static code => code.LoadQuarter(6, Register.R11, 112), "62 D1 7C 08 10 B3 70 00 00 00", "vmovups xmm6,XMMWORD PTR [r11+0x70]"),
        (static code => code.Broadcast(10, Register.R10), "62 52 7D 48 58 92 00 00 00 00", "vpbroadcastd zmm10,DWORD PTR [r10+0x0]"),
        (static code => code.Broadcast(11, Register.R10, Register.Rdx, 1), "62 52 7D 48 58 1C 12", "vpbroadcastd zmm11,DWORD PTR [r10+rdx*1]"),
        (static code => code.Broadcast(10, Register.R10, Register.Rdx, 2), "62 52 7D 48 58 14 52", "vpbroadcastd zmm10,DWORD PTR [r10+rdx*2]"),
        (static code => code.Broadcast(9, Register.Rcx, Register.Rdx, 4), "62 72 7D 48 58 0C 91", "vpbroadcastd zmm9,DWORD PTR [rcx+rdx*4]"),
        (static code => code.Broadcast(26, Register.R10, Register.R9, 1), "62 02 7D 48 58 14 0A", "vpbroadcastd zmm26,DWORD PTR [r10+r9*1]"),
        (static code => code.MultiplyPairs(16, 10, 8), "62 C2 2E 48 52 C0", "vdpbf16ps zmm16,zmm10,zmm8"),
        (static code => code.MultiplyPairs(16, 26, 24), "62 82 2E 40 52 C0", "vdpbf16ps zmm16,zmm26,zmm24"),
        (static code => code.MultiplyPairs(2, 9, 7), "62 F2 36 48 52 D7", "vdpbf16ps zmm2,zmm9,zmm7"),
        (static code => code.AddVector(18, 18, Register.R10, 64), "62 C1 6C 40 58 92 40 00 00 00", "vaddps zmm18,zmm18,ZMMWORD PTR [r10+0x40]"),
        (static code => code.Round(18, 18, Register.Rax, 256), "62 E2 6F 40 72 90 00 01 00 00", "vcvtne2ps2bf16 zmm18,zmm18,ZMMWORD PTR [rax+0x100]"),
        (static code => code.Permute(19, 17, 19), "62 A2 F5 40 8D DB", "vpermw zmm19,zmm17,zmm19"),
    ];

    [Fact]
    public void EveryFormOfInstructionHasItsBytes()
    {
        foreach ((Action<Assembler> write, string bytes, string text) in Forms)
        {
            var code = new Assembler();
            write(code);
            Assert.True(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)).AsSpan().SequenceEqual(code.ToArray()), $"{text} is {Convert.ToHexString(code.ToArray())} instead of {bytes}");
        }
    }

    /// <summary>What a called function may change: on Windows registers 6 to 15 must be as before.</summary>
    [Fact]
    public void RegistersOfTheCallerAreKeptOnWindows()
    {
        for (int rows = 1; rows <= BFloat16Code.MostRows; rows++)
        {
            for (int vectors = 1; vectors <= 2; vectors++)
            {
                var windows = new Assembler();
                BFloat16Code.Tile(windows, true, rows, vectors);
                var other = new Assembler();
                BFloat16Code.Tile(other, false, rows, vectors);

                // Two instructions of ten bytes for each register beyond the 22 that are free.
                int used = (rows * vectors) + vectors + 2;
                Assert.Equal(other.Position + (20 * Math.Max(0, used - 22)), windows.Position);
            }
        }
    }

    [Fact]
    public void TheInstructionIsUsedWhereTheProcessorHasIt()
    {
        bool has = Avx512BW.IsSupported && Avx512F.VL.IsSupported && (X86Base.CpuId(7, 1).Eax & 32) != 0;
        output.WriteLine($"AVX512_BF16: {has}; used: {Hardware.MultipliesBFloat16}.");
        Assert.True(!Hardware.MultipliesBFloat16 || has);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(has, BFloat16Machine.IsSupported);
        }
    }

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NumbersAreRoundedToNearestEven(int bits) => Widths.Run(bits, new Rounding());

    [Fact]
    public unsafe void PairsAreRoundedToNearestEven()
    {
        if (!Hardware.MultipliesBFloat16)
        {
            return;
        }

        var random = new Random(3);
        foreach (int count in (int[])[1, 2, 15, 16, 17, 31, 32, 33, 64, 95, 100])
        {
            using var line = new TestMemory([.. Numbers(random, count)]);
            var pairs = new float[(count / 2) + 9];
            fixed (float* target = pairs)
            {
                PairPanel.Line(line.Floats, count, target);
                for (int i = 0; i < count; i++)
                {
                    float rounded = BitConverter.UInt32BitsToSingle((uint)((ushort*)target)[i] << 16);
                    Assert.Equal((float)BFloat16.Round(line[i]), float.IsSubnormal(line[i]) ? (float)BFloat16.Round(line[i]) : rounded);
                }

                Assert.Equal(0, count % 2 == 0 ? 0 : ((ushort*)target)[count]);
            }
        }
    }

    private static IEnumerable<float> Numbers(Random random, int count)
    {
        float[] special = [0, -0f, float.NaN, BitConverter.UInt32BitsToSingle(0x7FFFFFFF), BitConverter.UInt32BitsToSingle(0xFF800001), float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, 1 + (1f / 256), 1 + (3f / 256), -1 - (1f / 256)];
        for (int i = 0; i < count; i++)
        {
            yield return i % 3 == 0 ? special[random.Next(special.Length)] : BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32));
        }
    }

    private sealed class Rounding : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(4);
            for (int round = 0; round < 500; round++)
            {
                using var numbers = new TestMemory([.. Numbers(random, V.Count)]);
                using var rounded = new TestMemory(V.Count);
                rounded.Floats.Store(0, V.RoundToBFloat16(numbers.Floats.Load<V>(0)));
                for (int i = 0; i < V.Count; i++)
                {
                    Assert.Equal((float)BFloat16.Round(numbers[i]), rounded[i]);
                    Assert.Equal(0u, BitConverter.SingleToUInt32Bits(rounded[i]) & 0xFFFF);
                }
            }
        }
    }
}
