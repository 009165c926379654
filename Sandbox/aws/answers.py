"""Answers in the three shapes the services use: EC2's XML, S3's XML, JSON."""
import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


def json_answer(body, status=200, error=None):
    response = Response(json.dumps(body), status=status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    if error:
        response.headers["x-amzn-ErrorType"] = error
    return response


def ec2_answer(operation, inner):
    body = f'<?xml version="1.0" encoding="UTF-8"?><{operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>{uuid.uuid4()}</requestId>{inner}</{operation}Response>'
    return Response(body, content_type="text/xml;charset=UTF-8")


def error(call, code, message, status=400):
    """The error as the service of the call words it."""
    if call.service == "s3":
        return Response(f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>{uuid.uuid4()}</RequestId></Error>",
                        status=status, content_type="application/xml")
    if call.service == "sts":
        return Response(f"<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
                        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>", status=status, content_type="text/xml")
    if call.service == "ec2":
        return Response(f"<?xml version='1.0' encoding='UTF-8'?><Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
                        f"<RequestID>{uuid.uuid4()}</RequestID></Response>", status=status, content_type="text/xml;charset=UTF-8")
    return json_answer({"__type": code, "message": message}, status, code)


def broken(start_response):
    """An answer that breaks off in the middle. Without a first byte, .NET would silently resend the request on another connection."""
    start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    yield b"."
    raise ConnectionAbortedError("a call without an answer, as asked for")


class Refused(Exception):
    """An operation answers with an error of the service."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
