using System.Diagnostics;
using System.Globalization;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Durable.Tests.Fixtures;

namespace Durable.Tests.SandboxTests;

/// <summary>Processes on the sandbox's machines end with the machines and with the sandbox, however it ends.</summary>
public sealed class AwsSandboxLifeTests
{
    [Fact]
    public async Task A_machine_that_crashes_takes_its_processes_along_and_its_command_falls_silent()
    {
        await using AwsSandbox sandbox = await AwsSandbox.StartAsync();
        string id = await RunningMachineAsync(sandbox);
        string mark = NewMark();
        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        string command = (await SendAsync(ssm, id, Detached(mark) + "\nsleep 600")).CommandId;
        await Eventually.HoldsAsync(() => Living(mark) > 0, "the command's process has not begun");

        await sandbox.MachineAsync(id, "crash");

        await Eventually.HoldsAsync(() => Living(mark) == 0, "a process outlived its machine");
        GetCommandInvocationResponse silent = await ssm.GetCommandInvocationAsync(
            new GetCommandInvocationRequest { CommandId = command, InstanceId = id }
        );
        Assert.Equal(CommandInvocationStatus.InProgress, silent.Status);
        DescribeInstanceInformationResponse agents = await ssm.DescribeInstanceInformationAsync(new DescribeInstanceInformationRequest());
        Assert.Equal(PingStatus.ConnectionLost, Assert.Single(agents.InstanceInformationList).PingStatus);
        Assert.Equal("stopped", (await sandbox.StatesAsync())[id]);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Nothing_is_left_running_when_the_sandbox_has_ended(bool killed)
    {
        await using AwsSandbox sandbox = await AwsSandbox.StartAsync();
        string id = await RunningMachineAsync(sandbox);
        string mark = NewMark();
        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        await SendAsync(ssm, id, Detached(mark));
        await Eventually.HoldsAsync(() => Living(mark) > 0, "the detached process has not begun");

        if (killed)
            sandbox.Kill();
        else
            await sandbox.DisposeAsync();

        await Eventually.HoldsAsync(() => Living(mark) == 0, "a process outlived the sandbox");
    }

    [Fact]
    public async Task A_sandbox_ends_with_the_process_it_was_started_for()
    {
        using Process parent = Process.Start("sleep", "600");
        using Process sandbox = Process.Start(
            new ProcessStartInfo(
                "python3",
                [Path.Combine(SparkStandIn.Root, "Sandbox", "sandbox.py"), "--parent", parent.Id.ToString(CultureInfo.InvariantCulture)]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        string? line = await sandbox.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.StartsWith("AWS sandbox on http://127.0.0.1:", line, StringComparison.Ordinal);

        parent.Kill();
        await parent.WaitForExitAsync();

        await sandbox.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, sandbox.ExitCode);
    }

    private static async Task<string> RunningMachineAsync(AwsSandbox sandbox)
    {
        string id = (await sandbox.CreateClusterAsync(workers: 0)).Master.Id;
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [id] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[id] == "running");
        return id;
    }

    private static async Task<Command> SendAsync(AmazonSimpleSystemsManagementClient ssm, string id, string script) =>
        (
            await ssm.SendCommandAsync(
                new SendCommandRequest
                {
                    InstanceIds = [id],
                    DocumentName = "AWS-RunShellScript",
                    Parameters = new() { ["commands"] = [script] },
                }
            )
        ).Command;

    /// <summary>A process in its own session whose command line no other process has.</summary>
    private static string Detached(string mark) => $"setsid sleep {mark} >/dev/null 2>&1 &";

    private static string NewMark() => Random.Shared.Next(100_000_000, 999_999_999).ToString(CultureInfo.InvariantCulture);

    private static int Living(string mark)
    {
        using Process list = Process.Start(
            new ProcessStartInfo("pgrep", ["-c", "-f", "^sleep " + mark]) { RedirectStandardOutput = true }
        )!;
        string count = list.StandardOutput.ReadToEnd();
        list.WaitForExit();
        return int.Parse(count, CultureInfo.InvariantCulture);
    }
}
