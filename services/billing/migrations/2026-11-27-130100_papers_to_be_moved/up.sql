CREATE INDEX CONCURRENTLY papers_to_be_moved ON papers (due_at) WHERE content IS NOT NULL;
