using System.Text.Json;
using Durable.Tests.AzureHost;

namespace Durable.Tests.Architecture;

/// <summary>The bindings of the built app, as the Azure Functions host reads them: from <c>functions.metadata</c>, before any code of the
/// app has run.</summary>
public sealed class BindingExpressionTests
{
    [Fact]
    public void Every_expression_names_a_setting_that_the_Azure_host_can_resolve()
    {
        AppSettings settings = AppSettings.OfSample();
        IReadOnlyList<JsonElement> functions = AppOutput.Functions();
        Assert.NotEmpty(functions);
        foreach (JsonElement function in functions)
            settings.Resolve(function.GetProperty("name").GetString()!, function.GetProperty("bindings").GetRawText());
    }

    [Theory, InlineData("Nowhere"), InlineData("Empty"), InlineData("Every__Hour")]
    public void A_binding_that_cannot_be_resolved_is_refused_with_the_name_of_its_function(string setting)
    {
        AppSettings settings = AppSettings.OfSample(
            new Dictionary<string, string>
            {
                ["Empty"] = "",
                ["Every__Hour"] = "0 0 * * * *",
                ["Every"] = "0 0 * * * *",
            }
        );
        Assert.Equal("""{"schedule":"0 0 * * * *"}""", settings.Resolve("Tick", """{"schedule":"%Every%"}"""));
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() =>
            settings.Resolve("Tick", $$"""{"schedule":"%{{setting}}%"}""")
        );
        Assert.Contains($"Tick is left out by the Azure host: %{setting}%", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reaper_runs_every_minute_whatever_the_settings_say()
    {
        JsonElement reaper = AppOutput.Functions().Single(function => function.GetProperty("name").GetString() == "ReapClusters");
        Assert.Contains("\"0 * * * * *\"", reaper.GetProperty("bindings").GetRawText(), StringComparison.Ordinal);
    }
}
