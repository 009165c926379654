#!/usr/bin/env python3
"""Writes the models and clients of AwsServices/ from botocore's service models, the contract of each wire protocol.

    python3 AwsServices/Generator/generate.py           writes <Service>/Client.g.cs and Model.g.cs
    python3 AwsServices/Generator/generate.py --check   writes nothing; exit 1 and the names when a file is not what it would write

Names follow the .NET SDK v4: requests <Operation>Request, responses <Operation>Response, members with a capital, enums as ConstantClass, exceptions
with the word Exception, value types nullable. What is generated, and what is left out of large shapes, stands in services.json.
"""
import json
import pathlib
import re
import sys

import botocore.session

HERE = pathlib.Path(__file__).parent
SCALARS = {"string": "string", "character": "string", "boolean": "bool?", "integer": "int?", "long": "long?", "float": "float?", "double": "double?",
           "timestamp": "DateTime?", "blob": "MemoryStream"}


def capital(name):
    return name[:1].upper() + name[1:]


def exception_name(shape_name):
    return shape_name if shape_name.endswith("Exception") else shape_name + "Exception"


def constant_name(value):
    """Enum value as the .NET SDK spells it: the parts between signs, each with a capital; never a leading digit."""
    name = "".join(capital(part) for part in re.split(r"[^A-Za-z0-9]+", value) if part)
    return "_" + name if name[:1].isdigit() else name


