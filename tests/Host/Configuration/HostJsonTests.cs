using Durable.Host.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Durable.Tests.Host.Configuration;

public sealed class HostJsonTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("durable-hostjson-").FullName;

    // The recorded answers of the real Functions host: accepted (null) or refused with this text.
    [Theory]
    [InlineData("""{"version":"2.0","extensions":{"durableTask":{"hubName":"HjHub","storageProvider":{"partitionCount":1}}}}""", null)]
    [InlineData("{}", null)]
    [InlineData("""{"version":"1.0"}""", "'1.0' is an invalid value for host.json 'version' property")]
    [InlineData("""{"extensions":{}}""", "The host.json file is missing the required 'version' property")]
    [InlineData("""{"version":"3.0"}""", "'3.0' is an invalid value for host.json 'version' property")]
    [InlineData("""{ "version": "2.0", """, "Unable to parse host configuration file")]
    [InlineData("""{"version":"2.0","somethingElse":1}""", null)]
    [InlineData("""{"version":"2.0","extensions":{"durableTask":{"noSuchOption":1}}}""", null)]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"hubName":"ab"}}}""",
        "Task hub name 'ab' should contain only alphanumeric characters"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"hubName":"1abc"}}}""",
        "Task hub name '1abc' should contain only alphanumeric characters"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"hubName":"my-hub"}}}""",
        "Task hub name 'my-hub' should contain only alphanumeric characters"
    )]
    [InlineData("""{"version":"2.0","extensions":{"durableTask":{"hubName":"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}}}""", null)]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"maxConcurrentActivityFunctions":0}}}""",
        "MaxConcurrentActivityFunctions must be a positive integer value"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"maxConcurrentActivityFunctions":-1}}}""",
        "MaxConcurrentActivityFunctions must be a positive integer value"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"maxConcurrentActivityFunctions":"many"}}}""",
        "maxConcurrentActivityFunctions = 'many'"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"type":"nosuch"}}}}""",
        "Storage provider type (nosuch) was not found. Available storage providers: AzureStorage"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"partitionCount":0}}}}""",
        "PartitionCount must be an integer value between 1 and 16"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"partitionCount":17}}}}""",
        "PartitionCount must be an integer value between 1 and 16"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"connectionName":"NoSuchSetting"}}}}""",
        "Unable to resolve the Azure Storage connection named 'NoSuchSetting'"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"controlQueueBatchSize":33}}}}""",
        "The control queue batch size must not exceed 32"
    )]
    [InlineData(
        """{"version":"2.0","extensions":{"durableTask":{"storageProvider":{"maxQueuePollingInterval":"00:00:00"}}}}""",
        "MaxQueuePollingInterval must be"
    )]
    [InlineData("{ // comment\n \"version\": \"2.0\", \"extensions\": { \"durableTask\": { \"hubName\": \"HjHub\" } } }", null)]
    [InlineData("""{"version":"2.0","extensions":{"durableTask":{"extendedSessionsEnabled":true}}}""", null)]
    [InlineData("""{"version":"2.0","extensions":{"http":{"routePrefix":"x"}}}""", null)]
    [InlineData("""{"version":"2.0","functionTimeout":"abc"}""", "functionTimeout = 'abc'")]
    [InlineData("""{"version":"2.0","functionTimeout":"-1"}""", null)]
    public void A_file_is_accepted_or_refused_as_the_functions_host_was_recorded_to(string json, string? error)
    {
        HostJsonReading reading = Read(json);

        if (error is null)
            Assert.Empty(reading.Errors);
        else
            Assert.Contains(error, Assert.Single(reading.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_honoured_setting_reaches_its_member()
    {
        HostJson read = Read(
            """
            {
              "version": "2.0", "functionTimeout": "01:30:00",
              "logging": { "logLevel": { "default": "Warning", "DurableTask.Core": "Trace" } },
              "extensions": {
                "http": { "routePrefix": "/v1/" },
                "durableTask": {
                  "hubName": "MyHub", "maxConcurrentActivityFunctions": 3, "maxConcurrentOrchestratorFunctions": "7", "extendedSessionsEnabled": true,
                  "extendedSessionIdleTimeoutInSeconds": 12, "overridableExistingInstanceStates": "AnyState",
                  "storageProvider": { "type": "azurestorage", "connectionStringName": "AzureWebJobsStorage" },
                  "tracing": { "distributedTracingEnabled": false, "version": "V1" }
                }
              }
            }
            """
        ).Settings;

        Assert.Equal(TimeSpan.FromMinutes(90), read.FunctionTimeout);
        Assert.Equal(LogLevel.Warning, read.LogLevels["Default"]);
        Assert.Equal(LogLevel.Trace, read.LogLevels["DurableTask.Core"]);
        Assert.Equal("v1", read.RoutePrefix);
        Assert.Equal(("MyHub", "myhub"), (read.HubName, read.Schema));
        Assert.Equal((3, 7), (read.MaxConcurrentActivityFunctions, read.MaxConcurrentOrchestratorFunctions));
        Assert.True(read.ExtendedSessionsEnabled);
        Assert.Equal(TimeSpan.FromSeconds(12), read.ExtendedSessionIdleTimeout);
        Assert.Equal(OverridableStates.AnyState, read.OverridableExistingInstanceStates);
        Assert.Equal((false, "V1"), (read.DistributedTracingEnabled, read.TracingVersion));
    }

    [Fact]
    public void Without_a_file_the_defaults_hold()
    {
        HostJsonReading reading = HostJson.Load(folder, Settings());

        Assert.Empty(reading.Errors);
        Assert.Equal(("TestHubName", "api"), (reading.Settings.HubName, reading.Settings.RoutePrefix));
        Assert.Equal(TimeSpan.FromMinutes(30), reading.Settings.FunctionTimeout);
        Assert.Equal(10 * Environment.ProcessorCount, reading.Settings.MaxConcurrentActivityFunctions);
        Assert.Equal("Host=a", reading.Settings.PostgresConnection);
    }

    [Fact]
    public void Minus_one_means_no_timeout() => Assert.Null(Read("""{"version":"2.0","functionTimeout":"-1"}""").Settings.FunctionTimeout);

    [Fact]
    public void All_mistakes_are_reported_at_once_with_setting_value_and_remedy()
    {
        IReadOnlyList<string> errors = Read(
            """
            {"version":"2.0","functionTimeout":"00:00:00.5","logging":{"logLevel":{"default":"Loud"}},"extensions":{"durableTask":{"hubName":"my-hub"}}}
            """
        ).Errors;

        Assert.Equal(3, errors.Count);
        Assert.Equal(
            "host.json: logging.logLevel.default = 'Loud': is no log level. Write one of Trace, Debug, Information, Warning, Error, Critical, None.",
            errors[1]
        );
    }

    [Fact]
    public void Settings_without_effect_are_named()
    {
        HostJsonReading reading = Read(
            """{"version":"2.0","healthMonitor":{"enabled":true},"extensions":{"durableTask":{"noSuchOption":1}}}"""
        );

        Assert.Equal(["extensions.durableTask.noSuchOption", "healthMonitor.enabled"], reading.Ignored);
    }

    [Fact]
    public void Replacing_running_instances_is_accepted_and_named_as_without_effect() =>
        Assert.Equal(
            ["extensions.durableTask.overridableExistingInstanceStates"],
            Read("""{"version":"2.0","extensions":{"durableTask":{"overridableExistingInstanceStates":"AnyState"}}}""").Ignored
        );

    [Fact]
    public void An_app_setting_stands_in_for_its_name_between_percent_signs()
    {
        const string Json = """{"version":"2.0","extensions":{"durableTask":{"hubName":"Hub%STAGE%"}}}""";

        Assert.Equal("HubBlue", Read(Json, ("STAGE", "Blue")).Settings.HubName);
        Assert.Contains(
            "'%STAGE%' does not resolve to a value; set the app setting 'STAGE'",
            Assert.Single(Read(Json).Errors),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_app_setting_overrides_the_file()
    {
        HostJson read = Read(
            """{"version":"2.0","extensions":{"durableTask":{"hubName":"FromFile"}}}""",
            ("AzureFunctionsJobHost:extensions:durableTask:hubName", "FromSetting")
        ).Settings;

        Assert.Equal("FromSetting", read.HubName);
    }

    [Fact]
    public void State_goes_to_DurablePostgres_before_PostgresConnection_and_one_of_them_must_be_set()
    {
        Assert.Equal("Host=b", Read("{}", ("DurablePostgres", "Host=b")).Settings.PostgresConnection);
        Assert.Contains(
            "App setting PostgresConnection is missing",
            Assert.Single(Read("{}", ("PostgresConnection", "")).Errors),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void The_repository_s_own_file_is_accepted()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Durable.sln")))
            root = Path.GetDirectoryName(root);
        Assert.NotNull(root);

        HostJsonReading reading = HostJson.Load(root, Settings());

        Assert.Empty(reading.Errors);
        Assert.Equal("DurablePipelines", reading.Settings.HubName);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private HostJsonReading Read(string json, params (string Name, string Value)[] settings)
    {
        File.WriteAllText(Path.Combine(folder, "host.json"), json);
        return HostJson.Load(folder, Settings(settings));
    }

    private static IConfigurationRoot Settings(params (string Name, string Value)[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection([new("PostgresConnection", "Host=a")])
            .AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Name, s.Value)))
            .Build();
}
