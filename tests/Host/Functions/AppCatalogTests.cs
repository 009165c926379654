using System.Reflection;
using Durable.Host.Functions;

namespace Durable.Tests.Host.Functions;

public sealed class AppCatalogTests
{
    [Theory, InlineData("Durable"), InlineData("SampleApp")]
    public void Every_function_of_the_program_can_be_served(string program)
    {
        FunctionCatalog catalog = FunctionCatalog.FromAssemblies([Assembly.Load(program)]);

        int declared = Assembly
            .Load(program)
            .GetTypes()
            .SelectMany(t => t.GetMethods())
            .Count(m => m.IsDefined(typeof(Microsoft.Azure.Functions.Worker.FunctionAttribute)));
        Assert.Equal(declared, catalog.Functions.Count);
    }
}
