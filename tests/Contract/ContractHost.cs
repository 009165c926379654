using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Contract;

/// <summary>
/// The recorded app on the embedded host: a process of its own with a fresh database, and keys required as in the recordings.
/// </summary>
internal sealed class ContractHost : IAsyncDisposable
{
    /// <summary>The hub's key, by which the recorder asks.</summary>
    public const string SystemKey = "contractSystemKey00000000000000000000000000000000000";

    private readonly Process process;
    private readonly DirectoryInfo folder;

    private ContractHost(Process process, DirectoryInfo folder, string url) => (this.process, this.folder, Url) = (process, folder, url);

    public string Url { get; }

    /// <summary>Starts it and waits until it listens.</summary>
    public static async Task<ContractHost> StartAsync()
    {
        int port = FreePort();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("contract-");
        File.Copy(SharedData.PathOf(Path.Combine("..", "contract", "app", "host.json")), Path.Combine(folder.FullName, "host.json"));
        string url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "ContractApp.dll"), "--urls", url])
        {
            WorkingDirectory = folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["PostgresConnection"] = await PostgresServer.CreateDatabaseAsync(),
                ["WEBSITE_HOSTNAME"] = url["http://".Length..],
                ["Durable__RequireKeys"] = "true",
                ["Durable__ScopedLinks"] = "false",
                ["Keys__system__durabletask_extension"] = SystemKey,
                ["Keys__master"] = "contractMasterKey0000000000000000000000000000000000==", // the recorder's own
                ["Keys__host__default"] = "contractFunctionKey000000000000000000000000000000000==",
            },
        };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        ContractHost host = new(process, folder, url);
        using HttpClient http = new();
        await Eventually.HoldsAsync(() => AnswersAsync(http, url), $"{url} answers");
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        folder.Delete(recursive: true);
    }

    private static async Task<bool> AnswersAsync(HttpClient http, string url)
    {
        try
        {
            return (await http.GetAsync(new Uri(url + "/api/trail/nobody"))).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
