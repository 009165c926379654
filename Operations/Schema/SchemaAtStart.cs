using Durable.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Operations.Schema;

/// <summary>Brings the schema up to date before the first function runs. An unavailable database does not end the process: it retries until
/// the database is there.</summary>
/// <remarks>The first attempt is awaited, so that no function meets an old schema on a normal start.</remarks>
internal sealed partial class SchemaAtStart(IServiceProvider services, ILogger<SchemaAtStart> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource stopping = new();
    private Task? retries;

    /// <exception cref="SchemaRefusedException">An applied step's file has changed; permanent.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        NpgsqlDataSource database;
        try
        {
            database = services.GetRequiredService<NpgsqlDataSource>();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // Missing or unreadable setting: functions that need the database say the same.
            LogUnusable(logger, e.Message);
            return;
        }

        if (!await TryAsync(database, first: true, cancellationToken))
            retries = RetryAsync(database);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        if (retries is not null)
            await retries.WaitAsync(cancellationToken);
    }

    public void Dispose() => stopping.Dispose();

    private async Task RetryAsync(NpgsqlDataSource database)
    {
        try
        {
            do
            {
                await Task.Delay(Pause, stopping.Token);
            } while (!await TryAsync(database, first: false, stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopped before the database was available.
        }
        catch (SchemaRefusedException e)
        {
            LogUnusable(logger, e.Message);
        }
    }

    /// <summary>One attempt; only the first failure is logged (<paramref name="first"/>).</summary>
    private async Task<bool> TryAsync(NpgsqlDataSource database, bool first, CancellationToken cancellationToken)
    {
        try
        {
            await AppSchema.ApplyAsync(database, cancellationToken);
            if (!first)
                LogApplied(logger);
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            if (first)
                LogAway(logger, OperationsServices.ConnectionSetting, e.Message);
            return false;
        }
    }

    [LoggerMessage(
        7001,
        LogLevel.Warning,
        "The pipelines' tables cannot be brought up to date yet: check that PostgreSQL runs and that {Setting} is right; "
            + "the app keeps trying. ({Reason})"
    )]
    private static partial void LogAway(ILogger logger, string setting, string reason);

    [LoggerMessage(7002, LogLevel.Information, "The pipelines' tables are up to date")]
    private static partial void LogApplied(ILogger logger);

    [LoggerMessage(7003, LogLevel.Error, "The pipelines' database cannot be used. {Reason}")]
    private static partial void LogUnusable(ILogger logger, string reason);
}
