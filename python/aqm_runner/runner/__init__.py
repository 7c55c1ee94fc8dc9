"""The process that carries out jobs: requests in, events out; what every op is given."""
