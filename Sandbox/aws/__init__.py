"""The AWS sandbox: moto keeps the state, this package makes calls execute."""