class Service:
    """One service: reads its model, collects the shapes its operations reach, renders the files."""

    def __init__(self, settings):
        self.settings = settings
        self.model = botocore.session.get_session().get_service_model(settings["model"])
        self.ec2 = self.model.metadata["protocol"] == "ec2"
        self.structures, self.enums, self.exceptions = {}, {}, {}
        for name in settings["operations"]:
            operation = self.model.operation_model(name)
            for shape in (operation.input_shape, operation.output_shape):
                if shape is not None:
                    self.collect(shape)
            for error in operation.error_shapes:
                self.exceptions[exception_name(error.name)] = error.name

    def members(self, shape):
        keep = self.settings.get("keep", {}).get(shape.name)
        unknown = set(keep or []) - set(shape.members)
        if unknown:
            raise SystemExit(f"{shape.name} has no members {sorted(unknown)}")
        return {name: member for name, member in shape.members.items() if keep is None or name in keep}

    def collect(self, shape):
        if shape.type_name == "structure" and shape.name not in self.structures:
            self.structures[shape.name] = shape
            for member in self.members(shape).values():
                self.collect(member)
        elif shape.type_name == "list":
            self.collect(shape.member)
        elif shape.type_name == "map":
            self.collect(shape.value)
        elif getattr(shape, "enum", None):
            self.enums[shape.name] = shape.enum

    def type_of(self, shape):
        if shape.type_name == "structure":
            return shape.name
        if shape.type_name == "list":
            return f"List<{self.type_of(shape.member).rstrip('?')}>"
        if shape.type_name == "map":
            return f"Dictionary<string, {self.type_of(shape.value).rstrip('?')}>"
        return shape.name if getattr(shape, "enum", None) else SCALARS[shape.type_name]

    def wire_name(self, name, shape, request):
        """Name on the wire where it is not what the protocol makes of the property's name; None otherwise."""
        serialization = shape.serialization
        if not self.ec2:
            return name if name != capital(name) else None
        location = serialization.get("name", name)
        if request:
            wire = serialization.get("queryName") or capital(location)
            return wire if wire != capital(name) else None
        return location if location != name[:1].lower() + name[1:] else None

    def property(self, owner, name, shape, request):
        declared = self.settings.get("rename", {}).get(f"{owner}.{name}", capital(name))
        attributes = []
        directions = self.directions(owner)
        for direction in sorted(directions):
            wire = self.wire_name(name, shape, direction == "Request")
            default = declared if (not self.ec2 or direction == "Request") else declared[:1].lower() + declared[1:]
            wire = wire or (name if not self.ec2 else capital(name) if direction == "Request" else name[:1].lower() + name[1:])
            if wire != default:
                attributes.append((direction, wire))
        marks = "".join(f'[Wire{direction}("{wire}")] ' for direction, wire in attributes)
        kind = self.type_of(shape)
        start = f" = AWSConfigs.InitializeCollections ? new {kind}() : null;" if shape.type_name in ("list", "map") else ""
        return f"    {marks}public {kind} {declared} {{ get; set; }}{start}"

    def directions(self, owner):
        if not hasattr(self, "_directions"):
            self._directions = {}
            for name in self.settings["operations"]:
                operation = self.model.operation_model(name)
                for direction, shape in (("Request", operation.input_shape), ("Response", operation.output_shape)):
                    if shape is not None:
                        self.mark(shape, direction)
        return self._directions.get(owner, set())

    def mark(self, shape, direction):
        if shape.type_name == "structure":
            seen = self._directions.setdefault(shape.name, set())
            if direction not in seen:
                seen.add(direction)
                for member in self.members(shape).values():
                    self.mark(member, direction)
        elif shape.type_name == "list":
            self.mark(shape.member, direction)
        elif shape.type_name == "map":
            self.mark(shape.value, direction)

    def body(self, owner, shape, request):
        return [self.property(owner, name, member, request) for name, member in self.members(shape).items()]

    def render_model(self):
        s, lines = self.settings, []
        inputs, outputs = set(), set()
        request_base, response_base = f"{s['client']}Request", "AmazonWebServiceResponse"
        lines += [f"/// <summary>Base of every request of this service.</summary>", f"public abstract class {request_base} : AmazonWebServiceRequest;", ""]
        for name in s["operations"]:
            operation = self.model.operation_model(name)
            shape = operation.input_shape
            lines.append(f"/// <summary>Input of {name}.</summary>")
            lines += [f"public class {name}Request : {request_base}", "{"] + (self.body(shape.name, shape, True) if shape is not None else []) + ["}", ""]
            inputs.add(shape.name if shape is not None else None)
            shape = operation.output_shape
            lines.append(f"/// <summary>Output of {name}.</summary>")
            lines += [f"public class {name}Response : {response_base}", "{"]
            if shape is not None and shape.name in (f"{name}Result", f"{name}Response", f"{name}Output"):
                lines += self.body(shape.name, shape, False)
                outputs.add(shape.name)
            elif shape is not None:
                lines.append(f"    [WireWhole] public {shape.name} {shape.name} {{ get; set; }}")
            lines += ["}", ""]
        for name, shape in sorted(self.structures.items()):
            if name not in inputs and name not in outputs:
                lines += [f"/// <summary>{name} of the service model.</summary>", f"public class {name}", "{"] + self.body(name, shape, True) + ["}", ""]
        for name, error in sorted(self.exceptions.items()):
            lines += [f"/// <summary>Error {error} of the service.</summary>", f"public class {name}(string message, Exception innerException, ErrorType errorType,"
                      f" string errorCode, string requestId, HttpStatusCode statusCode)",
                      f"    : {s['client']}Exception(message, innerException, errorType, errorCode, requestId, statusCode);", ""]
        return self.file(f"Amazon.{s['namespace']}.Model", lines)

    def render_client(self):
        s, m = self.settings, self.model.metadata
        client, base = s["client"], f"{s['client']}Client"
        lines = []
        for name, values in sorted(self.enums.items()):
            lines += [f"/// <summary>Values of {name}; any other string is accepted too.</summary>", f"public class {name} : ConstantClass", "{"]
            if len(values) <= 120:
                taken = set()
                for value in values:
                    constant = constant_name(value)
                    if constant and constant not in taken and constant not in ("Value", name):
                        taken.add(constant)
                        lines.append(f'    public static readonly {name} {constant} = new("{value}");')
            lines += [f"    public {name}(string value)", "        : base(value)", "    {", "    }",
                      f"    public static {name} FindValue(string value) => FindValue<{name}>(value);",
                      f"    public static implicit operator {name}(string value) => FindValue(value);", "}", ""]
        lines += [f"/// <summary>Error of the service; ErrorCode tells which.</summary>", f"public class {client}Exception(string message, Exception innerException, ErrorType errorType, string errorCode,"
                  " string requestId, HttpStatusCode statusCode)", "    : AmazonServiceException(message, innerException, errorType, errorCode, requestId, statusCode);", ""]
        lines += [f"/// <summary>Client of {s['title']}. Safe for use by many threads at once; dispose it when done.</summary>", f"public interface I{client} : IAmazonService, IDisposable", "{"]
        for name in s["operations"]:
            lines += [f"    Task<{name}Response> {name}Async({name}Request request, CancellationToken cancellationToken = default);"]
        lines.append("")
        lines += [f"    static ClientConfig IAmazonService.CreateDefaultClientConfig() => new {client}Config();", "",
                  f"    static IAmazonService IAmazonService.CreateDefaultServiceClient(AWSCredentials awsCredentials, ClientConfig clientConfig) => new {base}(awsCredentials, ({client}Config)clientConfig);"]
        lines += ["}", ""]
        lines += [f"/// <summary>Settings of {base}; endpoint, region and retries come from the SDK's own chain where they are not set.</summary>",
                  f"public class {client}Config : ClientConfig", "{",
                  f"    public {client}Config()", "        : base(new DefaultConfigurationProvider(WireDefaults.All))", "    {",
                  f'        ServiceId = "{self.model.service_id}";',
                  f'        AuthenticationServiceName = "{m.get("signingName", m["endpointPrefix"])}";',
                  f'        EndpointProvider = new WireEndpoints("{m["endpointPrefix"]}");', "    }", "",
                  f'    public override string RegionEndpointServiceName => "{m["endpointPrefix"]}";',
                  f'    public override string ServiceVersion => "{m["apiVersion"]}";',
                  f'    public override string UserAgent => InternalSDKUtils.BuildUserAgentString("{s["namespace"]}", "4.0.0");',
                  "    public override Endpoint DetermineServiceOperationEndpoint(ServiceOperationEndpointParameters parameters) => WireEndpoints.Resolve(this, parameters.AlternateEndpoint);",
                  "}", ""]
        protocol = f'WireProtocol.Ec2("{m["apiVersion"]}", {client}Errors.Create)' if self.ec2 else f'WireProtocol.Json("{m["jsonVersion"]}", "{m["targetPrefix"]}", {client}Errors.Create)'
        lines += [f"internal static class {client}Errors", "{",
                  f"    public static AmazonServiceException Create(WireError error) => error.Code switch", "    {"]
        for name, error in sorted(self.exceptions.items()):
            lines.append(f'        "{error}" => new {name}(error.Message, error.Inner, error.Type, error.Code, error.RequestId, error.StatusCode),')
        lines += [f"        _ => new {client}Exception(error.Message, error.Inner, error.Type, error.Code, error.RequestId, error.StatusCode),", "    };", "}", ""]
        lines += [f"/// <inheritdoc cref=\"I{client}\" />", f"public class {base} : AmazonServiceClient, I{client}", "{",
                  f"    private static readonly IServiceMetadata Metadata = new WireMetadata(\"{self.model.service_id}\");",
                  f"    private static readonly WireProtocol Protocol = {protocol};", ""]
        for parameters, arguments in ((f"", f"new {client}Config()"), ("RegionEndpoint region", f"new {client}Config {{ RegionEndpoint = region }}"), (f"{client}Config config", "config"),
                                      ("AWSCredentials credentials", f"credentials, new {client}Config()"),
                                      ("AWSCredentials credentials, RegionEndpoint region", f"credentials, new {client}Config {{ RegionEndpoint = region }}"),
                                      (f"AWSCredentials credentials, {client}Config clientConfig", "credentials, clientConfig"),
                                      (f"string awsAccessKeyId, string awsSecretAccessKey, {client}Config clientConfig", "awsAccessKeyId, awsSecretAccessKey, clientConfig"),
                                      (f"string awsAccessKeyId, string awsSecretAccessKey, string awsSessionToken, {client}Config clientConfig", "awsAccessKeyId, awsSecretAccessKey, awsSessionToken, clientConfig")):
            lines += [f"    public {base}({parameters})", f"        : base({arguments})", "    {", "    }", ""]
        lines += ["    protected override IServiceMetadata ServiceMetadata => Metadata;", "",
                  "    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline) => WirePipeline.Customize(pipeline);", ""]
        for name in s["operations"]:
            lines += [f"    /// <inheritdoc />", f"    public virtual Task<{name}Response> {name}Async({name}Request request, CancellationToken cancellationToken = default) =>",
                      f"        InvokeAsync<{name}Response>(request, Protocol.Options<{name}Response>(\"{name}\"), cancellationToken);", ""]
        lines[-1:] = ["}", ""]
        return self.file(f"Amazon.{s['namespace']}", lines, f"using Amazon.{s['namespace']}.Model;\n")

    def file(self, namespace, lines, using=""):
        return ("// <auto-generated>Written by AwsServices/Generator/generate.py from botocore's service model; change that, not this.</auto-generated>\n"
                "#nullable disable\n"
                "using System.Net;\nusing Amazon.Runtime;\nusing Amazon.Runtime.Endpoints;\nusing Amazon.Runtime.Internal;\nusing Amazon.Util.Internal;\nusing Durable.AwsServices.Wire;\n" + using +
                f"\nnamespace {namespace};\n\n" + "\n".join(lines).rstrip("\n") + "\n")


def main():
    check, stale = "--check" in sys.argv[1:], []
    for settings in json.loads((HERE / "services.json").read_text()):
        service = Service(settings)
        for name, text in (("Client.g.cs", service.render_client()), ("Model.g.cs", service.render_model())):
            path = HERE.parent / settings["namespace"] / name
            if check:
                if not path.exists() or path.read_text() != text:
                    stale.append(str(path.relative_to(HERE.parent)))
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    if stale:
        sys.exit("not as generated: " + ", ".join(stale))


if __name__ == "__main__":
    main()
