-- Few of all messages were ever parked: without it a list of those that were settled would read every message that ever came.
CREATE INDEX CONCURRENTLY hl7_messages_resolved ON hl7_messages (resolution, id) WHERE resolution IS NOT NULL;
