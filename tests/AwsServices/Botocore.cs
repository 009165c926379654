using System.Diagnostics;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Amazon.SageMaker;
using Durable.Tests.Fixtures;

namespace Durable.Tests.AwsServices;

/// <summary>botocore, the reference reading of AWS's service models, beside our clients.</summary>
internal static class Botocore
{
    private static readonly Lazy<bool> Here = new(() => Run("-c", "import botocore", "").ExitCode == 0);

    /// <summary>Why botocore is not available here, or null.</summary>
    public static string? Missing => Here.Value ? null : "needs python3 with boto3";

    /// <summary>Answer of botocore_check.py.</summary>
    public static JsonNode Ask(string command, string input = "")
    {
        (int exitCode, string output, string error) = Run(
            Path.Combine(SparkStandIn.Root, "tests", "AwsServices", "botocore_check.py"),
            command,
            input
        );
        return exitCode == 0
            ? JsonNode.Parse(output)!
            : throw new InvalidOperationException($"botocore_check.py {command} ended with {exitCode}: {error}");
    }

    private static (int ExitCode, string Output, string Error) Run(string script, string argument, string input)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("python3", [script, argument])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(),
                error = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            process.WaitForExit();
            return (process.ExitCode, output.Result, error.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, "", "python3 is not installed");
        }
    }
}

internal sealed class BotocoreFactAttribute : FactAttribute
{
    public BotocoreFactAttribute() => Skip = Botocore.Missing;
}

internal sealed class BotocoreTheoryAttribute : TheoryAttribute
{
    public BotocoreTheoryAttribute() => Skip = Botocore.Missing;
}

/// <summary>Every operation called once with everything set, answered once with everything set and once with each error, and botocore's
/// verdict.</summary>
public sealed class BotocoreEvidence : IAsyncLifetime
{
    internal JsonNode Samples { get; private set; } = new JsonObject();

    internal JsonNode Verdicts { get; private set; } = new JsonObject();

    public async Task InitializeAsync()
    {
        if (Botocore.Missing is not null)
            return;
        Samples = Botocore.Ask("samples");
        JsonObject evidence = [];
        foreach (JsonNode? sample in Samples["operations"]!.AsArray())
            evidence[$"{sample!["service"]}.{sample["operation"]}"] = await CallAsync(sample);
        Verdicts = Botocore.Ask("check", evidence.ToJsonString());
    }

    public Task DisposeAsync() => Task.CompletedTask;

    internal static ClientConfig NewConfig(string service) =>
        (ClientConfig)Activator.CreateInstance(TypeOf($"Amazon.{service}.Amazon{service}Config"))!;

    private static Type TypeOf(string name) => typeof(AmazonSageMakerClient).Assembly.GetType(name, throwOnError: true)!;

    private static async Task<JsonNode> CallAsync(JsonNode sample)
    {
        string service = (string)sample["service"]!,
            operation = (string)sample["operation"]!,
            type = (string)sample["contentType"]!;
        object request = Shapes.Fill(TypeOf($"Amazon.{service}.Model.{operation}Request"));
        StubAws aws = new([
            new StubAnswer(200, (string)sample["body"]!, type),
            .. sample["errors"]!.AsArray().Select(e => new StubAnswer(400, (string)e!["body"]!, type)),
        ]);
        ClientConfig config = aws.Configure(NewConfig(service));
        config.MaxErrorRetry = 0;
        using AmazonServiceClient client = (AmazonServiceClient)
            Activator.CreateInstance(TypeOf($"Amazon.{service}.Amazon{service}Client"), StubAws.Credentials, config)!;
        Task<JsonNode?> Call() => InvokeAsync(client, operation, request);

        JsonNode? response = await Call();
        SentRequest sent = Assert.Single(aws.Sent);
        JsonArray errors = [];
        foreach (JsonNode? _ in sample["errors"]!.AsArray())
        {
            AmazonServiceException e = await Assert.ThrowsAnyAsync<AmazonServiceException>(Call);
            JsonObject members = Shapes.Show(e)!.AsObject();
            errors.Add(
                new JsonObject
                {
                    ["type"] = e.GetType().FullName,
                    ["code"] = e.ErrorCode,
                    ["message"] = e.Message,
                    ["members"] = members,
                }
            );
        }

        return new JsonObject
        {
            ["request"] = Shapes.Show(request),
            ["response"] = response,
            ["errors"] = errors,
            ["method"] = sent.Method,
            ["path"] = sent.Address.AbsolutePath,
            ["url"] = sent.Address.AbsoluteUri,
            ["body"] = sent.Body,
            ["region"] = "eu-central-1",
            ["headers"] = new JsonObject(sent.Headers.Select(h => KeyValuePair.Create(h.Key, (JsonNode?)h.Value))),
            ["accessKey"] = StubAws.Credentials.GetCredentials().AccessKey,
            ["secretKey"] = StubAws.Credentials.GetCredentials().SecretKey,
        };
    }

    private static async Task<JsonNode?> InvokeAsync(AmazonServiceClient client, string operation, object request)
    {
        Task call = (Task)
            client
                .GetType()
                .GetMethod(operation + "Async", [request.GetType(), typeof(CancellationToken)])!
                .Invoke(client, [request, CancellationToken.None])!;
        await call;
        return Shapes.Show(call.GetType().GetProperty("Result")!.GetValue(call));
    }
}
