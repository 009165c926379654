using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>The nightly clean-up of the ledger, called manually, as an operator does.</summary>
public sealed class RetentionTimerTests
{
    [Fact]
    public async Task The_nightly_clean_up_deletes_what_is_older_than_its_settings_and_is_in_the_list_of_timers()
    {
        await using AppProcess app = await AppProcess.StartAsync(
            settings: new Dictionary<string, string> { ["Retention__Ledger"] = "10.00:00:00" },
            onSchedule: true
        );
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(app.Connection);
        await using (
            NpgsqlCommand fill = database.CreateCommand(
                """
                INSERT INTO operations.runs (run_id, instance_id, kind, parameters, code_version, state, started_at, finished_at)
                SELECT 'old-' || days, 'a', 'hazard', '{}'::jsonb, '1', 'completed', now() - days * interval '1 day',
                    now() - days * interval '1 day' FROM unnest(ARRAY[9, 11]) AS days
                """
            )
        )
            await fill.ExecuteNonQueryAsync();

        string schedule = "";
        await Eventually.HoldsAsync( // the table of timers is made as the host starts
            async () =>
        {
            (HttpStatusCode code, JsonElement timers) = await app.GetAsync("/admin/timers");
            if (code == HttpStatusCode.OK)
                schedule = timers
                    .EnumerateArray()
                    .FirstOrDefault(timer => timer.GetProperty("name").GetString() == "ApplyRetention")
                    .ToString();
            return schedule.Length > 0;
        });
        Assert.Contains("0 40 3 * * *", schedule, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/admin/functions/ApplyRetention", "{}")).Status);

        await Eventually.HoldsAsync(async () => await LeftAsync() == "old-9", LeftAsync);

        async Task<string> LeftAsync()
        {
            await using NpgsqlCommand left = database.CreateCommand("SELECT string_agg(run_id, ',' ORDER BY run_id) FROM operations.runs");
            return await left.ExecuteScalarAsync() as string ?? "";
        }
    }
}
