using System.Net;
using Amazon.S3;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Pothole;

/// <summary>
/// Starts days and ranges of the pothole pipeline and shows their results. 202 with the status links; 200 with the plan for a dry run; 400
/// naming each bad field; 409 with the status link of a running run that covers one of the days, or because the day is done; 422 when the
/// pipeline is not configured.
/// </summary>
public sealed class PotholeHttp(
    PotholePlanner planner,
    PotholeSteps steps,
    PotholeOptions options,
    RunReader runs,
    SegmentTable table,
    StartLock starts,
    TimeProvider clock
)
{
    /// <summary>Serialises starts of days and ranges: the cluster has one owner at a time, and a day one run.</summary>
    internal const string Subject = "pothole";

    /// <summary>Every option of a start with its limits.</summary>
    internal static IReadOnlyList<Field> Fields { get; } =
    [
        Field.Day("date", "The day to run."),
        Field.Day("from", "First day of a range."),
        Field.Day("to", "Last day of a range."),
        Field.Flag("force", "Also repeat what is done."),
        Field.Flag("dryRun", "Show the plan of one day and do nothing."),
    ];

    /// <summary><c>{"date": "2026-02-12"}</c> or <c>{"from": "2026-02-01", "to": "2026-02-12"}</c>, with <c>force</c> and, for one day,
    /// <c>dryRun</c>.</summary>
    [Function("StartPotholePipeline")]
    public async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "pothole")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new PotholeOffException().Message, cancellationToken);
        FieldValues values = await request.ReadFieldsAsync(Fields, cancellationToken);
        (bool force, bool dryRun) = (values.Flag("force"), values.Flag("dryRun"));
        (DateOnly? from, DateOnly? to) = values.Errors.Count > 0 ? default : ReadDays(values);
        if (values.Errors.Count > 0 || from is not { } first || to is not { } last)
            return await request.RefuseAsync(values, cancellationToken);
        return values.Has("date")
            ? await StartDayAsync(request, client, first, force, dryRun, cancellationToken)
            : await StartRangeAsync(request, client, first, last, force, cancellationToken);
    }

    /// <summary>A day's steps, runs and worst segments.</summary>
    [Function("ReadPotholeDay")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "pothole/{date}")] HttpRequestData request,
        string date,
        CancellationToken cancellationToken
    ) =>
        !RunDates.TryRead(date, out _)
            ? await request.RefuseAsync(
                HttpStatusCode.BadRequest,
                new { error = "invalid options", fields = new { date = "a day as YYYY-MM-DD" } },
                cancellationToken
            )
            : await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    date,
                    steps = (await steps.ReadAsync(date, cancellationToken)).Values.OrderBy(step => step.FinishedUtc),
                    runs = await runs.ReadAsync(PotholeRequest.IdOf(date), cancellationToken),
                    worst = await table.WorstAsync(date, 10, cancellationToken),
                },
                cancellationToken
            );

    private async Task<HttpResponseData> StartDayAsync(
        HttpRequestData request,
        DurableTaskClient client,
        DateOnly date,
        bool force,
        bool dryRun,
        CancellationToken cancellationToken
    )
    {
        PotholeRequest day = new(RunDates.Text(date), force);
        if (dryRun)
        {
            try
            {
                PotholeWork work = await planner.PlanAsync(day, "plan", cancellationToken);
                return await request.AnswerAsync(
                    HttpStatusCode.OK,
                    new
                    {
                        work.Date,
                        work.InputPrefix,
                        work.InputFiles,
                        work.InputBytes,
                        work.Steps,
                        work.CodeHash,
                        machines = work.Cluster.MachineIds,
                        budget = work.Cluster.Longest,
                    },
                    cancellationToken
                );
            }
            catch (AmazonS3Exception error)
            {
                return await request.RefuseAsync(
                    HttpStatusCode.BadGateway,
                    $"The bucket {options.Bucket} cannot be read: {error.ErrorCode} {error.Message}",
                    cancellationToken
                );
            }
        }

        await using IAsyncDisposable turn = await starts.HoldAsync(Subject, cancellationToken);
        if (await client.FindActiveAsync(date, date, cancellationToken) is { } active)
            return await client.RefuseActiveAsync(request, active, cancellationToken);
        if (!day.Force && (await steps.ReadAsync(day.Date, cancellationToken)).ContainsKey(PotholePlanner.Load))
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = $"{day.Date} is done. To do it again, add force.", instance = day.InstanceId },
                cancellationToken
            );
        return await client.StartAsync(request, nameof(PotholePipeline), day.InstanceId, day, cancellationToken);
    }

    // Of two concurrent runs of a day one would fail although the day succeeds.
    private async Task<HttpResponseData> StartRangeAsync(
        HttpRequestData request,
        DurableTaskClient client,
        DateOnly from,
        DateOnly to,
        bool force,
        CancellationToken cancellationToken
    )
    {
        BackfillRequest range = new(RunDates.Text(from), RunDates.Text(to), force);
        await using IAsyncDisposable turn = await starts.HoldAsync(Subject, cancellationToken);
        return await client.FindActiveAsync(from, to, cancellationToken) is { } active
            ? await client.RefuseActiveAsync(request, active, cancellationToken)
            : await client.StartAsync(request, nameof(PotholeBackfill), range.InstanceId, range, cancellationToken);
    }

    /// <summary>The day, or the first and last of the range; null where there is an error.</summary>
    private (DateOnly? From, DateOnly? To) ReadDays(FieldValues values)
    {
        if (values.Has("date"))
        {
            if (values.Has("from") || values.Has("to"))
                values.Refuse("date", "either date, or from and to");
            DateOnly? day = ReadDay(values, "date");
            return (day, day);
        }

        (DateOnly? from, DateOnly? to) = (ReadDay(values, "from"), ReadDay(values, "to"));
        if (values.Flag("dryRun"))
            values.Refuse("dryRun", "for one date only");
        if (from > to)
            values.Refuse("to", "not before from");
        else if (to?.DayNumber - from?.DayNumber >= options.LongestBackfill)
            values.Refuse("to", $"at most {options.LongestBackfill} days (Pothole__LongestBackfill)");
        return (from, to);
    }

    private DateOnly? ReadDay(FieldValues values, string field)
    {
        DateOnly today = RunDates.DayOf(clock.GetUtcNow());
        if (RunDates.TryRead(values.Text(field), out DateOnly day) && day >= RunDates.Earliest && day <= today)
            return day;
        values.Refuse(field, $"a day as YYYY-MM-DD from {RunDates.Text(RunDates.Earliest)} to {RunDates.Text(today)}");
        return null;
    }
}
