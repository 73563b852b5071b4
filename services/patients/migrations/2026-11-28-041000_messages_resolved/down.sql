DROP INDEX CONCURRENTLY hl7_messages_resolved;
