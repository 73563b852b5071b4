DROP TABLE provider_events, provider_refunds, provider_orders;
