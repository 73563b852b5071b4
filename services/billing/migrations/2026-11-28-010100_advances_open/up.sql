-- Of the advances few have something left, and the list is asked for those.
CREATE INDEX CONCURRENTLY advances_open ON advances (dated DESC, id DESC) WHERE amount > used + refunded;
