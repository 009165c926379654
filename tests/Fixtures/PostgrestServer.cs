using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Tests.Fixtures;

/// <summary>As much of PostgREST 17 as a reader of rows meets, over a real PostgreSQL whose rows it prints as PostgREST does: select,
/// order, filters, limit and offset, db-max-rows, keys, errors.</summary>
internal sealed partial class PostgrestServer : IAsyncDisposable
{
    public const string Key = "read-only-key";

    private readonly WebApplication app;
    private readonly NpgsqlDataSource database;
    private readonly Queue<(int Status, string Body)> faults = new();

    private PostgrestServer(WebApplication app, NpgsqlDataSource database) => (this.app, this.database) = (app, database);

    public string Url => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>Most rows of an answer, whatever was asked for; it says nothing about it.</summary>
    public int MaxRows { get; set; } = 1000;

    public int Requests { get; private set; }

    /// <summary>Runs before each answer; the number of the request.</summary>
    public Func<int, Task> Before { get; set; } = _ => Task.CompletedTask;

    public static async Task<PostgrestServer> StartAsync(NpgsqlDataSource database)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        WebApplication app = builder.Build();
        PostgrestServer server = new(app, database);
        app.Map("/rest/v1/{table}", server.AnswerAsync);
        await app.StartAsync();
        return server;
    }

    /// <summary>The next answer is this one.</summary>
    public void Fail(int status, string body) => faults.Enqueue((status, body));

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        Requests++;
        await Before(Requests);
        if (context.Request.Headers["apikey"] != Key || context.Request.Headers.Authorization != "Bearer " + Key)
        {
            await WriteAsync(
                context,
                401,
                """{"message": "Invalid API key", "hint": "Double check your Supabase `anon` or `service_role` API key."}"""
            );
            return;
        }

        if (faults.TryDequeue(out (int Status, string Body) fault))
        {
            if (fault.Status == 0)
                context.Abort();
            else
                await WriteAsync(context, fault.Status, fault.Body);
            return;
        }

        await QueryAsync(context, (string)context.Request.RouteValues["table"]!);
    }

    private async Task QueryAsync(HttpContext context, string table)
    {
        IQueryCollection query = context.Request.Query;
        List<string> where = [];
        await using NpgsqlConnection connection = await database.OpenConnectionAsync();
        await using NpgsqlCommand command = new() { Connection = connection };
        foreach (
            (string column, Microsoft.Extensions.Primitives.StringValues filter) in query.Where(part =>
                part.Key is not ("select" or "order" or "limit" or "offset")
            )
        )
        {
            if (filter == "not.is.null")
                where.Add($"{column} IS NOT NULL");
            else if (filter.ToString() is ['g', 't', 'e', '.', .. string value])
            {
                command.Parameters.Add(new() { Value = value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Unknown });
                where.Add($"{column} >= $1::timestamptz");
            }
            else
            {
                await WriteAsync(
                    context,
                    400,
                    """{"code": "PGRST100", "details": null, "hint": null, "message": "failed to parse filter"}"""
                );
                return;
            }
        }

        int limit = Math.Min(
            MaxRows,
            int.Parse(query["limit"].ToString() is { Length: > 0 } most ? most : "1000000", CultureInfo.InvariantCulture)
        );
        string order = string.Join(
            ", ",
            query["order"]
                .ToString()
                .Split(',')
                .Select(part => part.Replace(".asc", " ASC", StringComparison.Ordinal).Replace(".desc", " DESC", StringComparison.Ordinal))
        );
        if (!Name().IsMatch(table) || !Columns().IsMatch(query["select"].ToString()))
            throw new InvalidOperationException("a test asked for odd names");
        command.CommandText = $"""
            SELECT coalesce(json_agg(t), '[]')::text FROM (SELECT {query["select"]} FROM {table} {(
                where.Count > 0 ? "WHERE " + string.Join(" AND ", where) : ""
            )}
            ORDER BY {order} LIMIT {limit} OFFSET {int.Parse(
                query["offset"].ToString() is { Length: > 0 } skip ? skip : "0",
                CultureInfo.InvariantCulture
            )}) t
            """;
        try
        {
            await using (NpgsqlCommand zone = new("SET TIME ZONE 'UTC'", connection))
                await zone.ExecuteNonQueryAsync();
            await WriteAsync(context, 200, (string)(await command.ExecuteScalarAsync())!);
        }
        catch (PostgresException error)
        {
            bool unknown = error.SqlState == PostgresErrorCodes.UndefinedTable;
            await WriteAsync(
                context,
                unknown ? 404 : 400,
                $$"""{"code": "{{(unknown ? "PGRST205" : error.SqlState)}}", "details": null, "hint": null, "message": "{{error.MessageText.Replace("\"", "'", StringComparison.Ordinal)}}"}"""
            );
        }
    }

    private static Task WriteAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync(body);
    }

    [GeneratedRegex(@"\A[a-z0-9_]+\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z0-9_,]+\z")]
    private static partial Regex Columns();
}
