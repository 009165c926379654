using Durable.Cli;
using Durable.Cli.Output;

return await DurableCommandLine.RunAsync(args, Screen.OfThisProcess());
