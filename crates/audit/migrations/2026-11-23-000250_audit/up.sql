-- Rows are written once and never touched. Their order is (tx, id): the transaction, then the place within it.
CREATE SEQUENCE audit_log_id_seq;
CREATE TABLE audit_log (
    id         bigint      NOT NULL DEFAULT nextval('audit_log_id_seq'),
    tx         bigint      NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    at         timestamptz NOT NULL,
    actor      bigint,
    role       text,
    session    uuid,
    action     text        NOT NULL,
    object     text        NOT NULL,
    patients   bigint[]    NOT NULL,
    outcome    text        NOT NULL
        CHECK (outcome IN ('SUCCESS', 'UNAUTHENTICATED', 'DENIED', 'NOT_FOUND', 'REFUSED', 'FAILED')),
    address    text,
    user_agent text,
    trace_id   text,
    reason     text,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
ALTER SEQUENCE audit_log_id_seq OWNED BY audit_log.id;
CREATE INDEX audit_log_order ON audit_log (tx, id);
CREATE INDEX audit_log_actor ON audit_log (actor, at, id);
CREATE INDEX audit_log_patients ON audit_log USING gin (patients);

-- Each link covers the transactions from the last link's end up to its own, and its hash holds the last link's.
CREATE TABLE audit_link (
    seq       bigint      PRIMARY KEY CHECK (seq > 0),
    first_tx  bigint      NOT NULL,
    end_tx    bigint      NOT NULL UNIQUE CHECK (end_tx > first_tx),
    rows      bigint      NOT NULL CHECK (rows > 0),
    hash      bytea       NOT NULL CHECK (octet_length(hash) = 32),
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where verifying begins, once old months are detached. The owner alone writes it.
CREATE TABLE audit_anchor (
    seq         bigint      PRIMARY KEY,
    end_tx      bigint      NOT NULL,
    hash        bytea       NOT NULL,
    anchored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_link FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_link FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_anchor FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Last month, this one, and so many ahead. As the owner, since the worker's role may make no table.
CREATE FUNCTION audit_make_partitions(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    month timestamp;
    name text;
    made integer := 0;
BEGIN
    IF ahead NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'between 0 and 24 months ahead';
    END IF;
    PERFORM pg_advisory_xact_lock('audit_log'::regclass::oid::bigint);
    FOR i IN -1..ahead LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i);
        name := 'audit_log_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE audit_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, %I', name, regexp_replace(current_user, '_owner$', '_app'));
        EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', name);
        EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
            month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Months that ended so many years ago become tables of their own, and verifying begins after them. The owner's alone.
CREATE FUNCTION audit_detach(years integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    name text;
    last_tx bigint;
BEGIN
    IF years < 1 THEN
        RAISE EXCEPTION 'audit rows are kept for a year at least';
    END IF;
    FOR name IN SELECT part.relname FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
        WHERE inhparent = 'audit_log'::regclass ORDER BY 1
    LOOP
        CONTINUE WHEN to_date(right(name, 7), 'YYYY_MM') + interval '1 month' > now() - make_interval(years => years);
        EXECUTE format('SELECT max(tx) FROM %I', name) INTO last_tx;
        IF last_tx IS NOT NULL THEN
            IF NOT EXISTS (SELECT FROM audit_link WHERE end_tx > last_tx) THEN
                RAISE EXCEPTION 'rows of % are not linked yet', name;
            END IF;
            INSERT INTO audit_anchor (seq, end_tx, hash)
                SELECT link.seq, link.end_tx, link.hash FROM audit_link link WHERE link.end_tx > last_tx ORDER BY link.seq LIMIT 1
                ON CONFLICT DO NOTHING;
        END IF;
        EXECUTE format('ALTER TABLE audit_log DETACH PARTITION %I', name);
        RETURN NEXT name;
    END LOOP;
END $$;

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION audit_make_partitions(integer) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION audit_make_partitions(integer), audit_detach(integer) FROM PUBLIC');
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit_make_partitions(integer) TO %I', app);
    EXECUTE format('REVOKE ALL ON audit_log, audit_link, audit_anchor FROM %I', app);
    EXECUTE format('GRANT SELECT ON audit_log, audit_link, audit_anchor TO %I', app);
    EXECUTE format('GRANT INSERT (at, actor, role, session, action, object, patients, outcome, address, user_agent, trace_id, reason) ON audit_log TO %I', app);
    EXECUTE format('GRANT INSERT (seq, first_tx, end_tx, rows, hash) ON audit_link TO %I', app);
END $$;

SELECT audit_make_partitions(3);
