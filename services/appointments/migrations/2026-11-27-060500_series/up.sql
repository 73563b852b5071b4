-- Appointments that were booked together by a rule.
CREATE TABLE series (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rrule      text        NOT NULL,
    created_by bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE appointments ADD COLUMN series_id bigint REFERENCES series (id);
CREATE INDEX appointments_of_series ON appointments (series_id) WHERE series_id IS NOT NULL;
