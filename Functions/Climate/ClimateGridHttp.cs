using System.Net;
using Durable.Functions.Http;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Climate;

/// <summary>The grid that the batches compute: number of cells and source. <c>sample</c> is null for imported data; 404 while there is
/// none.</summary>
public sealed class ClimateGridHttp(SampleLoader loader)
{
    [Function("ReadClimateGrid")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "climate/grid")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (await loader.ReadGridAsync(cancellationToken) is not { } grid)
            return await request.RefuseAsync(
                HttpStatusCode.NotFound,
                "The grid is empty: import one, or generate a sample.",
                cancellationToken
            );
        return await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                grid.Cells,
                grid.Source,
                sample = grid.Seed is { } seed ? new { grid.Cells, seed } : null,
            },
            cancellationToken
        );
    }
}
