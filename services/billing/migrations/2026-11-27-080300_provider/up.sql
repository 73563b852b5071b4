-- What billing keeps of the payment provider's side. No secret and nothing of the payer's is here.

-- The order that a payment by the provider waits for.
CREATE TABLE provider_orders (
    payment_id          bigint PRIMARY KEY REFERENCES payments (id),
    order_id            text NOT NULL UNIQUE,
    provider_payment_id text UNIQUE,                   -- what paid the order
    opened_at           timestamptz NOT NULL DEFAULT now(),
    check_at            timestamptz                    -- when to ask the provider next; null: not any more
);
CREATE INDEX provider_orders_due ON provider_orders (check_at) WHERE check_at IS NOT NULL;

-- A refund that the provider has to send.
CREATE TABLE provider_refunds (
    refund_id          bigint PRIMARY KEY REFERENCES refunds (id),
    provider_refund_id text UNIQUE,                    -- null: not asked for yet, or the last one failed
    failures           integer NOT NULL DEFAULT 0,     -- how often the provider could not send it
    attempts           integer NOT NULL DEFAULT 0,     -- how often it was asked
    try_at             timestamptz                     -- when to go on; null: sent
);
CREATE INDEX provider_refunds_due ON provider_refunds (try_at) WHERE try_at IS NOT NULL;

-- The provider's events that were seen, so that a repeated one is known. Forgotten when they would be refused for their age.
CREATE TABLE provider_events (
    event_id    text PRIMARY KEY CHECK (length(event_id) <= 64),
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provider_events_received ON provider_events (received_at);
