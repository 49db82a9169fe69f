"""Gateway: the HTTP server that outside systems call; it answers when Kafka has the bytes."""
