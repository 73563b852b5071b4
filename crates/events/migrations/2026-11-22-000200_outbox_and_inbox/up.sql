-- Events not yet sent: one row per subscriber, written in the transaction that made the change, deleted once sent.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      uuid        NOT NULL,
    event_type    text        NOT NULL,
    subscriber    text        NOT NULL,
    message_group text        NOT NULL,
    body          bytea       NOT NULL,
    traceparent   text,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Rows live for a second; without this the table's dead rows would outnumber them by thousands before a vacuum.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Events applied: written in the transaction that applied them, so a second delivery finds its row.
CREATE TABLE inbox (
    subscriber text        NOT NULL,
    event_id   uuid        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscriber, event_id)
);

CREATE INDEX inbox_applied_at ON inbox (applied_at);
