using Microsoft.Extensions.Configuration;

namespace Durable.Host.Hosting;

/// <summary>Whether an Azure Functions host started this process.</summary>
public static class FunctionsHost
{
    /// <summary>
    /// True when the process is a worker: the host passed its address on the command line (<c>--functions-uri</c>) or in the settings of
    /// the worker, or loaded the process natively (placeholder mode of Azure). <c>FUNCTIONS_WORKER_RUNTIME</c> proves nothing: any settings
    /// file may contain it.
    /// </summary>
    public static bool Started(string[] args)
    {
        IConfiguration start = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(args).Build();
        return !string.IsNullOrEmpty(start["functions-uri"])
            || !string.IsNullOrEmpty(start["Functions:Worker:HostEndpoint"])
            || AppContext.GetData("AZURE_FUNCTIONS_NATIVE_HOST") is not null;
    }
}
