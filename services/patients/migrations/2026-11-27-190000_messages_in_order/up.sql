-- Whether a later message of its sender has told of a patient already, and the messages of one patient. Built beside the work.
CREATE INDEX CONCURRENTLY hl7_messages_of_patient ON hl7_messages (patient, id) WHERE patient IS NOT NULL;
