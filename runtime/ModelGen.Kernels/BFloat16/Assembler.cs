using System.Buffers.Binary;

namespace ModelGen.Kernels;

/// <summary>General registers of the machine code here: those that a called function may change under both calling conventions, and the first argument of System V.</summary>
internal enum Register
{
    Rax = 0,
    Rcx = 1,
    Rdx = 2,
    Rdi = 7,
    R8 = 8,
    R9 = 9,
    R10 = 10,
    R11 = 11,
}

/// <summary>Writes x86-64 instructions, of the few forms that products of bfloat16 numbers need (Intel, "Software developer's manual", volume 2, chapter 2: the EVEX prefix).</summary>
internal sealed class Assembler
{
    private readonly List<byte> code = [];

    /// <summary>Bytes written so far; also the name of the place that comes next.</summary>
    public int Position => code.Count;

    /// <summary>What was written.</summary>
    public byte[] ToArray() => [.. code];

    /// <summary>Fills up to a multiple of 32 bytes with int3, so that loops of the next function begin at the same place of a line of the instruction cache.</summary>
    public void Align()
    {
        while (code.Count % 32 != 0)
        {
            code.Add(0xCC);
        }
    }

    /// <summary>mov target, source.</summary>
    public void Move(Register target, Register source) => Legacy(0x8B, (int)target, source);

    /// <summary>mov target, [address + offset].</summary>
    public void Load(Register target, Register address, int offset) => Legacy(0x8B, (int)target, address, offset);

    /// <summary>mov [address + offset], source.</summary>
    public void Store(Register address, int offset, Register source) => Legacy(0x89, (int)source, address, offset);

    /// <summary>add target, [address + offset].</summary>
    public void Add(Register target, Register address, int offset) => Legacy(0x03, (int)target, address, offset);

    /// <summary>add target, source.</summary>
    public void Add(Register target, Register source) => Legacy(0x03, (int)target, source);

    /// <summary>sub target, [address + offset].</summary>
    public void Subtract(Register target, Register address, int offset) => Legacy(0x2B, (int)target, address, offset);

    /// <summary>cmp left, [address + offset].</summary>
    public void Compare(Register left, Register address, int offset) => Legacy(0x3B, (int)left, address, offset);

    /// <summary>dec qword ptr [address + offset].</summary>
    public void Decrement(Register address, int offset) => Legacy(0xFF, 1, address, offset);

    /// <summary>cmp qword ptr [address + offset], 0.</summary>
    public void CompareZero(Register address, int offset)
    {
        Legacy(0x83, 7, address, offset);
        code.Add(0);
    }

    /// <summary>add target, value.</summary>
    public void Add(Register target, int value)
    {
        Legacy(0x81, 0, target);
        Int32(value);
    }

    /// <summary>lea target, [address + index * scale].</summary>
    public void Address(Register target, Register address, Register index, int scale)
    {
        code.Add((byte)(0x48 | Bit((int)target, 4) | Bit((int)index, 2) | Bit((int)address, 1)));
        code.Add(0x8D);
        Indexed((int)target, address, index, scale);
    }

    /// <summary>A jump when the last comparison or decrement gave zero or not, to a place that was passed.</summary>
    public void JumpBack(bool zero, int place)
    {
        Jump(zero);
        Int32(place - (code.Count + 4));
    }

    /// <summary>A jump to a place that follows; <see cref="Land"/> names it.</summary>
    public int JumpAhead(bool zero)
    {
        Jump(zero);
        Int32(0);
        return code.Count;
    }

    /// <summary>The place to which a jump goes.</summary>
    /// <param name="jump">What <see cref="JumpAhead"/> returned.</param>
    public void Land(int jump)
    {
        Span<byte> distance = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(distance, code.Count - jump);
        for (int i = 0; i < 4; i++)
        {
            code[jump - 4 + i] = distance[i];
        }
    }

    /// <summary>ret, and vzeroupper before it: code with the older vector instructions would be slow otherwise.</summary>
    public void Return() => code.AddRange([0xC5, 0xF8, 0x77, 0xC3]);

    /// <summary>vpxord zmm, zmm, zmm: zero.</summary>
    public void Clear(int target) => Vector(Map.F, Prefix.X66, 0xEF, target, target, target);

    /// <summary>vmovups zmm, [address + offset].</summary>
    public void LoadVector(int target, Register address, int offset) => Vector(Map.F, Prefix.None, 0x10, target, 0, address, offset);

    /// <summary>vmovups [address + offset], zmm.</summary>
    public void StoreVector(Register address, int offset, int source) => Vector(Map.F, Prefix.None, 0x11, source, 0, address, offset);

    /// <summary>vmovups xmm, [address + offset].</summary>
    public void LoadQuarter(int target, Register address, int offset) => Vector(Map.F, Prefix.None, 0x10, target, 0, address, offset, length: 0);

