-- Who else pays an invoice: the payer (an insurer, a scheme, an employer), the policy, how much of the bill is theirs, and
-- where the claim stands. The invoice itself does not change by it.
CREATE TABLE insurance (
    invoice_id              bigint PRIMARY KEY REFERENCES invoices (id),
    version                 bigint NOT NULL DEFAULT 1,
    payer                   text NOT NULL CHECK (payer <> ''),
    policy_number           text NOT NULL CHECK (policy_number <> ''),
    preauthorisation_number text,
    preauthorised_amount    bigint CHECK (preauthorised_amount >= 0),     -- paise, as all amounts
    payer_amount            bigint NOT NULL CHECK (payer_amount >= 0 AND payer_amount <= preauthorised_amount),
    claim_status            text NOT NULL CHECK (claim_status IN ('NOT_SUBMITTED', 'SUBMITTED', 'QUERIED', 'APPROVED',
                                                                  'REJECTED', 'SETTLED')),
    claim_number            text,
    note                    text,
    updated_by              bigint NOT NULL,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX insurance_claim_status ON insurance (claim_status, invoice_id) WHERE claim_status <> 'SETTLED';
