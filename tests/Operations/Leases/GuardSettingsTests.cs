using Durable.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Durable.Tests.Operations.Leases;

public sealed class GuardSettingsTests
{
    [Fact]
    public void Settings_reach_the_guard_and_the_transport()
    {
        using ServiceProvider services = Services(
            ("CostGuard:DayUsd", "12.5"),
            ("CostGuard:LongestLease", "02:00:00"),
            ("CostGuard:HourlyPrices", "a.b=0.5, *=2"),
            ("Remote:Transport", "ssh"),
            ("Remote:SshPort", "2222")
        );

        CostGuardOptions guard = services.GetRequiredService<CostGuardOptions>();
        RemoteOptions remote = services.GetRequiredService<RemoteOptions>();

        Assert.Equal(
            (12.5m, TimeSpan.FromHours(2), 0.5m, 2m),
            (guard.DayUsd, guard.LongestLease, guard.Prices()["a.b"], guard.Prices()["*"])
        );
        Assert.Equal(("ssh", 2222), (remote.Transport, remote.SshPort));
    }

    [Theory]
    [InlineData("CostGuard:DayUsd", "-1", "CostGuard__DayUsd")]
    [InlineData("CostGuard:LongestLease", "30.00:00:00", "CostGuard__LongestLease")]
    [InlineData("CostGuard:HourlyPrices", "t3.medium", "CostGuard__HourlyPrices")]
    [InlineData("Remote:Transport", "telnet", "Remote__Transport")]
    [InlineData("Remote:SshUser", "-oProxyCommand=x", "Remote__SshUser")]
    public void A_bad_value_is_refused_by_its_name(string key, string value, string setting)
    {
        using ServiceProvider services = Services((key, value));

        Exception refused = Assert.ThrowsAny<Exception>(() =>
            (services.GetRequiredService<CostGuardOptions>(), services.GetRequiredService<RemoteOptions>())
        );

        Assert.Contains(setting, refused.Message, StringComparison.Ordinal);
        Assert.True(refused is OptionsValidationException or FormatException, $"{refused}");
    }

    private static ServiceProvider Services(params (string Key, string Value)[] settings)
    {
        ServiceCollection services = new();
        services.AddSingleton<IConfiguration>(
            new ConfigurationBuilder()
                .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
                .Build()
        );
        services.AddLogging();
        return services.AddOperations().BuildServiceProvider();
    }
}
