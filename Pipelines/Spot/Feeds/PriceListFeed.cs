using System.Globalization;
using System.Text.Json;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Feeds;

/// <summary>Products of the Price List API, one JSON text each.</summary>
public static class PriceListFeed
{
    /// <summary>The on-demand price of a product: its first on-demand term's first price in dollars. Null when it has none or it is
    /// zero.</summary>
    /// <exception cref="FeedUnreadableException">It is not a product.</exception>
    public static OnDemandQuote? Parse(string product)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(product);
            JsonElement attributes = document.RootElement.GetProperty("product").GetProperty("attributes");
            string type = attributes.GetProperty("instanceType").GetString() ?? "",
                region = attributes.GetProperty("regionCode").GetString() ?? "";
            if (
                !document.RootElement.TryGetProperty("terms", out JsonElement terms)
                || !terms.TryGetProperty("OnDemand", out JsonElement onDemand)
            )
                return null;
            foreach (JsonProperty term in onDemand.EnumerateObject())
            {
                foreach (JsonProperty dimension in term.Value.GetProperty("priceDimensions").EnumerateObject())
                    return SpotPriceFeed.TryPrice(
                        dimension.Value.GetProperty("pricePerUnit").TryGetProperty("USD", out JsonElement usd) ? usd.GetString() : null,
                        out double price
                    )
                        ? new OnDemandQuote(type, region, price)
                        : null;
            }

            return null;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FeedUnreadableException($"The price list has an entry that is not a product: {error.Message}", error);
        }
    }
}

/// <summary>Entries of DescribeSpotPriceHistory.</summary>
public static class SpotPriceFeed
{
    /// <summary>The product whose prices are collected.</summary>
    public const string Linux = "Linux/UNIX";

    /// <summary>Reads a price above zero, rounded to five decimals. Invalid text is no price, not zero.</summary>
    public static bool TryPrice(string? dollars, out double price)
    {
        bool read = decimal.TryParse(
            dollars,
            NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture,
            out decimal exact
        );
        price = read ? Quote.Price(exact) : Quote.Missing;
        return read && exact > 0;
    }
}
