"""Commands as clients: what they do goes through the public API, with the AWS SDK."""
