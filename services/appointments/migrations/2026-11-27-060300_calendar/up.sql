-- Hours for a while, which take the place of the usual ones; and when a doctor is away.
ALTER TABLE availability ADD COLUMN works_on_holidays boolean NOT NULL DEFAULT false;

CREATE TABLE hours_periods (
    id              bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doctor_id       bigint  NOT NULL REFERENCES availability (doctor_id) ON DELETE CASCADE,
    effective_from  date    NOT NULL,
    effective_until date    CHECK (effective_until >= effective_from), -- the last day; null: for good
    slot_minutes    integer NOT NULL CHECK (slot_minutes BETWEEN 5 AND 480),
    buffer_before   integer NOT NULL CHECK (buffer_before BETWEEN 0 AND 120),
    buffer_after    integer NOT NULL CHECK (buffer_after BETWEEN 0 AND 120),
    CONSTRAINT hours_periods_overlap EXCLUDE USING gist
        (doctor_id WITH =, daterange(effective_from, effective_until, '[]') WITH &&)
);

CREATE TABLE period_hours (
    period_id  bigint   NOT NULL REFERENCES hours_periods (id) ON DELETE CASCADE,
    weekday    smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6), -- 0 is Monday
    start_time time     NOT NULL,
    end_time   time     NOT NULL,
    PRIMARY KEY (period_id, weekday, start_time),
    CHECK (start_time < end_time),
    CONSTRAINT period_hours_overlap EXCLUDE USING gist (
        period_id WITH =,
        weekday WITH =,
        int4range(extract(epoch FROM start_time)::integer, extract(epoch FROM end_time)::integer) WITH &&
    )
);

CREATE TABLE time_off (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doctor_id  bigint      NOT NULL REFERENCES staff (id),
    kind       text        NOT NULL CHECK (kind IN ('LEAVE', 'BLOCK')),
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    reason     text        NOT NULL,
    created_by bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Nobody finds one by when it began alone unless its length is bounded.
    CHECK (ends_at > starts_at AND ends_at - starts_at <= interval '367 days')
);
CREATE INDEX time_off_of_doctor ON time_off (doctor_id, starts_at);
