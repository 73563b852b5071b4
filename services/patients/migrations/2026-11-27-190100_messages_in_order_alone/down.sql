CREATE INDEX CONCURRENTLY hl7_messages_by_patient ON hl7_messages (patient) WHERE patient IS NOT NULL;
