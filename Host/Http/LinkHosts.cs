using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Http;

/// <summary>
/// The addresses that links may name. Links carry keys; otherwise the writer of a request's Host header would choose where the keys go. A
/// link names the address the request connected to, a loopback name, an address the host listens on, or a configured one:
/// <c>WEBSITE_HOSTNAME</c>, <c>Durable__PublicHosts</c> (names with or without port, separated by semicolons). Behind a proxy, configure
/// the public name.
/// </summary>
internal sealed class LinkHosts(IConfiguration configuration, IServer server, KeyGate gate)
{
    private static readonly string[] Forwarding = ["Forwarded", "X-Forwarded-Host", "X-Original-Host"];

    private readonly string[] configured =
    [
        .. new[] { configuration["WEBSITE_HOSTNAME"], configuration["Durable:PublicHosts"] }.SelectMany(text =>
            (text ?? string.Empty).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        ),
    ];

    /// <summary>Replaces a host that links may not name, and removes forwarding headers that name another. Without keys nothing is
    /// replaced: a foreign host is refused.</summary>
    public void Apply(HttpContext http)
    {
        if (gate.KeysRequired && !IsKnown(http.Request.Host, http.Connection))
        {
            http.Request.Host = this.configured is [var name, ..]
                ? new HostString(name)
                : new HostString(Plain(http.Connection.LocalIpAddress ?? IPAddress.Loopback).ToString(), http.Connection.LocalPort);
        }

        foreach (string header in Forwarding)
        {
            if (
                http.Request.Headers.TryGetValue(header, out var given)
                && !this.configured.Contains(given.ToString(), StringComparer.OrdinalIgnoreCase)
            )
                http.Request.Headers.Remove(header);
        }
    }

    private bool IsKnown(HostString host, ConnectionInfo connection) =>
        KeyGate.IsLocalName(host.Host)
        || IsConfigured(host)
        || IsConnected(host, connection)
        || (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Any(address =>
            Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase)
        );

    private bool IsConfigured(HostString host) =>
        this.configured.Any(name =>
            name.Equals(host.Value, StringComparison.OrdinalIgnoreCase) || name.Equals(host.Host, StringComparison.OrdinalIgnoreCase)
        );

    private static bool IsConnected(HostString host, ConnectionInfo connection) =>
        IPAddress.TryParse(host.Host.Trim('[', ']'), out IPAddress? asked)
        && connection.LocalIpAddress is { } local
        && asked.Equals(Plain(local))
        && (host.Port is { } port ? port == connection.LocalPort : connection.LocalPort is 80 or 443);

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
