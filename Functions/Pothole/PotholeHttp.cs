using System.Net;
using System.Text.Json;
using Amazon.S3;
using Durable.Functions.Http;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Pothole;

/// <summary>
/// Starts days and ranges of the pothole pipeline and tells what became of them. 202 with the status links; 200 with the plan for a dry run; 400 naming each
/// bad field; 409 with the status link of the run under way that covers one of the days, or because the day is done; 422 when the pipeline is not set up.
/// </summary>
public sealed class PotholeHttp(
    PotholePlanner planner, PotholeSteps steps, PotholeOptions options, RunReader runs, SegmentTable table, StartLock starts, TimeProvider clock)
{
    /// <summary>Starts of days and of ranges take turns under it: the cluster has one owner at a time, and a day one run.</summary>
    internal const string Subject = "pothole";

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    private sealed record StartBody(string? Date = null, string? From = null, string? To = null, bool Force = false, bool DryRun = false);

    /// <summary><c>{"date": "2026-02-12"}</c> or <c>{"from": "2026-02-01", "to": "2026-02-12"}</c>, with <c>force</c> and, for one day, <c>dryRun</c>.</summary>
    [Function("StartPotholePipeline")]
    public async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "pothole")] HttpRequestData request, [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (!options.IsOn) return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new { error = new PotholeOffException().Message }, cancellationToken);
        (StartBody? body, Dictionary<string, string> wrong) = Read(await request.ReadAsStringAsync());
        if (body is null || wrong.Count > 0) return await request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = wrong }, cancellationToken);
        return body.Date is { } date
            ? await StartDayAsync(request, client, new PotholeRequest(date, body.Force), body.DryRun, cancellationToken)
            : await StartRangeAsync(request, client, new BackfillRequest(body.From!, body.To!, body.Force), cancellationToken);
    }

    /// <summary>What is known of a day: its steps, its runs, its worst segments.</summary>
    [Function("ReadPotholeDay")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "pothole/{date}")] HttpRequestData request, string date, CancellationToken cancellationToken) =>
        !RunDates.TryRead(date, out _)
            ? await request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = new { date = "a day as YYYY-MM-DD" } }, cancellationToken)
            : await request.AnswerAsync(HttpStatusCode.OK, new
            {
                date, steps = (await steps.ReadAsync(date, cancellationToken)).Values.OrderBy(step => step.FinishedUtc),
                runs = await runs.ReadAsync(PotholeRequest.IdOf(date), cancellationToken), worst = await table.WorstAsync(date, 5, cancellationToken),
            }, cancellationToken);

    private async Task<HttpResponseData> StartDayAsync(HttpRequestData request, DurableTaskClient client, PotholeRequest day, bool dryRun, CancellationToken cancellationToken)
    {
        if (dryRun)
        {
            try
            {
                PotholeWork work = await planner.PlanAsync(day, "plan", cancellationToken);
                return await request.AnswerAsync(
                    HttpStatusCode.OK, new { work.Date, work.InputPrefix, work.InputFiles, work.InputBytes, work.Steps, work.CodeHash, machines = work.Cluster.MachineIds, budget = work.Cluster.Longest }, cancellationToken);
            }
            catch (AmazonS3Exception error)
            {
                return await request.RefuseAsync(HttpStatusCode.BadGateway, new { error = $"The bucket {options.Bucket} cannot be read: {error.ErrorCode} {error.Message}" }, cancellationToken);
            }
        }

        RunDates.TryRead(day.Date, out DateOnly date);
        await using IAsyncDisposable turn = await starts.HoldAsync(Subject, cancellationToken);
        if (await client.FindActiveAsync(date, date, cancellationToken) is { } active) return await client.RefuseActiveAsync(request, active, cancellationToken);
        if (!day.Force && (await steps.ReadAsync(day.Date, cancellationToken)).ContainsKey(PotholePlanner.Load))
            return await request.RefuseAsync(HttpStatusCode.Conflict, new { error = $"{day.Date} is done. To do it again, add force.", instance = day.InstanceId }, cancellationToken);
        return await client.StartAsync(request, nameof(PotholePipeline), day.InstanceId, day, cancellationToken);
    }

    // Two runs of one day at a time would fail one of them although the day succeeds.
    private async Task<HttpResponseData> StartRangeAsync(HttpRequestData request, DurableTaskClient client, BackfillRequest range, CancellationToken cancellationToken)
    {
        RunDates.TryRead(range.From, out DateOnly from);
        RunDates.TryRead(range.To, out DateOnly to);
        await using IAsyncDisposable turn = await starts.HoldAsync(Subject, cancellationToken);
        return await client.FindActiveAsync(from, to, cancellationToken) is { } active
            ? await client.RefuseActiveAsync(request, active, cancellationToken)
            : await client.StartAsync(request, nameof(PotholeBackfill), range.InstanceId, range, cancellationToken);
    }

    private (StartBody? Body, Dictionary<string, string> Wrong) Read(string? json)
    {
        Dictionary<string, string> wrong = [];
        StartBody? body = null;
        try
        {
            body = JsonSerializer.Deserialize<StartBody>(string.IsNullOrWhiteSpace(json) ? "{}" : json, Strict);
        }
        catch (JsonException error)
        {
            wrong["body"] = $"a JSON object with date, or from and to, force, dryRun ({error.Path ?? "$"} is not)";
            return (null, wrong);
        }

        if (body is null) wrong["body"] = "a JSON object";
        else if (body.Date is not null)
        {
            Check("date", body.Date);
            if (body.From is not null || body.To is not null) wrong["date"] = "either date, or from and to";
        }
        else
        {
            DateOnly? from = Check("from", body.From), to = Check("to", body.To);
            if (body.DryRun) wrong["dryRun"] = "for one date only";
            if (from > to) wrong["to"] = "not before from";
            else if (to?.DayNumber - from?.DayNumber >= options.LongestBackfill) wrong["to"] = $"at most {options.LongestBackfill} days (Pothole__LongestBackfill)";
        }

        return (body, wrong);

        DateOnly? Check(string field, string? text)
        {
            DateOnly today = RunDates.DayOf(clock.GetUtcNow());
            if (RunDates.TryRead(text, out DateOnly day) && day >= RunDates.Earliest && day <= today) return day;
            wrong[field] = $"a day as YYYY-MM-DD from {RunDates.Text(RunDates.Earliest)} to {RunDates.Text(today)}";
            return null;
        }
    }
}
