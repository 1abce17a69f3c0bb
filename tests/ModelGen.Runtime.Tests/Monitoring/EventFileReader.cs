using System.Buffers.Binary;
using System.Text;

namespace ModelGen.Runtime.Tests.Monitoring;

/// <summary>Reads event files independently of the writer: checksums bit by bit from the polynomial, protobuf fields from the wire format.</summary>
internal static class EventFileReader
{
    public static IReadOnlyList<Message> Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        var events = new List<Message>();
        int at = 0;
        while (at < bytes.Length)
        {
            long length = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            ReadOnlySpan<byte> data = bytes.AsSpan(at + 12, checked((int)length));
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + (int)length)));
            events.Add(Message.Parse(data));
            at += 16 + (int)length;
        }

        Assert.Equal(bytes.Length, at);
        return events;
    }

    /// <summary>CRC-32C with the reflected Castagnoli polynomial, masked as TFRecord's documentation says.</summary>
    public static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }
}

/// <summary>Fields of a protobuf message by number.</summary>
internal sealed class Message
{
    private readonly List<(int Number, object Value)> fields = [];

    public static Message Parse(ReadOnlySpan<byte> data)
    {
        var message = new Message();
        while (data.Length > 0)
        {
            ulong key = Varint(ref data);
            object value;
            switch (key & 7)
            {
                case 0:
                    value = Varint(ref data);
                    break;
                case 1:
                    value = BinaryPrimitives.ReadDoubleLittleEndian(data);
                    data = data[8..];
                    break;
                case 2:
                    int length = (int)Varint(ref data);
                    value = data[..length].ToArray();
                    data = data[length..];
                    break;
                case 5:
                    value = BinaryPrimitives.ReadSingleLittleEndian(data);
                    data = data[4..];
                    break;
                default:
                    throw new InvalidDataException($"wire type {key & 7}");
            }

            message.fields.Add(((int)(key >> 3), value));
        }

        return message;
    }

    public bool Has(int number) => fields.Exists(field => field.Number == number);

    public long Int(int number) => Has(number) ? (long)(ulong)All(number).Last() : 0;

    public double Double(int number) => Has(number) ? (double)All(number).Last() : 0;

    public float Float(int number) => (float)All(number).Last();

    public byte[] Bytes(int number) => (byte[])All(number).Last();

    public string Text(int number) => Has(number) ? Encoding.UTF8.GetString(Bytes(number)) : "";

    public Message Child(int number) => Parse(Bytes(number));

    public IReadOnlyList<Message> Children(int number) => [.. All(number).Select(static value => Parse((byte[])value))];

    public IReadOnlyList<string> Texts(int number) => [.. All(number).Select(static value => Encoding.UTF8.GetString((byte[])value))];

    public double[] Packed(int number)
    {
        byte[] bytes = Bytes(number);
        return [.. Enumerable.Range(0, bytes.Length / 8).Select(index => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(index * 8)))];
    }

    private static ulong Varint(ref ReadOnlySpan<byte> data)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = data[0];
            data = data[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private IEnumerable<object> All(int number) => fields.Where(field => field.Number == number).Select(static field => field.Value);
}
