using System.Net;
using Amazon.Runtime;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Durable.Activities.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Sinks;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.AwsServices;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>A Timestream that refuses some records: each is stored once, or is a dead letter.</summary>
public sealed class TimestreamSinkTests
{
    private const int Rows = 1000;

    private static readonly SlotTime First = SlotTime.Parse("2026-11-26T00:00");

    [Fact]
    public async Task Three_percent_refused_lose_no_record_double_none_and_hold_nothing_back()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        int latestWhileSending = 0;
        Refusing timestream = new(database.Options)
        {
            // Every 33rd type, half of them forever, half of them three times.
            Refuses = (number, times) => number % 33 == 0 && (number % 66 == 0 || times < 3),
            Before = async () => latestWhileSending += (await database.History.ReadLatestAsync()).Count,
        };
        await database.StageAsync(First, Market());
        SendDelta send = new(database.Store, database.Slots, [timestream.Sink(database)]);
        int dead = Enumerable.Range(0, Rows).Count(number => number % 66 == 0);
        Assert.Equal(dead, await send.RunAsync(First.Text, default));
        Assert.Equal(0, latestWhileSending); // latest is never ahead of the sink

        HashSet<string> letters = await DeadLettersAsync(database);
        Assert.Equal(dead, letters.Count);
        Assert.Empty(timestream.Taken.Keys.Intersect(letters));
        Assert.Equal(Rows, timestream.Taken.Count + letters.Count);
        Assert.All(timestream.Taken.Values, times => Assert.Equal(1, times));

        // Killed before it was noted, and sent again: the same records, the same dead letters.
        Assert.Equal(dead, await send.RunAsync(First.Text, default));
        Assert.Equal(Rows, timestream.Taken.Count + (await DeadLettersAsync(database)).Count);

        // Sent again when Timestream takes them all: none is left.
        timestream.Refuses = (_, _) => false;
        Assert.Equal(0, await send.RunAsync(First.Text, default));
        Assert.Equal(Rows, timestream.Taken.Count);
        Assert.Null(await database.Bucket.ReadAsync(SpotKeys.DeadLetters(First, "timestream")));
        SlotRow row = await database.Store.CommitAsync(First);
        Assert.Equal((SlotState.Present, Rows, 0), (row.State, row.Rows, row.Rejected));
        Assert.Equal(Rows, (await database.History.ReadLatestAsync()).Count);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_refusal_that_does_not_say_of_which_records_sends_all_of_them_again(bool names)
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        int calls = 0;
        Refusing timestream = new(database.Options)
        {
            Before = () =>
                Interlocked.Increment(ref calls) > 1
                    ? Task.CompletedTask
                    : throw Rejection(names ? [new RejectedRecord { Reason = "of no record" }] : null),
        };
        MarketChange[] changes =
        [
            .. Enumerable.Range(0, 3).Select(number => MarketChange.Gone(First, new MarketKey($"type-{number}", "r", "z"))),
        ];
        Assert.Equal(0, await timestream.Sink(database).SendAsync(First, changes));
        Assert.Equal(3, timestream.Taken.Count);
    }

    [Fact]
    public async Task A_table_that_is_not_there_fails_the_step_and_the_slot_stays_staged()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        Refusing timestream = new(database.Options)
        {
            Before = () =>
                throw new ResourceNotFoundException(
                    "The table aws does not exist.",
                    ErrorType.Sender,
                    "ResourceNotFoundException",
                    "r-1",
                    HttpStatusCode.BadRequest
                ),
        };
        await database.StageAsync(First, Market());
        await Assert.ThrowsAsync<ResourceNotFoundException>(() =>
            new SendDelta(database.Store, database.Slots, [timestream.Sink(database)]).RunAsync(First.Text, default)
        );
        Assert.Equal(SlotState.Staged, (await database.Slots.ReadAsync(First))!.State);
        Assert.Empty(await database.History.ReadLatestAsync());
    }

    private static Observation Market() =>
        new(
            1,
            new([.. Enumerable.Range(0, Rows).Select(number => new ZoneScore($"type-{number}", "r", "z", 3))], []),
            new([], []),
            new([], []),
            new([], [])
        );

    private static async Task<HashSet<string>> DeadLettersAsync(SpotDatabase database)
    {
        string key = SpotKeys.DeadLetters(First, "timestream");
        (RawHeader header, List<MarketChange> letters) = RawFile.Read<MarketChange>(
            (await database.Bucket.ReadAsync(key))!.Bytes,
            MarketChange.Schema,
            key
        );
        Assert.Equal(header.Rows, letters.Count);
        return [.. letters.Select(letter => letter.InstanceType)];
    }

    private static RejectedRecordsException Rejection(List<RejectedRecord>? records) =>
        new("One or more records have been rejected.", ErrorType.Sender, "RejectedRecordsException", "r-1", (HttpStatusCode)419)
        {
            RejectedRecords = records,
        };

    /// <summary>Takes records by key, as Timestream does, and refuses the ones it is told to.</summary>
    private sealed class Refusing(SpotOptions options)
        : AmazonTimestreamWriteClient(
            StubAws.Credentials,
            new AmazonTimestreamWriteConfig { ServiceURL = "http://aws.test:8080/", AuthenticationRegion = "us-west-2" }
        )
    {
        private readonly Dictionary<int, int> refusals = [];

        /// <summary>By number of the type, and how often it was refused.</summary>
        public Func<int, int, bool> Refuses { get; set; } = (_, _) => false;

        public Func<Task> Before { get; init; } = () => Task.CompletedTask;

        /// <summary>How often each type was taken.</summary>
        public Dictionary<string, int> Taken { get; } = [];

        public TimestreamSink Sink(SpotDatabase database)
        {
            MovableClock clock = new();
            return new TimestreamSink(
                this,
                database.Bucket,
                new SpotOptions { Bucket = options.Bucket, TimestreamDatabase = "spotlake" },
                new Patience(clock),
                clock
            );
        }

        public override async Task<WriteRecordsResponse> WriteRecordsAsync(
            WriteRecordsRequest request,
            CancellationToken cancellationToken = default
        )
        {
            await Before();
            Assert.InRange(request.Records.Count, 1, 100);
            List<RejectedRecord> rejected = [];
            lock (Taken)
            {
                for (int index = 0; index < request.Records.Count; index++)
                {
                    string type = request.Records[index].Dimensions.Single(dimension => dimension.Name == "InstanceType").Value;
                    int number = int.Parse(type["type-".Length..]);
                    if (Refuses(number, refusals.GetValueOrDefault(number)))
                    {
                        refusals[number] = refusals.GetValueOrDefault(number) + 1;
                        rejected.Add(new RejectedRecord { RecordIndex = index, Reason = "outside the retention window" });
                    }
                    else
                    {
                        Taken[type] = Taken.GetValueOrDefault(type) + 1;
                    }
                }
            }

            return rejected.Count == 0 ? new WriteRecordsResponse() : throw Rejection(rejected);
        }
    }
}
