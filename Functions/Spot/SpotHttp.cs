using System.Globalization;
using System.Net;
using Durable.Functions.Http;
using Durable.Operations;
using Durable.Operations.Fields;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Orchestrations.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Spot;

/// <summary>
/// Starts slots, backfills and workloads, and reads the market. 202 with the status links; 200 with the plan for a dry run; 400 naming each
/// bad field; 409 with the status link of the running run, or because the slot exists or the plan is stale; 422 when the collector is off
/// or the slot is lost.
/// </summary>
public sealed class SpotHttp(
    SlotPlanner planner,
    GapFinder gaps,
    SlotTable slots,
    MarketHistory history,
    PlanStore plans,
    RunReader runs,
    StartLock starts,
    SpotOptions options,
    TimeProvider clock
)
{
    /// <summary>Serialises starts of slots, so that a slot stored since the check does not run again.</summary>
    internal const string Subject = "spot";

    private const int MostRows = 1000,
        LongestTime = 40,
        LongestName = 100;

    private const string ATime = "a UTC time such as 2026-11-26T10:20",
        PlanAbout = "Apply exactly the plan with this hash.";

    /// <summary>Every option of a slot's start.</summary>
    internal static IReadOnlyList<Field> SlotFields { get; } =
    [
        Field.Text("slot", "The slot, " + ATime + "; default now.", LongestTime),
        new Field(
            "maxRemovedShare",
            FieldKind.Number,
            "Largest share of the rows that may vanish; overrides Spot__MaxRemovedShare.",
            Least: 0,
            Most: 1
        ),
        Field.Flag("dryRun", "Show the plan and do nothing."),
        Field.Text("plan", PlanAbout, 128),
    ];

    /// <summary>Every option of a backfill.</summary>
    internal static IReadOnlyList<Field> BackfillFields { get; } =
    [.. RangeFields, Field.Flag("dryRun", "Show the plan and do nothing."), Field.Text("plan", PlanAbout, 128)];

    private static IReadOnlyList<Field> RangeFields =>
        [
            Field.Text("from", "First slot; default 143 slots before the last.", LongestTime),
            Field.Text("to", "Last slot; default the last that has ended.", LongestTime),
        ];

    internal static IReadOnlyList<Field> WorkloadFields { get; } =
    [Field.Day("date", "Day whose questions are packed: today, the default, or tomorrow.")];

    internal static IReadOnlyList<Field> GapFields { get; } = RangeFields;

    internal static IReadOnlyList<Field> MarketFields { get; } =
    [.. RowFields, Field.Text("at", "The market as of this time; default now.", LongestTime), LimitField];

    internal static IReadOnlyList<Field> HistoryFields { get; } =
    [
        .. RowFields,
        Field.Text("from", "From this time on; default the first.", LongestTime),
        Field.Text("to", "Up to this time; default now.", LongestTime),
        LimitField,
    ];

    private static IReadOnlyList<Field> RowFields =>
        [
            Field.Text("type", "Instance type.", LongestName),
            Field.Text("region", "Region.", LongestName),
            Field.Text("zone", "Zone id, such as use1-az2.", LongestName),
        ];

    private static Field LimitField => Field.Whole("limit", "Most rows.", MostRows, 1, MostRows);

    /// <summary><c>{"slot": "2026-11-26T10:20"}</c>, default now, with <c>maxRemovedShare</c>, <c>dryRun</c> and <c>plan</c>, the hash of a
    /// plan to apply.</summary>
    [Function("StartSpotSlot")]
    public async Task<HttpResponseData> StartSlotAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (await OffAsync(request, cancellationToken) is { } off)
            return off;
        FieldValues values = await request.ReadFieldsAsync(SlotFields, cancellationToken);
        SlotTime slot = Slot(values, "slot") ?? SlotTime.Of(clock.GetUtcNow().UtcDateTime);
        double? share = values.Has("maxRemovedShare") ? values.Number("maxRemovedShare") : null;
        (bool dryRun, string? hash) = (values.Flag("dryRun"), values.Text("plan"));
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);

        SlotRequest order = new(slot.Text, share, hash);
        if (!dryRun && await client.IsActiveAsync(order.InstanceId, cancellationToken))
            return await client.RefuseActiveAsync(request, order.InstanceId, cancellationToken);
        try
        {
            SlotWork work = await planner.PlanAsync(slot, cancellationToken);
            Plan plan = SlotPlanner.AsPlan(work);
            if (dryRun)
            {
                await plans.SaveAsync(plan, cancellationToken);
                return await request.AnswerAsync(
                    HttpStatusCode.OK,
                    new
                    {
                        plan = plan.Hash,
                        work.Slot,
                        reason = plan.Partitions[0].Reason,
                        plan.Options,
                        plan.ToFill,
                        plan.Lanes,
                    },
                    cancellationToken
                );
            }

            if (work.IsPresent)
                return await PresentAsync(request, order, cancellationToken);
            await plans.CheckAsync(hash, plan, cancellationToken);
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = stale.Message, difference = stale.Difference },
                cancellationToken
            );
        }
        catch (WorkloadMissingException) when (!dryRun && hash is null)
        {
            // The very first run packs its questions itself.
        }
        catch (Exception error) when (error is PermanentFailureException or WorkloadMissingException)
        {
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, error.Message, cancellationToken);
        }

        // In this order: a run that has ended at the first check has stored its slot by the second.
        await using IAsyncDisposable turn = await starts.HoldAsync(Subject, cancellationToken);
        if (await client.IsActiveAsync(order.InstanceId, cancellationToken))
            return await client.RefuseActiveAsync(request, order.InstanceId, cancellationToken);
        return await slots.ReadAsync(slot, cancellationToken) is { State: SlotState.Present }
            ? await PresentAsync(request, order, cancellationToken)
            : await client.StartAsync(request, nameof(SpotSlot), order.InstanceId, order, cancellationToken);
    }

    /// <summary><c>{"from": …, "to": …}</c>: every missing slot of the range that has raw files; <c>dryRun</c> for the plan.</summary>
    [Function("StartSpotBackfill")]
    public async Task<HttpResponseData> StartBackfillAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot/backfill")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (await OffAsync(request, cancellationToken) is { } off)
            return off;
        FieldValues values = await request.ReadFieldsAsync(BackfillFields, cancellationToken);
        (SlotTime from, SlotTime to) = Range(values);
        (bool dryRun, string? hash) = (values.Flag("dryRun"), values.Text("plan"));
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        SpotBackfillRequest order = new(from.Text, to.Text, hash);
        (Plan plan, GapReport report) = await gaps.PlanAsync(from, to, cancellationToken);
        if (dryRun)
        {
            await plans.SaveAsync(plan, cancellationToken);
            return await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    plan = plan.Hash,
                    report.From,
                    report.To,
                    report.Slots,
                    report.Present,
                    toFill = report.CanBeFilled,
                    lost = report.Gaps.Count - report.CanBeFilled,
                    plan.Partitions,
                },
                cancellationToken
            );
        }

        try
        {
            await plans.CheckAsync(hash, plan, cancellationToken);
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = stale.Message, difference = stale.Difference },
                cancellationToken
            );
        }

        return await client.StartAsync(request, nameof(SpotBackfill), order.InstanceId, order, cancellationToken);
    }

    /// <summary><c>{"date": "2026-11-27"}</c>, default today: packs the day's questions unless they exist.</summary>
    [Function("StartSpotWorkload")]
    public async Task<HttpResponseData> StartWorkloadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot/workload")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (await OffAsync(request, cancellationToken) is { } off)
            return off;
        FieldValues values = await request.ReadFieldsAsync(WorkloadFields, cancellationToken);
        DateOnly today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime),
            day = today;
        if (
            values.Text("date") is { } text
            && (
                !DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day)
                || day < today
                || day > today.AddDays(1)
            )
        )
            values.Refuse(
                "date",
                string.Create(CultureInfo.InvariantCulture, $"today or tomorrow, {today:yyyy-MM-dd} or {today.AddDays(1):yyyy-MM-dd}")
            );
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        WorkloadRequest order = new(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        return await client.StartAsync(request, nameof(SpotWorkload), order.InstanceId, order, cancellationToken);
    }

    /// <summary>Slots that are not in the history, why, and whether they can be filled. Default: the last 24 hours.</summary>
    [Function("ReadSpotGaps")]
    public async Task<HttpResponseData> ReadGapsAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/gaps")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (await OffAsync(request, cancellationToken) is { } off)
            return off;
        FieldValues values = await request.ReadFieldsAsync(GapFields, cancellationToken);
        (SlotTime from, SlotTime to) = Range(values);
        return values.Errors.Count > 0
            ? await request.RefuseAsync(values, cancellationToken)
            : await request.AnswerAsync(HttpStatusCode.OK, await gaps.FindAsync(from, to, cancellationToken), cancellationToken);
    }

    /// <summary>The market now, or <c>at</c> a time: rows that match <c>type</c>, <c>region</c> and <c>zone</c>.</summary>
    [Function("ReadSpotMarket")]
    public async Task<HttpResponseData> ReadMarketAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/market")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(MarketFields, cancellationToken);
        (DateTime? at, int limit) = (Moment(values, "at"), values.Whole("limit"));
        (string? type, string? region, string? zone) = (values.Text("type"), values.Text("region"), values.Text("zone"));
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        Rotation rotation = await slots.ReadRotationAsync(cancellationToken);
        return await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                slot = rotation.LatestSlot?.Text,
                at,
                rows = await history.FindAsync(at, type, region, zone, limit, cancellationToken),
            },
            cancellationToken
        );
    }

    /// <summary>Every change of one row, between <c>from</c> and <c>to</c>.</summary>
    [Function("ReadSpotHistory")]
    public async Task<HttpResponseData> ReadHistoryAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/history")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(HistoryFields, cancellationToken);
        string[] row =
        [
            .. new[] { "type", "region", "zone" }.Select(name =>
            {
                if (values.Text(name) is { } text)
                    return text;
                values.Refuse(name, "needed");
                return "";
            }),
        ];
        (DateTime from, DateTime to, int limit) = (
            Moment(values, "from") ?? DateTime.UnixEpoch,
            Moment(values, "to") ?? clock.GetUtcNow().UtcDateTime,
            values.Whole("limit")
        );
        return values.Errors.Count > 0
            ? await request.RefuseAsync(values, cancellationToken)
            : await request.AnswerAsync(
                HttpStatusCode.OK,
                new { changes = await history.ReadHistoryAsync(row[0], row[1], row[2], from, to, limit, cancellationToken) },
                cancellationToken
            );
    }

    /// <summary>A slot's record and runs.</summary>
    [Function("ReadSpotSlot")]
    public async Task<HttpResponseData> ReadSlotAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/slots/{slot}")] HttpRequestData request,
        string slot,
        CancellationToken cancellationToken
    )
    {
        if (!SlotTime.TryParse(slot, out SlotTime time))
            return await request.RefuseAsync(
                HttpStatusCode.BadRequest,
                new { error = "invalid options", fields = new { slot = ATime } },
                cancellationToken
            );
        return await slots.ReadAsync(time, cancellationToken) is { } row
            ? await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    slot = time.Text,
                    row.State,
                    row.Capacity,
                    row.IsLate,
                    row.Asked,
                    row.Rows,
                    row.Changed,
                    row.Removed,
                    row.Carried,
                    row.Rejected,
                    row.Error,
                    runs = await runs.ReadAsync(time.InstanceId, cancellationToken),
                },
                cancellationToken
            )
            : await request.RefuseAsync(HttpStatusCode.NotFound, $"Slot {time} was never started.", cancellationToken);
    }

    private async Task<HttpResponseData?> OffAsync(HttpRequestData request, CancellationToken cancellationToken) =>
        options.IsOn
            ? null
            : await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new SpotOffException().Message, cancellationToken);

    private Task<HttpResponseData> PresentAsync(HttpRequestData request, SlotRequest order, CancellationToken cancellationToken) =>
        request.RefuseAsync(
            HttpStatusCode.Conflict,
            new
            {
                error = $"Slot {order.Slot} is in the history.",
                slot = order.Slot,
                next = SlotTime.Of(clock.GetUtcNow().UtcDateTime).Plus(1).Text,
                instance = order.InstanceId,
            },
            cancellationToken
        );

    private (SlotTime From, SlotTime To) Range(FieldValues values)
    {
        SlotTime now = SlotTime.Of(clock.GetUtcNow().UtcDateTime);
        (SlotTime? given, SlotTime? end) = (Slot(values, "from"), Slot(values, "to"));
        SlotTime last = end ?? now.Plus(-1),
            first = given ?? (last.Utc.Year > 1 ? last.Plus(-143) : last);
        if (values.Errors.Count > 0)
            return default;
        if (last > now)
            values.Refuse("to", $"not after {now}");
        else if (first > last)
            values.Refuse("to", "not before from");
        else if ((last.Utc - first.Utc) / SlotTime.Length >= options.LongestRange)
            values.Refuse("to", string.Create(CultureInfo.InvariantCulture, $"at most {options.LongestRange} slots (Spot__LongestRange)"));
        return (first, last);
    }

    private static SlotTime? Slot(FieldValues values, string name)
    {
        if (values.Text(name) is not { } text)
            return null;
        if (SlotTime.TryParse(text, out SlotTime slot))
            return slot;
        values.Refuse(name, ATime);
        return null;
    }

    private static DateTime? Moment(FieldValues values, string name)
    {
        if (values.Text(name) is not { } text)
            return null;
        if (
            DateTime.TryParse(
                text,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out DateTime at
            )
        )
            return at;
        values.Refuse(name, "a UTC time such as 2026-11-26T10:20:00Z");
        return null;
    }
}
