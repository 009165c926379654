"""Which machines run, as EC2 reports it (AWS_ENDPOINT_URL). A worker on a machine that is off cannot be alive."""
import os
import socket

LOCAL = {"localhost", "127.0.0.1", "::1", socket.gethostname()}


class Machines:
    def __init__(self):
        self._client = None

    def _ec2(self):
        if self._client is None:
            import boto3  # half a second, which a cluster of this machine alone need not wait

            self._client = boto3.client(
                "ec2", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_EC2") or os.environ.get("AWS_ENDPOINT_URL"),
                region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
        return self._client

    def running(self, hosts):
        """The hosts (addresses, names or instance ids) whose machine runs, each with a mark of this boot of it."""
        found = {host: "local" for host in hosts if host in LOCAL}
        if len(found) == len(set(hosts)):
            return found
        pages = self._ec2().get_paginator("describe_instances").paginate(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        for page in pages:
            for reservation in page["Reservations"]:
                for machine in reservation["Instances"]:
                    for key in ("PrivateIpAddress", "PrivateDnsName", "PublicIpAddress", "InstanceId"):
                        if machine.get(key) in hosts:
                            found[machine[key]] = str(machine.get("LaunchTime", ""))
        return found
