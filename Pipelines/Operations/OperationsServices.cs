using Durable.Pipelines.Operations.Leases;
using Durable.Pipelines.Operations.Remote;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Durable.Pipelines.Operations;

/// <summary>What every pipeline shares: the database, its schema, ledger, plans, partitions, gates, notifications, backups.</summary>
public static class OperationsServices
{
    /// <summary>Setting that holds the Npgsql connection string of the pipelines' database.</summary>
    public const string ConnectionSetting = "PostgresConnection";

    /// <summary>Registers everything once; a second call changes nothing.</summary>
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => NpgsqlDataSource.Create(ConnectionString(provider)));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Partitions>();
        services.TryAddSingleton<Plans>();
        services.TryAddSingleton<RunLedger>();
        services.TryAddSingleton<RunReader>();
        services.TryAddSingleton<DataGates>();
        services.TryAddSingleton<NotificationOutbox>();
        services.TryAddSingleton(provider => new NotificationSender(
            provider.GetRequiredService<NpgsqlDataSource>(), new HttpClient(), Notifications(provider.GetRequiredService<IConfiguration>()),
            provider.GetRequiredService<ILogger<NotificationSender>>()));
        services.TryAddSingleton(provider => new DatabaseBackup(Backups(provider), provider.GetRequiredService<TimeProvider>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SchemaAtStart>());
        return services.AddAwsClients().AddLeases().AddRemoteHosts();
    }

    private static IServiceCollection AddLeases(this IServiceCollection services)
    {
        services.AddOptions<CostGuardOptions>().BindConfiguration("CostGuard").ValidateDataAnnotations()
            .Validate(options => options.Prices().Count > 0, "CostGuard__HourlyPrices names no price.").ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<CostGuardOptions>>().Value);
        services.TryAddSingleton<LeaseKeeper>();
        return services;
    }

    private static IServiceCollection AddRemoteHosts(this IServiceCollection services)
    {
        services.AddOptions<RemoteOptions>().BindConfiguration("Remote").ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<RemoteOptions>>().Value);
        services.TryAddSingleton<IRemoteShell, OpenSshShell>();
        services.TryAddSingleton<IRemoteHost, RemoteHost>();
        return services;
    }

    private static string ConnectionString(IServiceProvider provider) =>
        provider.GetRequiredService<IConfiguration>()[ConnectionSetting] is { Length: > 0 } text
            ? text
            : throw new InvalidOperationException(
                $"Setting {ConnectionSetting} is missing: an Npgsql connection string such as Host=127.0.0.1;Username=durable;Database=durable. See local.settings.sample.json.");

    private static NotificationOptions Notifications(IConfiguration settings) => new()
    {
        Webhook = settings["NotificationWebhook"] is { Length: > 0 } webhook ? new Uri(webhook, UriKind.Absolute) : null,
        AllowedHosts = settings["NotificationAllowedHosts"] is { Length: > 0 } hosts ? hosts.Split(',', StringSplitOptions.TrimEntries) : ["hooks.slack.com"],
    };

    private static BackupOptions Backups(IServiceProvider provider)
    {
        IConfiguration settings = provider.GetRequiredService<IConfiguration>();
        return new BackupOptions
        {
            ConnectionString = ConnectionString(provider),
            Directory = settings["BackupDirectory"] is { Length: > 0 } directory ? directory : Path.Combine(".local", "backups"),
            Kept = int.TryParse(settings["BackupsKept"], out int kept) && kept > 0 ? kept : 3,
        };
    }
}
