using Durable.Operations;
using Durable.Pipelines.Climate.Import;
using Npgsql;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>An input table has a row outside the computed years.</summary>
public sealed class StrayInputYearException(string table, string row)
    : PermanentFailureException(
        $"climate.{table} holds a row outside {InputTables.FirstYear} to {InputTables.LastYear}: {row}. Delete or correct it, then pack again."
    );

/// <summary>Looks for rows outside the allowed years of input tables. The importer refuses such rows; this finds rows written otherwise,
/// before there were constraints.</summary>
internal static class InputYears
{
    /// <exception cref="StrayInputYearException">A table has such a row: its series would run over thousands of years.</exception>
    public static async Task CheckAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        string sql = string.Join(
            " UNION ALL ",
            InputTables
                .All.Values.Where(IsDated)
                .Select(table =>
                {
                    string time = table.Key.Contains("year") ? "year" : "observation_date";
                    (object first, object last) =
                        time == "year"
                            ? ((object)InputTables.FirstYear, (object)InputTables.LastYear)
                            : ($"DATE '{InputTables.FirstYear}-01-01'", $"DATE '{InputTables.LastYear}-12-31'");
                    string row = string.Join(", ", table.Key.Select(name => $"'{name} ' || {name}"));
                    return $"(SELECT '{table.Name}', concat_ws(', ', {row}) FROM climate.{table.Name} WHERE {time} < {first} OR {time} > {last} LIMIT 1)";
                })
        );
        await using NpgsqlCommand command = database.CreateCommand($"SELECT * FROM ({sql}) AS strays LIMIT 1");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        if (await reader.ReadAsync(cancellationToken))
            throw new StrayInputYearException(reader.GetString(0), reader.GetString(1));
    }

    // Tables that packing reads by year; the key starts with the time, so the index finds the strays.
    private static bool IsDated(InputTable table) =>
        table.Name == "api_typhoon_besttrack" || table.Key[0] is "observation_date" or "year" && table.Name != "api_typhoon_track";
}
