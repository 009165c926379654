using Microsoft.DurableTask;
using Microsoft.DurableTask.Abstractions;

namespace Durable.Tests.Host.Abstractions;

public sealed class TaskNameTests
{
    [Fact]
    public void Names_and_text_turn_into_each_other()
    {
        TaskName name = "StopCluster";
        string text = name;

        Assert.Equal(("StopCluster", "StopCluster", "StopCluster"), (text, name.Name, name.ToString()));
        Assert.Equal("", name.Version);
    }

    [Fact]
    public void Names_are_equal_without_case()
    {
        TaskName written = "StopCluster", called = "STOPCLUSTER";

        Assert.True(written == called);
        Assert.False(written != called);
        Assert.True(written.Equals((object)called));
        Assert.Equal(written.GetHashCode(), called.GetHashCode());
        Assert.NotEqual(written, new TaskName("StartCluster"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void No_text_is_the_default_name(string? text)
    {
        TaskName name = text!;

        Assert.Equal(default, name);
        Assert.Equal(0, name.GetHashCode());
        Assert.Equal("", name.ToString());
    }

    [Fact]
    public void Versions_are_equal_without_case_and_the_default_is_unversioned()
    {
        TaskVersion version = "v2-beta";

        Assert.Equal(new TaskVersion("V2-BETA"), version);
        Assert.Equal(version.GetHashCode(), new TaskVersion("V2-BETA").GetHashCode());
        Assert.Equal(TaskVersion.Unversioned, default);
        Assert.Equal(TaskVersion.Unversioned.GetHashCode(), default(TaskVersion).GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void An_unversioned_version_reads_empty_never_null(string? text)
    {
        string read = default(TaskVersion);

        Assert.Equal("", read);
        Assert.Equal("", new TaskVersion(text).Version);
        Assert.Equal(TaskVersion.Unversioned, new TaskVersion(text));
    }

    [Fact]
    public void White_space_is_no_version() => Assert.Throws<ArgumentException>(() => new TaskVersion(" "));

    [Theory]
    [InlineData("1.2", "1.10", -1)] // by number, not by letter
    [InlineData("2.0", "1.9.9", 1)]
    [InlineData("1.0", "1.0", 0)]
    [InlineData("", "1.0", -1)]
    [InlineData("1.0", "", 1)]
    [InlineData("", " ", 0)]
    [InlineData("alpha", "Beta", -1)]
    [InlineData("ALPHA", "alpha", 0)]
    public void Versions_compare_by_number_or_else_as_text(string source, string other, int sign) =>
        Assert.Equal(sign, Math.Sign(TaskOrchestrationVersioningUtils.CompareVersions(source, other)));
}
