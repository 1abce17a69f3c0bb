namespace ModelGen.Kernels;

/// <summary>Machine code of products of bfloat16 numbers with vdpbf16ps, for which .NET has no intrinsic. A function gets the address of its arguments.</summary>
internal static class BFloat16Code
{
    /// <summary>Most rows of a tile.</summary>
    public const int MostRows = 12;

    /// <summary>Panels that are filled side by side.</summary>
    public const int SideBySide = 4;

    /// <summary>Registers in the order in which they are taken: those first that a caller on Windows does not want back.</summary>
    private static readonly int[] Order = [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// <summary>
    /// A tile of 1 to 12 rows and one or two vectors of columns. It uses no stack, so that whoever unwinds it sees a function without a frame, which both systems know.
    /// </summary>
    /// <param name="code">Receives the instructions.</param>
    /// <param name="windows">Calling convention of Windows, or of System V.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="vectors">Vectors of columns.</param>
    public static void Tile(Assembler code, bool windows, int rows, int vectors)
    {
        int next = 0;
        int[] sums = [.. Enumerable.Range(0, rows * vectors).Select(_ => Order[next++])];
        int[] columns = [.. Enumerable.Range(0, vectors).Select(_ => Order[next++])];
        int[] spread = [Order[next++], Order[next++]];
        int saved = windows ? Math.Max(0, next - 22) : 0;
        code.Move(Register.R11, windows ? Register.Rcx : Register.Rdi);
        for (int i = 0; i < saved; i++)
        {
            code.StoreQuarter(Register.R11, Field.Saved + (16 * i), 6 + i);
        }

        // Six rows are reached from an address by one, three and five times their distance, scaled by the processor.
        code.Load(Register.Rax, Register.R11, Field.Columns);
        code.Load(Register.Rdx, Register.R11, Field.Row);
        code.Address(Register.R8, Register.Rdx, Register.Rdx, 2);
        code.Address(Register.R9, Register.Rdx, Register.Rdx, 4);
        foreach (int sum in sums)
        {
            code.Clear(sum);
        }

        int line = code.Position;
        code.Load(Register.R10, Register.R11, Field.First);
        code.Load(Register.Rcx, Register.R11, Field.Run);
        code.Add(Register.Rcx, Register.R10);
        code.Store(Register.R11, Field.End, Register.Rcx);
        if (rows > 6)
        {
            code.Address(Register.Rcx, Register.R10, Register.R8, 2);
        }

        int pair = code.Position;
        for (int j = 0; j < vectors; j++)
        {
            code.LoadVector(columns[j], Register.Rax, 64 * j);
        }

        for (int i = 0; i < rows; i++)
        {
            Spread(code, spread[i % 2], i);
            for (int j = 0; j < vectors; j++)
            {
                code.MultiplyPairs(sums[(i * vectors) + j], spread[i % 2], columns[j]);
            }
        }

        code.Add(Register.R10, Register.R11, Field.Step);
        if (rows > 6)
        {
            code.Add(Register.Rcx, Register.R11, Field.Step);
        }

        code.Add(Register.Rax, 64 * vectors);
        code.Compare(Register.R10, Register.R11, Field.End);
        code.JumpBack(false, pair);
        NextLine(code, line);
        Finish(code, rows, vectors, sums);
        for (int i = 0; i < saved; i++)
        {
            code.LoadQuarter(6 + i, Register.R11, Field.Saved + (16 * i));
        }

        code.Return();
    }

    /// <summary>Rounds 32 numbers of a line at a time.</summary>
    public static void RoundLine(Assembler code, bool windows)
    {
        code.Move(Register.R11, windows ? Register.Rcx : Register.Rdi);
        code.Load(Register.Rax, Register.R11, RoundingField.Source);
        code.Load(Register.Rdx, Register.R11, RoundingField.Target);
        int loop = code.Position;
        code.LoadVector(16, Register.Rax, 64);
        code.Round(16, 16, Register.Rax, 0);
        code.StoreVector(Register.Rdx, 0, 16);
        code.Add(Register.Rax, 128);
        code.Add(Register.Rdx, 64);
        code.Compare(Register.Rdx, Register.R11, RoundingField.End);
        code.JumpBack(false, loop);
        code.Return();
    }

    /// <summary>Rounds two lines at a time into pairs of neighbours in a column, for one or four panels of 32 columns side by side.</summary>
    public static void RoundColumns(Assembler code, bool windows, int panels) => Interleave(code, windows, panels, vectors: 2, width: 128, down: true);

    /// <summary>As <see cref="RoundColumns"/>, for panels of 12. Sixteen are read and written: those past the panel are overwritten by the next line.</summary>
    public static void RoundRows(Assembler code, bool windows, int panels) => Interleave(code, windows, panels, vectors: 1, width: 4 * MostRows, down: true);

    /// <summary>Rounds two lines into one of pairs, 16 at a time.</summary>
    public static void Join(Assembler code, bool windows) => Interleave(code, windows, panels: 1, vectors: 1, width: 64, down: false);

    private static void Interleave(Assembler code, bool windows, int panels, int vectors, int width, bool down)
    {
        ReadOnlySpan<Register> targets = [Register.Rdx, Register.R8, Register.R9, Register.R10];
        code.Move(Register.R11, windows ? Register.Rcx : Register.Rdi);
        code.Load(Register.Rax, Register.R11, RoundingField.Places);
        code.LoadVector(17, Register.Rax, 0);
        code.Load(Register.Rax, Register.R11, RoundingField.Source);
        code.Load(Register.Rcx, Register.R11, RoundingField.Source);
        code.Add(Register.Rcx, Register.R11, RoundingField.Line);
        code.Load(targets[0], Register.R11, RoundingField.Target);
        for (int panel = 1; panel < panels; panel++)
        {
            code.Move(targets[panel], targets[panel - 1]);
            code.Add(targets[panel], Register.R11, RoundingField.Panel);
        }

        int loop = code.Position;
        for (int i = 0; i < vectors * panels; i++)
        {
            int pairs = 18 + (i % 4);
            int offset = (i / vectors * width) + (i % vectors * 64);
            code.LoadVector(pairs, Register.Rcx, offset);
            code.Round(pairs, pairs, Register.Rax, offset);
            code.Permute(pairs, 17, pairs);
            code.StoreVector(targets[i / vectors], i % vectors * 64, pairs);
        }

        foreach (Register source in (ReadOnlySpan<Register>)[Register.Rax, Register.Rcx])
        {
            if (down)
            {
                code.Add(source, Register.R11, RoundingField.Line);
                code.Add(source, Register.R11, RoundingField.Line);
            }
            else
            {
                code.Add(source, width);
            }
        }

        for (int panel = 0; panel < panels; panel++)
        {
            code.Add(targets[panel], width);
        }

        code.Compare(targets[0], Register.R11, RoundingField.End);
        code.JumpBack(false, loop);
        code.Return();
    }

    private static void Spread(Assembler code, int target, int row)
    {
        Register start = row < 6 ? Register.R10 : Register.Rcx;
        switch (row % 6)
        {
            case 0:
                code.Broadcast(target, start);
                break;
            case 3:
                code.Broadcast(target, start, Register.R8, 1);
                break;
            case 5:
                code.Broadcast(target, start, Register.R9, 1);
                break;
            default:
                code.Broadcast(target, start, Register.Rdx, row % 6);
                break;
        }
    }

    private static void NextLine(Assembler code, int line)
    {
        code.Load(Register.R10, Register.R11, Field.First);
        code.Add(Register.R10, Register.R11, Field.LineStep);
        code.Decrement(Register.R11, Field.Left);
        int inside = code.JumpAhead(false);
        code.Add(Register.R10, Register.R11, Field.GroupStep);
        code.Load(Register.Rcx, Register.R11, Field.Group);
        code.Store(Register.R11, Field.Left, Register.Rcx);
        code.Land(inside);
        code.Store(Register.R11, Field.First, Register.R10);
        code.Decrement(Register.R11, Field.Lines);
        code.JumpBack(false, line);
    }

    private static void Finish(Assembler code, int rows, int vectors, int[] sums)
    {
        code.Load(Register.R10, Register.R11, Field.Result);
        code.Load(Register.Rdx, Register.R11, Field.ResultRow);
        code.CompareZero(Register.R11, Field.Add);
        int overwrite = code.JumpAhead(true);
        for (int i = 0; i < sums.Length; i++)
        {
            code.AddVector(sums[i], sums[i], Register.R10, 64 * (i % vectors));
            if (i % vectors == vectors - 1)
            {
                code.Add(Register.R10, Register.Rdx);
            }
        }

        code.Load(Register.R10, Register.R11, Field.Result);
        code.Land(overwrite);
        for (int i = 0; i < rows * vectors; i++)
        {
            code.StoreVector(Register.R10, 64 * (i % vectors), sums[i]);
            if (i % vectors == vectors - 1)
            {
                code.Add(Register.R10, Register.Rdx);
            }
        }
    }

    /// <summary>Places of the fields of <see cref="TileArguments"/>.</summary>
    private static class Field
    {
        public const int First = 0;
        public const int Row = 8;
        public const int Step = 16;
        public const int Run = 24;
        public const int Lines = 32;
        public const int LineStep = 40;
        public const int Left = 48;
        public const int Group = 56;
        public const int GroupStep = 64;
        public const int Columns = 72;
        public const int Result = 80;
        public const int ResultRow = 88;
        public const int Add = 96;
        public const int End = 104;
        public const int Saved = 112;
    }

    /// <summary>Places of the fields of <see cref="RoundingArguments"/>.</summary>
    private static class RoundingField
    {
        public const int Source = 0;
        public const int Line = 8;
        public const int Target = 16;
        public const int End = 24;
        public const int Panel = 32;
        public const int Places = 40;
    }
}
