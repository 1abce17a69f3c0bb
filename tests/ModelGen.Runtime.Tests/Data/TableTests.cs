using ModelGen.Data;
using Parquet;
using Parquet.Schema;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

public sealed class TableTests : IDisposable
{
    private const string Csv = "age,city,score,kept,note\n30,Rome,1.5,yes,\"a, \"\"quoted\"\" note\"\n?,Oslo,2.5,no,\"two\nlines\"\n50,Rome,,yes,\n40,,3.5,no,x\n";

    private static readonly TableSchema Schema = new()
    {
        Features = [new NumberColumn("age") { Missing = MissingNumber.Mean }, new CategoryColumn("city") { Missing = MissingCategory.OwnCategory }, new NumberColumn("score") { Missing = MissingNumber.Median, Standardize = true }],
        Target = new CategoryColumn("kept"),
    };

    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Csv_HasTypedColumns_MissingValuesAndCategories()
    {
        TableDataset data = CsvDataset.Load(files.Write("a.csv", Csv), Schema);
        Assert.Equal(["no", "yes"], data.Encoder.CategoriesOf("kept"));
        Assert.Equal(["Oslo", "Rome", "(missing)"], data.Encoder.CategoriesOf("city"));

        // Mean age 40; scores 1.5, 2.5, 3.5: median 2.5, deviation sqrt(2/3).
        float unit = (float)(1 / Math.Sqrt(2.0 / 3));
        float[] expected = [30, 0, 1, 0, -unit, 40, 1, 0, 0, 0, 50, 0, 1, 0, 0, 40, 0, 0, 1, unit];
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 4);
        Assert.Equal([4L, 5], inputs[0].shape);
        Assert.Equal(expected, inputs[0].data<float>().ToArray());
        Assert.Equal([1L, 0, 1, 0], target.data<long>().ToArray());
        Assert.Equal($"sample 2 ({files.PathOf("a.csv")}, line 5)", data.Describe(2));
    }

    [Fact]
    public void Csv_OfTheTestSet_IsEncodedAsTheTrainingSet()
    {
        TableSchema schema = new()
        {
            Features = [new NumberColumn("age") { Standardize = true }, new CategoryColumn("city") { OneHot = false, Missing = MissingCategory.OwnCategory }],
            Target = new NumberColumn("score"),
        };
        TableDataset train = CsvDataset.Load(files.Write("train.csv", "age;city;score\n10;b;1\n30;a;2\n"), schema, ';');
        TableDataset test = CsvDataset.Load(files.Write("test.csv", "score;age;city\n7;40;c\n8;20;b\n"), train.Encoder, ';');
        (Tensor[] inputs, Tensor target) = test.ToTensors(0, 2);
        Assert.Equal(["features", "categories"], test.Inputs.Select(static field => field.Name));
        Assert.Equal([2f, 0f], inputs[0].data<float>().ToArray());
        Assert.Equal([2L, 1], inputs[1].data<long>().ToArray());
        Assert.Equal([7f, 8f], target.data<float>().ToArray());
    }

    [Fact]
    public void Csv_RowsMayBeDropped_AndAreCounted()
    {
        TableSchema schema = new() { Features = [new NumberColumn("age") { Missing = MissingNumber.DropRow }], Target = new CategoryColumn("city") { Missing = MissingCategory.DropRow } };
        TableDataset data = CsvDataset.Load(files.Write("a.csv", Csv), schema);
        Assert.Equal((2, 2), (data.Count, data.DroppedRows));
        Assert.EndsWith("line 5)", data.Describe(1), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("age,kept\n1,yes\n2\n", "line 3: 1 cells, the header has 2")]
    [InlineData("age,kept\n1,yes\n2,no,3\n", "line 3: 3 cells, the header has 2")]
    [InlineData("age,kept\n1,yes\ntwo,no\n", "line 3, column 'age': 'two' is not a finite number")]
    [InlineData("age,kept\n1,yes\ninfinity,no\n", "line 3, column 'age': 'infinity' is not a finite number")]
    [InlineData("age,kept\n1,yes\n,no\n", "line 3, column 'age': the number is missing")]
    [InlineData("age,kept\n1,\n", "line 2, column 'kept': the category is missing")]
    [InlineData("year,kept\n1,yes\n", "there is no column 'age'; the columns are year, kept")]
    [InlineData("age,kept\n", "empty: it holds no row")]
    [InlineData("", "empty")]
    [InlineData("age,kept\n1,\"yes\n2,no\n", "line 2")]
    public void Csv_Malformed_IsRefusedWithRowAndFault(string text, string fault)
    {
        TableSchema schema = new() { Features = [new NumberColumn("age")], Target = new CategoryColumn("kept") { Categories = ["yes", "no"] } };
        string path = files.Write("bad.csv", text);
        DataFiles.AssertRefused(() => CsvDataset.Load(path, schema), path, fault);
    }

    [Fact]
    public void Csv_Missing_OrOfAnUnknownCategory_IsRefused()
    {
        TableSchema schema = new() { Features = [new NumberColumn("age")], Target = new CategoryColumn("kept") { Categories = ["yes"] } };
        DataFiles.AssertRefused(() => CsvDataset.Load(files.PathOf("no.csv"), schema), files.PathOf("no.csv"), "no such file");
        string path = files.Write("bad.csv", "age,kept\n1,yes\n1,maybe\n");
        DataFiles.AssertRefused(() => CsvDataset.Load(path, schema), path, "line 3, column 'kept': 'maybe' is none of the 1 known categories");
    }

    [Fact]
    public async Task Parquet_GivesWhatTheSameCsvGives()
    {
        string path = files.PathOf("a.parquet");
        var age = new DataField<double?>("age");
        var city = new DataField<string>("city");
        var score = new DataField<float?>("score");
        var kept = new DataField<bool>("kept");
        var count = new DataField<int>("count");
        await using (FileStream file = File.Create(path))
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(age, city, score, kept, count), file))
        {
            foreach (int start in new[] { 0, 2 })
            {
                using ParquetRowGroupWriter group = writer.CreateRowGroup();
                await group.WriteAsync<double>(age, new double?[] { 30, null, 50, 40 }.AsMemory(start, 2));
                await group.WriteAsync(city, new string[] { "Rome", "Oslo", "Rome", null! }[start..(start + 2)]);
                await group.WriteAsync<float>(score, new float?[] { 1.5f, 2.5f, null, 3.5f }.AsMemory(start, 2));
                await group.WriteAsync<bool>(kept, new[] { true, false, true, false }.AsMemory(start, 2));
                await group.WriteAsync<int>(count, new[] { 1, 2, 3, 4 }.AsMemory(start, 2));
            }
        }

        TableDataset data = ParquetDataset.Load(path, Schema);
        TableDataset csv = CsvDataset.Load(files.Write("a.csv", Csv), Schema);
        Assert.Equal(["False", "True"], data.Encoder.CategoriesOf("kept"));
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 4);
        (Tensor[] csvInputs, Tensor csvTarget) = csv.ToTensors(0, 4);
        Assert.Equal(csvInputs[0].data<float>().ToArray(), inputs[0].data<float>().ToArray());
        Assert.Equal(csvTarget.data<long>().ToArray(), target.data<long>().ToArray());
        Assert.EndsWith("row 3)", data.Describe(3), StringComparison.Ordinal);

        TableDataset numbers = ParquetDataset.Load(path, new TableSchema { Features = [new NumberColumn("count")], Target = new NumberColumn("kept") });
        (inputs, target) = numbers.ToTensors(0, 4);
        Assert.Equal([1f, 2, 3, 4], inputs[0].data<float>().ToArray());
        Assert.Equal([1f, 0, 1, 0], target.data<float>().ToArray());

        DataFiles.AssertRefused(() => ParquetDataset.Load(path, new TableSchema { Features = [new NumberColumn("city")], Target = new NumberColumn("kept") }), path, "column 'city' holds String, which is no number");
        DataFiles.AssertRefused(() => ParquetDataset.Load(path, new TableSchema { Features = [new NumberColumn("no")], Target = new NumberColumn("kept") }), path, "there is no column 'no'; the columns are age, city, score, kept, count");
        DataFiles.AssertRefused(() => ParquetDataset.Load(path, new TableSchema { Features = [new NumberColumn("age")], Target = new NumberColumn("kept") }), path, "row 1, column 'age': the number is missing");
        byte[] bytes = File.ReadAllBytes(path);
        string cut = files.Write("cut.parquet", bytes[..(bytes.Length / 2)]);
        DataFiles.AssertRefused(() => ParquetDataset.Load(cut, Schema), cut, "no Parquet file, or a damaged one");
        string text = files.Write("text.parquet", Csv);
        DataFiles.AssertRefused(() => ParquetDataset.Load(text, Schema), text, "no Parquet file, or a damaged one");
        DataFiles.AssertRefused(() => ParquetDataset.Load(files.PathOf("no.parquet"), Schema), files.PathOf("no.parquet"), "no such file");
    }
}
