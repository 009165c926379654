"""The AWS sandbox: moto for what it does well, this package for what must really happen."""
