using System.Globalization;
using System.Net;
using System.Text.Json;
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
/// Starts slots, backfills and workloads, and reads the market. 202 with the status links; 200 with the plan for a dry run; 400 naming each bad field;
/// 409 with the status link of the run that is under way, or because the slot is there or the plan no longer holds; 422 when the collector is off or the slot cannot be had.
/// </summary>
public sealed class SpotHttp(SlotPlanner planner, GapFinder gaps, SlotTable slots, MarketHistory history, PlanStore plans, RunReader runs, SpotOptions options, TimeProvider clock)
{
    private const int MostRows = 1000;

    private sealed record SlotBody(string? Slot = null, double? MaxRemovedShare = null, bool DryRun = false, string? Plan = null);

    private sealed record BackfillBody(string? From = null, string? To = null, bool DryRun = false, string? Plan = null);

    private sealed record WorkloadBody(string? Date = null);

    /// <summary><c>{"slot": "2026-11-26T10:20"}</c>, default now, with <c>maxRemovedShare</c>, <c>dryRun</c> and <c>plan</c>, the hash of a plan to hold to.</summary>
    [Function("StartSpotSlot")]
    public async Task<HttpResponseData> StartSlotAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot")] HttpRequestData request, [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (await OffAsync(request, cancellationToken) is { } off) return off;
        (SlotBody? body, Dictionary<string, string> wrong) = Read<SlotBody>(await request.ReadAsStringAsync(), "slot, maxRemovedShare, dryRun, plan");
        SlotTime slot = SlotTime.Of(clock.GetUtcNow().UtcDateTime);
        if (body?.Slot is { } text && !SlotTime.TryParse(text, out slot)) wrong["slot"] = "a UTC time such as 2026-11-26T10:20";
        if (body?.MaxRemovedShare is { } share && !(share is >= 0 and <= 1)) wrong["maxRemovedShare"] = "0 to 1";
        if (wrong.Count > 0) return await BadAsync(request, wrong, cancellationToken);

