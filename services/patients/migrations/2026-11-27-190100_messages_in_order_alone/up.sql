-- `hl7_messages_of_patient` is the same, and in order.
DROP INDEX CONCURRENTLY hl7_messages_by_patient;
