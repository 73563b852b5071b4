-- A list of one status, in the order of time: the rare ones, and those that lie long past or far ahead, are found without all the others.
-- A change of status writes into every index as it is, since others' predicates name it: this one is one more.
CREATE INDEX appointments_of_status ON appointments (status, starts_at, id);

-- Those who are awaited, without those whom the hospital itself has to move: nobody marks these, and they stay, past as they are.
DROP INDEX appointments_awaited;
CREATE INDEX appointments_awaited ON appointments (starts_at)
    WHERE status IN ('SCHEDULED', 'CONFIRMED') AND rescheduling_cause IS NULL;
