DROP TABLE audit_anchor, audit_link, audit_log;
DROP FUNCTION audit_make_partitions(integer), audit_detach(integer), audit_refuse();
