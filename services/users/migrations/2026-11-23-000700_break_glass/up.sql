-- Every use of break-glass that patients told of, and what an auditor says of it.
CREATE TABLE break_glass_reviews (
    id          bigint      PRIMARY KEY,                                          -- the grant's
    user_id     bigint      NOT NULL,                                             -- the doctor or nurse
    role        text        NOT NULL,
    reason      text        NOT NULL,
    patients    bigint[]    NOT NULL,                                             -- the one opened, or those that a search showed
    granted_at  timestamptz NOT NULL,
    expires_at  timestamptz,                                                      -- null: a search, which opens no record
    status      text        NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'JUSTIFIED', 'NOT_JUSTIFIED')),
    note        text        NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    reviewed_by bigint,
    reviewed_at timestamptz,
    version     bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    CHECK (num_nulls(reviewed_by, reviewed_at) = CASE status WHEN 'PENDING' THEN 2 ELSE 0 END),
    CHECK (reviewed_by <> user_id)
);
CREATE INDEX break_glass_reviews_status ON break_glass_reviews (status, id);
