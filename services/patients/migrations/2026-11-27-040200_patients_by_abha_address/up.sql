CREATE INDEX CONCURRENTLY patients_by_abha_address ON patients (abha_address) WHERE abha_address IS NOT NULL;