        SlotRequest order = new(slot.Text, body!.MaxRemovedShare, body.Plan);
        if (!body.DryRun && await client.IsActiveAsync(order.InstanceId, cancellationToken)) return await client.RefuseActiveAsync(request, order.InstanceId, cancellationToken);
        try
        {
            SlotWork work = await planner.PlanAsync(slot, cancellationToken);
            Plan plan = SlotPlanner.AsPlan(work);
            if (body.DryRun)
            {
                await plans.SaveAsync(plan, cancellationToken);
                return await request.AnswerAsync(HttpStatusCode.OK, new { plan = plan.Hash, work.Slot, reason = plan.Partitions[0].Reason, plan.Options, plan.ToFill, plan.Lanes }, cancellationToken);
            }

            if (work.IsPresent) return await request.RefuseAsync(HttpStatusCode.Conflict, new { error = $"Slot {slot} is in the history.", slot = slot.Text, next = SlotTime.Of(clock.GetUtcNow().UtcDateTime).Plus(1).Text, instance = order.InstanceId }, cancellationToken);
            await plans.CheckAsync(body.Plan, plan, cancellationToken);
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(HttpStatusCode.Conflict, new { error = stale.Message, difference = stale.Difference }, cancellationToken);
        }
        catch (WorkloadMissingException) when (!body.DryRun && body.Plan is null)
        {
            // The first run of all packs its questions itself.
        }
        catch (Exception error) when (error is PermanentFailureException or WorkloadMissingException)
        {
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new { error = error.Message }, cancellationToken);
        }

        return await client.StartAsync(request, nameof(SpotSlot), order.InstanceId, order, cancellationToken);
    }

    /// <summary><c>{"from": …, "to": …}</c>: every missing slot of the range that has raw files; <c>dryRun</c> for the plan.</summary>
    [Function("StartSpotBackfill")]
    public async Task<HttpResponseData> StartBackfillAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot/backfill")] HttpRequestData request, [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (await OffAsync(request, cancellationToken) is { } off) return off;
        (BackfillBody? body, Dictionary<string, string> wrong) = Read<BackfillBody>(await request.ReadAsStringAsync(), "from, to, dryRun, plan");
        (SlotTime from, SlotTime to) = Range(body?.From, body?.To, wrong);
        if (wrong.Count > 0) return await BadAsync(request, wrong, cancellationToken);
        SpotBackfillRequest order = new(from.Text, to.Text, body!.Plan);
        (Plan plan, GapReport report) = await gaps.PlanAsync(from, to, cancellationToken);
        if (body.DryRun)
        {
            await plans.SaveAsync(plan, cancellationToken);
            return await request.AnswerAsync(HttpStatusCode.OK, new { plan = plan.Hash, report.From, report.To, report.Slots, report.Present, toFill = report.CanBeFilled, lost = report.Gaps.Count - report.CanBeFilled, plan.Partitions }, cancellationToken);
        }

        try
        {
            await plans.CheckAsync(body.Plan, plan, cancellationToken);
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(HttpStatusCode.Conflict, new { error = stale.Message, difference = stale.Difference }, cancellationToken);
        }

        return await client.StartAsync(request, nameof(SpotBackfill), order.InstanceId, order, cancellationToken);
    }

    /// <summary><c>{"date": "2026-11-27"}</c>, default today: packs the day's questions unless they are there.</summary>
    [Function("StartSpotWorkload")]
    public async Task<HttpResponseData> StartWorkloadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "spot/workload")] HttpRequestData request, [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (await OffAsync(request, cancellationToken) is { } off) return off;
        (WorkloadBody? body, Dictionary<string, string> wrong) = Read<WorkloadBody>(await request.ReadAsStringAsync(), "date");
        DateOnly today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime), day = today;
        if (body?.Date is { } text && (!DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day) || day < today || day > today.AddDays(1)))
            wrong["date"] = string.Create(CultureInfo.InvariantCulture, $"today or tomorrow, {today:yyyy-MM-dd} or {today.AddDays(1):yyyy-MM-dd}");
        if (wrong.Count > 0) return await BadAsync(request, wrong, cancellationToken);
        WorkloadRequest order = new(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        return await client.StartAsync(request, nameof(SpotWorkload), order.InstanceId, order, cancellationToken);
    }

    /// <summary>Slots that are not in the history, why, and whether they can be filled. Default: the last 24 hours.</summary>
    [Function("ReadSpotGaps")]
    public async Task<HttpResponseData> ReadGapsAsync([HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/gaps")] HttpRequestData request, CancellationToken cancellationToken)
    {
        if (await OffAsync(request, cancellationToken) is { } off) return off;
        Dictionary<string, string> wrong = Unknown(request, "from", "to");
        (SlotTime from, SlotTime to) = Range(request.Query["from"], request.Query["to"], wrong);
        return wrong.Count > 0 ? await BadAsync(request, wrong, cancellationToken) : await request.AnswerAsync(HttpStatusCode.OK, await gaps.FindAsync(from, to, cancellationToken), cancellationToken);
    }

    /// <summary>The market now, or <c>at</c> a moment: rows that match <c>type</c>, <c>region</c> and <c>zone</c>.</summary>
    [Function("ReadSpotMarket")]
    public async Task<HttpResponseData> ReadMarketAsync([HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/market")] HttpRequestData request, CancellationToken cancellationToken)
    {
        Dictionary<string, string> wrong = Unknown(request, "type", "region", "zone", "at", "limit");
        DateTime? at = request.Query["at"] is { } text ? Moment("at", text, wrong) : null;
        int limit = Limit(request, wrong);
        if (wrong.Count > 0) return await BadAsync(request, wrong, cancellationToken);
        Rotation rotation = await slots.ReadRotationAsync(cancellationToken);
        return await request.AnswerAsync(HttpStatusCode.OK, new
        {
            slot = rotation.LatestSlot?.Text, at, rows = await history.FindAsync(at, request.Query["type"], request.Query["region"], request.Query["zone"], limit, cancellationToken),
        }, cancellationToken);
    }

    /// <summary>Every change of one row, between <c>from</c> and <c>to</c>.</summary>
    [Function("ReadSpotHistory")]
    public async Task<HttpResponseData> ReadHistoryAsync([HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/history")] HttpRequestData request, CancellationToken cancellationToken)
    {
        Dictionary<string, string> wrong = Unknown(request, "type", "region", "zone", "from", "to", "limit");
        foreach (string name in new[] { "type", "region", "zone" }.Where(name => string.IsNullOrEmpty(request.Query[name]))) wrong[name] = "needed";
        DateTime from = request.Query["from"] is { } first ? Moment("from", first, wrong) : DateTime.UnixEpoch, to = request.Query["to"] is { } last ? Moment("to", last, wrong) : clock.GetUtcNow().UtcDateTime;
        int limit = Limit(request, wrong);
        return wrong.Count > 0
            ? await BadAsync(request, wrong, cancellationToken)
            : await request.AnswerAsync(HttpStatusCode.OK, new { changes = await history.ReadHistoryAsync(request.Query["type"]!, request.Query["region"]!, request.Query["zone"]!, from, to, limit, cancellationToken) }, cancellationToken);
    }

    /// <summary>What is known of a slot: its record and its runs.</summary>
    [Function("ReadSpotSlot")]
    public async Task<HttpResponseData> ReadSlotAsync([HttpTrigger(AuthorizationLevel.Function, "get", Route = "spot/slots/{slot}")] HttpRequestData request, string slot, CancellationToken cancellationToken)
    {
        if (!SlotTime.TryParse(slot, out SlotTime time)) return await BadAsync(request, new() { ["slot"] = "a UTC time such as 2026-11-26T10:20" }, cancellationToken);
        return await slots.ReadAsync(time, cancellationToken) is { } row
            ? await request.AnswerAsync(HttpStatusCode.OK, new
            {
                slot = time.Text, row.State, row.Capacity, row.IsLate, row.Asked, row.Rows, row.Changed, row.Removed, row.Carried, row.Rejected, row.Error, runs = await runs.ReadAsync(time.InstanceId, cancellationToken),
            }, cancellationToken)
            : await request.RefuseAsync(HttpStatusCode.NotFound, new { error = $"Slot {time} was never begun." }, cancellationToken);
    }

    private async Task<HttpResponseData?> OffAsync(HttpRequestData request, CancellationToken cancellationToken) =>
        options.IsOn ? null : await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new { error = new SpotOffException().Message }, cancellationToken);

    private static Task<HttpResponseData> BadAsync(HttpRequestData request, Dictionary<string, string> wrong, CancellationToken cancellationToken) =>
        request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = wrong }, cancellationToken);

    private static (TBody? Body, Dictionary<string, string> Wrong) Read<TBody>(string? json, string members)
        where TBody : class
    {
        try
        {
            TBody? body = JsonSerializer.Deserialize<TBody>(string.IsNullOrWhiteSpace(json) ? "{}" : json, RequestText.Strict);
            return (body, body is null ? new() { ["body"] = "a JSON object" } : []);
        }
        catch (JsonException error)
        {
            return (null, new() { ["body"] = $"a JSON object with {members} ({error.Path ?? "$"} is not)" });
        }
    }

    private (SlotTime From, SlotTime To) Range(string? from, string? to, Dictionary<string, string> wrong)
    {
        SlotTime now = SlotTime.Of(clock.GetUtcNow().UtcDateTime), last = now.Plus(-1);
        if (to is not null && !SlotTime.TryParse(to, out last)) wrong["to"] = "a UTC time such as 2026-11-26T10:20";
        SlotTime first = default;
        if (from is not null && !SlotTime.TryParse(from, out first)) wrong["from"] = "a UTC time such as 2026-11-26T10:20";
        if (wrong.Count > 0) return default;
        if (from is null && last.Utc.Year > 1) first = last.Plus(-143);
        if (last > now) wrong["to"] = $"not after {now}";
        else if (first > last) wrong["to"] = "not before from";
        else if ((last.Utc - first.Utc) / SlotTime.Length >= options.LongestRange) wrong["to"] = string.Create(CultureInfo.InvariantCulture, $"at most {options.LongestRange} slots (Spot__LongestRange)");
        return (first, last);
    }

    private static DateTime Moment(string name, string text, Dictionary<string, string> wrong)
    {
        if (DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime at)) return at;
        wrong[name] = "a UTC time such as 2026-11-26T10:20:00Z";
        return default;
    }

    private static int Limit(HttpRequestData request, Dictionary<string, string> wrong)
    {
        if (request.Query["limit"] is not { } text) return MostRows;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit is >= 1 and <= MostRows) return limit;
        wrong["limit"] = string.Create(CultureInfo.InvariantCulture, $"1 to {MostRows}");
        return 0;
    }

    private static Dictionary<string, string> Unknown(HttpRequestData request, params string[] known) =>
        request.QueryPairs().Where(pair => pair.Key != "code" && !(known.Contains(pair.Key) && RequestText.IsStorable(pair.Value ?? "")))
            .ToDictionary(pair => pair.Key, pair => known.Contains(pair.Key) ? RequestText.Refusal : $"unknown; there are {string.Join(", ", known)}");
}
