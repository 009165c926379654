namespace Durable.Host.Hosting;

/// <summary>The app's folder: holds host.json and local.settings.json; <c>.local/</c> may be written there.</summary>
internal static class ContentRoot
{
    /// <summary>The setting <c>AzureWebJobsScriptRoot</c>, else the working directory if it holds a host.json, else the folder of the
    /// program.</summary>
    public static string Find()
    {
        string? configured = Environment.GetEnvironmentVariable("AzureWebJobsScriptRoot");
        if (!string.IsNullOrEmpty(configured))
            return Path.GetFullPath(configured);
        string here = Directory.GetCurrentDirectory();
        return File.Exists(Path.Combine(here, "host.json")) ? here : AppContext.BaseDirectory;
    }
}
