DROP INDEX CONCURRENTLY papers_to_be_moved;
