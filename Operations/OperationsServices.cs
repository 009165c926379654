using Durable.Operations.Aws;
using Durable.Operations.Backup;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Operations.Plans;
using Durable.Operations.Remote;
using Durable.Operations.Schema;
using Durable.Operations.Training;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Durable.Operations;

/// <summary>What every pipeline shares: the database, its schema, ledger, plans, partitions, gates, notifications, backups.</summary>
public static class OperationsServices
{
    /// <summary>Setting with the Npgsql connection string of the pipelines' database.</summary>
    public const string ConnectionSetting = "PostgresConnection";

    /// <summary>Registers everything once; a second call changes nothing.</summary>
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => NpgsqlDataSource.Create(Short(ConnectionString(provider))));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Partitions>();
        services.TryAddSingleton<PlanStore>();
        services.TryAddSingleton<StartLock>();
        services.TryAddSingleton<RunLedger>();
        services.TryAddSingleton<RunReader>();
        services.AddOptions<RetentionOptions>().BindConfiguration("Retention").ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<RetentionOptions>>().Value);
        services.TryAddSingleton<LedgerRetention>();
        services.TryAddSingleton<DataGates>();
        services.TryAddSingleton<NotificationOutbox>();
        services.TryAddSingleton(provider => new NotificationSender(
            provider.GetRequiredService<NpgsqlDataSource>(),
            new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }),
            NotificationOptions.Read(provider.GetRequiredService<IConfiguration>()),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NotificationSender>>()
        ));
        services.TryAddSingleton(provider => new DatabaseBackup(Backups(provider), provider.GetRequiredService<TimeProvider>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SchemaAtStart>());
        return services.AddAwsClients().AddLeases().AddRemoteHosts();
    }

    /// <summary>Has the app purge ended instances, on a host that keeps them until somebody does. The embedded host purges by itself, and
    /// knows the parents that still need a child.</summary>
    public static IServiceCollection AddInstanceRetention(this IServiceCollection services)
    {
        services
            .AddOptions<RetentionOptions>()
            .Configure<IConfiguration>(
                (options, settings) => options.Instances = settings.GetValue("Durable:InstanceRetention", TimeSpan.FromDays(30))
            );
        return services;
    }

    private static IServiceCollection AddLeases(this IServiceCollection services)
    {
        services
            .AddOptions<CostGuardOptions>()
            .BindConfiguration("CostGuard")
            .ValidateDataAnnotations()
            .Validate(options => options.Prices().Count > 0, "CostGuard__HourlyPrices names no price.")
            .ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<CostGuardOptions>>().Value);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPaidMachines, Ec2Machines>());
        services.TryAddSingleton<TrainingJobs>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPaidMachines, SageMakerMachines>());
        services.TryAddSingleton<LeaseKeeper>();
        services.TryAddSingleton<LeaseReader>();
        services.TryAddSingleton<LeaseReaper>();
        return services;
    }

    private static IServiceCollection AddRemoteHosts(this IServiceCollection services)
    {
        services.AddOptions<RemoteOptions>().BindConfiguration("Remote").ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<RemoteOptions>>().Value);
        services.TryAddSingleton<IRemoteShell>(provider =>
            provider.GetRequiredService<RemoteOptions>().Transport == "ssh"
                ? ActivatorUtilities.CreateInstance<SshShell>(provider)
                : ActivatorUtilities.CreateInstance<SsmShell>(provider)
        );
        services.TryAddSingleton<IRemoteHost, RemoteHost>();
        return services;
    }

    /// <summary>A connection opened while the server was read-only stays read-only: with this lifetime the pool drops it within 5 s after
    /// the server is writable again, even under load.</summary>
    private static NpgsqlConnectionStringBuilder Short(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings = new(connectionString);
        if (settings.ConnectionLifetime == new NpgsqlConnectionStringBuilder().ConnectionLifetime)
            settings.ConnectionLifetime = 5;
        return settings;
    }

    private static string ConnectionString(IServiceProvider provider) =>
        provider.GetRequiredService<IConfiguration>()[ConnectionSetting] is { Length: > 0 } text
            ? text
            : throw new InvalidOperationException(
                $"Setting {ConnectionSetting} is missing: an Npgsql connection string such as "
                    + "Host=127.0.0.1;Username=durable;Database=durable. See local.settings.sample.json."
            );

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
