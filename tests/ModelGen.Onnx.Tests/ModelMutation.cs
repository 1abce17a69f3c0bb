namespace ModelGen.Onnx.Tests;

/// <summary>Damage to the bytes of a model: flipped bits, changed numbers, parts cut out, doubled, moved.</summary>
public static class ModelMutation
{
    public static byte[] Mutate(byte[] bytes, Random random)
    {
        byte[] result = (byte[])bytes.Clone();
        int changes = 1 + random.Next(4);
        for (int i = 0; i < changes && result.Length > 16; i++)
        {
            int at = random.Next(result.Length);
            int length = Math.Min(1 + random.Next(32), result.Length - at);
            switch (random.Next(6))
            {
                case 0:
                    result[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    result[at] = (byte)random.Next(256);
                    break;
                case 2:
                    // A varint of nine bytes: sizes and lengths become huge or negative.
                    result.AsSpan(at, Math.Min(9, result.Length - at)).Fill(0xff);
                    break;
                case 3:
                    result = [.. result[..at], .. result[(at + length)..]];
                    break;
                case 4:
                    result = [.. result[..(at + length)], .. result[at..]];
                    break;
                default:
                    int to = random.Next(result.Length - length + 1);
                    Array.Copy(result, at, result, to, length);
                    break;
            }
        }

        return result;
    }
}
