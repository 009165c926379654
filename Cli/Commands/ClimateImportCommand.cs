using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable climate import FILE</c>: sends an input table to the host and shows each refused row.</summary>
internal static class ClimateImportCommand
{
    public static Command Create(Connection connection, Screen screen)
    {
        Argument<FileInfo> file = new("file")
        {
            Description = "CSV, plain or gzip, UTF-8 or EUC-KR/CP949; the first line names the columns",
        };
        Option<string?> table = new("--table")
        {
            Description = "Input table; default the name of the file up to its first dot, as in tamax_data.csv.gz",
        };
        Option<string?> source = new("--source") { Description = "Where the file came from, for the record; default its name" };
        return new Command(
            "import",
            "Imports an input table. Good rows replace those with the same key; exit code 1 when any row was refused."
        )
        {
            file,
            table,
            source,
        }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                FileInfo given = parsed.GetRequiredValue(file);
                string target = parsed.GetValue(table) ?? given.Name.Split('.', 2)[0];
                await using FileStream content = Open(given);
                screen.Say(
                    string.Create(CultureInfo.InvariantCulture, $"Importing {given.Name} ({given.Length:N0} bytes) into {target} ...")
                );
                string route =
                    $"climate/import/{Uri.EscapeDataString(target)}?source={Uri.EscapeDataString(parsed.GetValue(source) ?? given.Name)}";
                using StreamContent body = new(content) { Headers = { ContentType = new MediaTypeHeaderValue("text/csv") } };
                JsonNode? receipt = (await client.UploadAsync(route, body, cancellation)).Body;
                Write(screen, format, receipt);
                return receipt.Number("rejected") is 0 ? ExitCode.Ok : ExitCode.Failed;
            }
        );
    }

    private static FileStream Open(FileInfo file)
    {
        try
        {
            return file.OpenRead();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitCode.BadUsage, $"{file} cannot be read: {error.Message}");
        }
    }

    private static void Write(Screen screen, OutputFormat format, JsonNode? receipt)
    {
        if (format == OutputFormat.Json)
        {
            JsonView.Write(screen, format, receipt);
            return;
        }

        long refused = receipt.Number("rejected") ?? 0;
        screen.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{receipt.Text("table")}: {receipt.Number("accepted"):N0} rows imported, "
                    + $"{refused:N0} refused (import {receipt.Text("importId")}, {receipt.Text("encoding")})"
            )
        );
        if (receipt.Field("rejects") is not JsonArray { Count: > 0 } rejects)
            return;
        screen.Out.WriteLine();
        foreach (JsonNode? row in rejects)
        {
            string what = row.Text("column") is { Length: > 0 } column ? $"{column} '{row.Text("value")}'" : "the row";
            screen.Out.WriteLine($"line {row.Text("line")}: {what} {row.Text("reason")}. {row.Text("remedy")}");
        }

        if (refused > rejects.Count)
            screen.Out.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The first {rejects.Count} of {refused:N0}; the first 10,000 are in climate.import_rejects."
                )
            );
    }
}
