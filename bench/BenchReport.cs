using System.Text;

namespace Durable.Bench;

/// <summary>The lines of a report in Markdown: printed as they come, and kept for <c>--out</c>.</summary>
internal sealed class BenchReport
{
    private readonly StringBuilder text = new();

    public void Say(string line = "")
    {
        Console.WriteLine(line);
        text.Append(line).Append('\n');
    }

    public override string ToString() => text.ToString();
}