    /// <summary>vmovups [address + offset], xmm.</summary>
    public void StoreQuarter(Register address, int offset, int source) => Vector(Map.F, Prefix.None, 0x11, source, 0, address, offset, length: 0);

    /// <summary>vpbroadcastd zmm, [address].</summary>
    public void Broadcast(int target, Register address) => Vector(Map.F38, Prefix.X66, 0x58, target, 0, address, 0);

    /// <summary>vpbroadcastd zmm, [address + index * scale].</summary>
    public void Broadcast(int target, Register address, Register index, int scale)
    {
        Evex(Map.F38, Prefix.X66, target, 0, Bit((int)index, 1) != 0, Bit((int)address, 1) != 0, 2);
        code.Add(0x58);
        Indexed(target & 7, address, index, scale);
    }

    /// <summary>vdpbf16ps zmm, zmm, zmm: each lane of the target gets the products of two pairs of bfloat16 numbers added.</summary>
    public void MultiplyPairs(int target, int left, int right) => Vector(Map.F38, Prefix.F3, 0x52, target, left, right);

    /// <summary>vaddps zmm, zmm, [address + offset].</summary>
    public void AddVector(int target, int left, Register address, int offset) => Vector(Map.F, Prefix.None, 0x58, target, left, address, offset);

    /// <summary>vcvtne2ps2bf16 zmm, high, [address + offset]: numbers of memory rounded into the lower half, those of the register into the upper.</summary>
    public void Round(int target, int high, Register address, int offset) => Vector(Map.F38, Prefix.F2, 0x72, target, high, address, offset);

    /// <summary>vpermw zmm, places, zmm: takes 16-bit words from where the places say.</summary>
    public void Permute(int target, int places, int source) => Vector(Map.F38, Prefix.X66, 0x8D, target, places, source, wide: true);

    private static int Bit(int register, int value) => (register & 8) != 0 ? value : 0;

    private void Jump(bool zero) => code.AddRange([0x0F, (byte)(zero ? 0x84 : 0x85)]);

    private void Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        code.AddRange(bytes);
    }

    /// <summary>REX prefix, operation and two registers.</summary>
    private void Legacy(byte operation, int reg, Register rm)
    {
        code.Add((byte)(0x48 | Bit(reg, 4) | Bit((int)rm, 1)));
        code.Add(operation);
        code.Add((byte)(0xC0 | ((reg & 7) << 3) | ((int)rm & 7)));
    }

    /// <summary>REX prefix, operation, a register and memory.</summary>
    private void Legacy(byte operation, int reg, Register address, int offset)
    {
        code.Add((byte)(0x48 | Bit(reg, 4) | Bit((int)address, 1)));
        code.Add(operation);
        Offset(reg & 7, address, offset);
    }

    /// <summary>Memory with an offset of 32 bits. None of the registers here needs the byte that stack pointers need.</summary>
    private void Offset(int reg, Register address, int offset)
    {
        code.Add((byte)(0x80 | (reg << 3) | ((int)address & 7)));
        Int32(offset);
    }

    private void Indexed(int reg, Register address, Register index, int scale)
    {
        int shift = scale switch { 1 => 0, 2 => 1, 4 => 2, _ => 3 };
        code.Add((byte)(((reg & 7) << 3) | 4));
        code.Add((byte)((shift << 6) | (((int)index & 7) << 3) | ((int)address & 7)));
    }

    private void Vector(Map map, Prefix prefix, byte operation, int reg, int second, int rm, bool wide = false)
    {
        Evex(map, prefix, reg, second, (rm & 16) != 0, (rm & 8) != 0, 2, wide);
        code.Add(operation);
        code.Add((byte)(0xC0 | ((reg & 7) << 3) | (rm & 7)));
    }

    private void Vector(Map map, Prefix prefix, byte operation, int reg, int second, Register address, int offset, int length = 2)
    {
        Evex(map, prefix, reg, second, false, Bit((int)address, 1) != 0, length);
        code.Add(operation);
        Offset(reg & 7, address, offset);
    }

    /// <summary>The prefix: upper bits of the registers (inverted), kind of operation, width.</summary>
    private void Evex(Map map, Prefix prefix, int reg, int second, bool x, bool b, int length, bool wide = false)
    {
        code.Add(0x62);
        code.Add((byte)(((reg & 8) == 0 ? 0x80 : 0) | (x ? 0 : 0x40) | (b ? 0 : 0x20) | ((reg & 16) == 0 ? 0x10 : 0) | (int)map));
        code.Add((byte)((wide ? 0x80 : 0) | ((~second & 15) << 3) | 4 | (int)prefix));
        code.Add((byte)((length << 5) | ((second & 16) == 0 ? 8 : 0)));
    }

    private enum Map
    {
        F = 1,
        F38 = 2,
    }

    private enum Prefix
    {
        None = 0,
        X66 = 1,
        F3 = 2,
        F2 = 3,
    }
}
