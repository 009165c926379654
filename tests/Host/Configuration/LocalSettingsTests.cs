using Durable.Host.Configuration;
using Microsoft.Extensions.Configuration;

namespace Durable.Tests.Host.Configuration;

public sealed class LocalSettingsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("durable-local-settings-").FullName;

    [Fact]
    public void Values_become_settings_and_the_environment_wins()
    {
        string taken = "DURABLE_TEST_" + Guid.NewGuid().ToString("N");
        Write(
            $$"""{ "IsEncrypted": false, /* desk */ "Values": { "{{taken}}": "file", "Nested__Name": 7, "Other": "file" }, "ConnectionStrings": { "Db": "x" } }"""
        );
        Environment.SetEnvironmentVariable(taken, "environment");
        ConfigurationBuilder builder = new();
        builder.AddEnvironmentVariables();

        LocalSettings.Load(folder).AddTo(builder);

        IConfigurationRoot configuration = builder.Build();
        Assert.Equal("environment", configuration[taken]);
        Assert.Equal(("7", "file", "x"), (configuration["Nested:Name"], configuration["Other"], configuration.GetConnectionString("Db")));
        Environment.SetEnvironmentVariable(taken, null);
    }

    [Fact]
    public void Only_what_the_environment_lacks_is_added_to_it()
    {
        string taken = "DURABLE_TEST_" + Guid.NewGuid().ToString("N");
        string missing = "DURABLE_TEST_" + Guid.NewGuid().ToString("N");
        Write($$"""{ "Values": { "{{taken}}": "file", "{{missing}}": "file" } }""");
        Environment.SetEnvironmentVariable(taken, "environment");

        LocalSettings.Load(folder).AddToEnvironment();

        Assert.Equal(("environment", "file"), (Environment.GetEnvironmentVariable(taken), Environment.GetEnvironmentVariable(missing)));
        Environment.SetEnvironmentVariable(taken, null);
        Environment.SetEnvironmentVariable(missing, null);
    }

    [Theory]
    [InlineData("""{ "IsEncrypted": true, "Values": {} }""", "IsEncrypted is true; run 'func settings decrypt'")]
    [InlineData("""{ "Values": { "A": { "B": 1 } } }""", "Values.A is a JSON Object; settings are flat")]
    [InlineData("""{ "Values": """, "line 1")]
    [InlineData("[]", "it is not a JSON object")]
    public void A_file_that_cannot_be_used_is_explained(string json, string error)
    {
        Write(json);

        Assert.Contains(error, Assert.Single(LocalSettings.Load(folder).Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void No_file_means_no_values() => Assert.Empty(LocalSettings.Load(folder).Values);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Write(string json) => File.WriteAllText(Path.Combine(folder, "local.settings.json"), json);
}
