using System.Globalization;
using System.Net;
using System.Text;

namespace Durable.Pipelines.Benchmark.Results;

/// <summary>A line of a chart.</summary>
public sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Learning curves as a picture: SVG, which MLflow and every browser show.</summary>
internal static class CurveChart
{
    private const int Width = 720,
        Height = 400,
        Left = 64,
        Right = 190,
        Top = 40,
        Bottom = 48;

    // Okabe and Ito's colours: distinct for colour-blind readers, too.
    private static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

    /// <param name="title">Shown above; escaped.</param>
    /// <param name="yName">Name of the vertical axis.</param>
    public static string Draw(string title, string yName, IReadOnlyList<ChartLine> lines)
    {
        (double X, double Y)[] all = [.. lines.SelectMany(line => line.Points).Where(point => double.IsFinite(point.Y))];
        double minX = all.Length == 0 ? 0 : all.Min(p => p.X),
            maxX = all.Length == 0 ? 1 : all.Max(p => p.X),
            minY = all.Length == 0 ? 0 : all.Min(p => p.Y),
            maxY = all.Length == 0 ? 1 : all.Max(p => p.Y);
        if (maxX == minX)
            maxX = minX + 1;
        if (maxY == minY)
            maxY = minY + (minY == 0 ? 1 : Math.Abs(minY) * 0.1);
        StringBuilder svg = new();
        svg.Append(
                CultureInfo.InvariantCulture,
                $"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="12">"""
            )
            .Append('\n');
        svg.Append(
                CultureInfo.InvariantCulture,
                $"""<rect width="{Width}" height="{Height}" fill="#fff"/><text x="{Left}" y="24" font-size="15">{Text(title)}</text>"""
            )
            .Append('\n');
        for (int tick = 0; tick <= 4; tick++)
        {
            double y = minY + ((maxY - minY) * tick / 4),
                x = minX + ((maxX - minX) * tick / 4);
            svg.Append(
                CultureInfo.InvariantCulture,
                $"""<line x1="{Left}" y1="{Down(y):F1}" x2="{Width - Right}" y2="{Down(y):F1}" stroke="#ddd"/><text x="{Left - 6}" y="{Down(y) + 4:F1}" text-anchor="end">{y:G3}</text>"""
            );
            svg.Append(
                    CultureInfo.InvariantCulture,
                    $"""<text x="{Across(x):F1}" y="{Height - Bottom + 18}" text-anchor="middle">{x:G3}</text>"""
                )
                .Append('\n');
        }

        svg.Append(
                CultureInfo.InvariantCulture,
                $"""<text x="{(Left + Width - Right) / 2}" y="{Height - 10}" text-anchor="middle">epoch</text><text x="16" y="{Height / 2}" transform="rotate(-90 16 {Height / 2})" text-anchor="middle">{Text(yName)}</text>"""
            )
            .Append('\n');
        foreach ((int at, ChartLine line) in lines.Index())
        {
            string colour = Colours[at % Colours.Length],
                points = string.Join(
                    ' ',
                    line.Points.Where(p => double.IsFinite(p.Y))
                        .Select(p => string.Create(CultureInfo.InvariantCulture, $"{Across(p.X):F1},{Down(p.Y):F1}"))
                );
            svg.Append(
                CultureInfo.InvariantCulture,
                $"""<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{(at >= Colours.Length ? " stroke-dasharray=\"5 3\"" : "")}/>"""
            );
            svg.Append(
                    CultureInfo.InvariantCulture,
                    $"""<line x1="{Width - Right + 12}" y1="{Top + 8 + (at * 18)}" x2="{Width - Right + 32}" y2="{Top + 8 + (at * 18)}" stroke="{colour}" stroke-width="2"/><text x="{Width - Right + 38}" y="{Top + 12 + (at * 18)}">{Text(line.Name)}</text>"""
                )
                .Append('\n');
        }

        return svg.Append("</svg>\n").ToString();

        double Across(double x) => Left + ((x - minX) / (maxX - minX) * (Width - Left - Right));
        double Down(double y) => Height - Bottom - ((y - minY) / (maxY - minY) * (Height - Top - Bottom));
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
