using Durable.Postgres;

namespace Durable.Tests.Postgres;

public sealed class RedactionTests
{
    // "hunter2" and what surrounds it stand for the secret; it must be gone, and what is not secret must still be there.
    [Theory]
    [InlineData("Host=h;Password=hunter2;User=u", "Host=h;Password=***;User=u")]
    [InlineData("Server=s;Pwd=hunter2,x", "Server=s;Pwd=***")]
    [InlineData("Password='hunter2 ''x; y';User=u", "Password='***';User=u")]
    [InlineData("""{"user":"u","password":"hunter2","n":1}""", """{"user":"u","password":"***","n":1}""")]
    [InlineData("""{"password":"a\"hunter2"}""", """{"password":"***"}""")]
    [InlineData("""{\"password\":\"hunter2\",\"n\":1}""", """{\"password\":\"***\",\"n\":1}""")]
    [InlineData("{'client_secret': 'hunter2', 'n': 1}", "{'client_secret': '***', 'n': 1}")]
    [InlineData("AWS_SECRET_ACCESS_KEY=hunter2/x+y", "AWS_SECRET_ACCESS_KEY=***")]
    [InlineData("AWS_SESSION_TOKEN=hunter2== next", "AWS_SESSION_TOKEN=*** next")]
    [InlineData("PGPASSWORD=hunter2 pg_dump", "PGPASSWORD=*** pg_dump")]
    [InlineData("DB_PASS: hunter2", "DB_PASS: ***")]
    [InlineData("clientSecret => hunter2", "clientSecret => ***")]
    [InlineData("Authorization: Basic aHVudGVyMjpodW50ZXIy", "Authorization: ***")]
    [InlineData("Authorization: Bearer hunter2.x", "Authorization: ***")]
    [InlineData("""{"Authorization":"Bearer hunter2"}""", """{"Authorization":"***"}""")]
    [InlineData("Proxy-Authorization: Digest username=u, response=hunter2", "Proxy-Authorization: ***")]
    [InlineData(
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAABCDEFGHIJKLMNOP/x, Signature=hunter2\nHost: h",
        "Authorization: ***\nHost: h"
    )]
    [InlineData("got Bearer hunter2hunter2hunter2 back", "got Bearer *** back")]
    [InlineData("sent Basic aHVudGVyMg== there", "sent Basic *** there")]
    [InlineData("Cookie: session=hunter2; other=hunter2\nHost: h", "Cookie: ***\nHost: h")]
    [InlineData("x-functions-key: hunter2", "x-functions-key: ***")]
    [InlineData("X-Api-Key=hunter2&n=1", "X-Api-Key=***&n=1")]
    [InlineData("Ocp-Apim-Subscription-Key: hunter2", "Ocp-Apim-Subscription-Key: ***")]
    [InlineData(
        "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=hunter2=",
        "Endpoint=sb://x/;SharedAccessKeyName=***;SharedAccessKey=***"
    )]
    [InlineData("AccountName=a;AccountKey=hunter2==;Suffix=s", "AccountName=a;AccountKey=***;Suffix=s")]
    [InlineData("https://a.blob/x?sv=2024&sig=hunter2%3D&se=1", "https://a.blob/x?sv=2024&sig=***&se=1")]
    [InlineData(
        "https://s3/x?X-Amz-Date=1&X-Amz-Signature=hunter2&X-Amz-Expires=9",
        "https://s3/x?X-Amz-Date=1&X-Amz-Signature=***&X-Amz-Expires=9"
    )]
    [InlineData("https://s3/x?X-Amz-Security-Token=hunter2", "https://s3/x?X-Amz-Security-Token=***")]
    [InlineData("GET http://h/api/x?code=hunter2&n=1", "GET http://h/api/x?code=***&n=1")]
    [InlineData("postgres://me:hunter2@host/db", "postgres://***@host/db")]
    [InlineData("postgres://me:hun/te@r2@host/db", "postgres://***@host/db")]
    [InlineData("redis://:hunter2@host:6379", "redis://***@host:6379")]
    [InlineData("git clone https://hunter2@git.example/x", "git clone https://***@git.example/x")]
    [InlineData("mlflow --token hunter2 --n 1", "mlflow --token *** --n 1")]
    [InlineData("x --db-password 'hunter2 y' z", "x --db-password *** z")]
    [InlineData("curl -s -u me:hunter2 http://h", "curl -s -u *** http://h")]
    [InlineData("sshpass -p hunter2 ssh h", "sshpass -p *** ssh h")]
    [InlineData("<Password>hunter2</Password><N>1</N>", "<Password>***</Password><N>1</N>")]
    [InlineData("key AKIAABCDEFGHIJKLMNOP end", "key *** end")]
    [InlineData("to https://hooks.slack.com/services/T0/B0/hunter2 now", "to *** now")]
    [InlineData("with xoxb-1-hunter2 now", "with *** now")]
    [InlineData("with ghp_hunter2hunter2hunter2x now", "with *** now")]
    [InlineData("with eyJhbGciOi.eyJzdWIiOi.hunter2 now", "with *** now")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----", "***")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nhunter2", "***")]
    public void A_secret_is_taken_out_whatever_its_form(string text, string expected)
    {
        string safe = Redaction.Redact(text);

        Assert.Equal(expected, safe);
        Assert.Equal(expected, Redaction.Redact(safe)); // what is stored redacted is shown as it is
    }

    [Theory]
    [InlineData("pg_dump ended with exit code: 1")]
    [InlineData("42P01: relation \"x\" does not exist, error code 7")]
    [InlineData("512 tokens, passed: 3, keys: 4, Key (id)=(3) already exists.")]
    [InlineData("Basic authentication failed; password authentication failed for user \"u\"")]
    [InlineData("http://127.0.0.1:7071/api/runs?top=5 answered 404")]
    [InlineData("mail to a@example.org at 12:00")]
    [InlineData("partition SSP245/2050 of run hazard-1/20260101T000000000Z: primary key=7")]
    public void What_is_no_secret_stays(string text) => Assert.Equal(text, Redaction.Redact(text));

    [Fact]
    public void A_long_text_is_cut_without_leaving_half_a_secret()
    {
        string text = new string('x', Redaction.Longest - 30) + " postgres://me:" + new string('p', 100) + "@host/db";

        string safe = Redaction.Redact(text);

        Assert.InRange(safe.Length, 1, Redaction.Longest + 10);
        Assert.DoesNotContain("ppp", safe, StringComparison.Ordinal);
    }

    [Theory] // each of these takes a backtracking pattern minutes
    [
        InlineData("a"),
        InlineData("a://"),
        InlineData("a:b@"),
        InlineData("password="),
        InlineData("password=\""),
        InlineData("<password "),
        InlineData("curl "),
        InlineData("token-")
    ]
    public async Task Hostile_text_takes_no_longer_than_any_other(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, 2_000_000 / part.Length));

        await Task.Run(() => Redaction.Redact(text)).WaitAsync(TimeSpan.FromSeconds(60)); // against hanging, not a measure
    }

    [Theory]
    [InlineData("plain é 😀", "plain é 😀")]
    [InlineData("a\0b", "a\uFFFDb")]
    public void Text_is_stored_as_it_is_where_it_can_be(string text, string stored) => Assert.Equal(stored, StorableText.Clean(text));

    [Fact]
    public void Halves_of_surrogate_pairs_are_replaced() =>
        Assert.Equal("a\uFFFDb\uFFFD😀\uFFFD", StorableText.Clean("a\uD83Db\uDE00😀\uD83D"));
}
