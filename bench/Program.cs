return await Durable.Bench.BenchCommandLine.RunAsync(args);
